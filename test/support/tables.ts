import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Table, TableRow } from '../../src/main/core/tables/table.ts'
import { writeTable } from '../../src/main/core/tables/write.ts'
import type { ExportFormat } from '../../src/shared/contract.ts'

export const FORMATS = ['csv', 'xlsx', 'json'] as const satisfies readonly ExportFormat[]

/** A folder that is gone when the test is over. */
export function tableFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-tables-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function* pagesOf<T>(...pages: T[]): AsyncGenerator<T> {
  for (const page of pages) yield page
}

export const tableOf = (columns: readonly string[], rows: readonly TableRow['cells'][]): Table => ({
  columns,
  pages: pagesOf(rows.map((cells, index) => ({ name: `row ${index + 1}`, cells }))),
})

let files = 0

/** Writes a table and gives its bytes back; the folder then holds nothing else of it. */
export async function bytesOf(table: Table, format: ExportFormat, folder = tableFolder()): Promise<Buffer> {
  const name = `table-${++files}.${format}`
  const path = join(folder, name)
  await writeTable(table, { path, format, title: 'Table' })
  const left = readdirSync(folder).filter((one) => one.startsWith(name))
  if (left.length !== 1) throw new Error(`left behind: ${left.join(', ')}`)
  const bytes = await readFile(path)
  rmSync(path)
  return bytes
}
