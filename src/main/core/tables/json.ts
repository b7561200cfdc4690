import { keepQuotes } from '../sheets/escape.ts'
import { type Cell, cleanWords, type Draft, type Table } from './table.ts'

/** JSON: an array of objects, one a line. Every object has every column, so that its order says theirs. */
export async function writeJson({ columns, pages }: Table, draft: Draft): Promise<void> {
  const names = columns.map((column) => `${JSON.stringify(keepQuotes(column))}:`)
  let before = '[\n'
  for await (const page of pages) {
    const lines = page.map(({ cells }) => `{${names.map((name, at) => name + toJson(cells[at])).join(',')}}`)
    if (lines.length === 0) continue
    await draft.write(before + lines.join(',\n'))
    before = ',\n'
  }
  await draft.write(before === '[\n' ? '[]\n' : '\n]\n')
}

/** Half a character is written as its escape, which JSON can hold. */
function toJson(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return 'null'
  if (typeof cell === 'string') return JSON.stringify(keepQuotes(cell))
  return 'decimal' in cell ? cell.decimal : JSON.stringify(cleanWords(cell.words))
}
