/** `npm run bench [-- name …] [-- --json]`: runs the benchmarks one after the other and prints one table. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Bench, BenchRow } from './harness.ts'

const SHARED = new Set(['main.ts', 'harness.ts'])
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !SHARED.has(file))
  .map((file) => file.slice(0, -3))

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length)
if (only === undefined) await runAll(wanted.length > 0 ? wanted : names)
else await runOne(only)

/** Each benchmark has a process of its own: the memory and the caches of one are not those of the next. */
async function runAll(chosen: string[]): Promise<void> {
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    console.error(`There is no benchmark called ${unknown.join(', ')}. There are: ${names.join(', ')}.`)
    process.exit(2)
  }
  const rows: BenchRow[] = []
  let broken = 0
  for (const name of chosen) {
    console.log(`\n# ${name}`)
    const found = await inProcess(name)
    if (found) rows.push(...found)
    else broken += 1
  }
  printTable(rows)
  const missed = rows.filter((row) => row.isMet === false).length
  const met = rows.filter((row) => row.isMet).length
  console.log(`\n${met} bars met, ${missed} missed, ${broken} benchmarks broken`)
  process.exit(broken > 0 ? 2 : missed > 0 ? 1 : 0)
}

function inProcess(name: string): Promise<BenchRow[] | null> {
  return new Promise((done) => {
    const args = ['--expose-gc', import.meta.filename, `--only=${name}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let rows: BenchRow[] | null = null
    child.on('message', (message) => {
      rows = message as BenchRow[]
    })
    child.on('exit', (code) => done(code === 0 ? rows : null))
  })
}

async function runOne(name: string): Promise<void> {
  const { bench } = (await import(join(import.meta.dirname, `${name}.ts`))) as { bench: Bench }
  const rows = await bench.run((line) => console.log(`  ${line}`))
  process.send?.(rows)
  process.disconnect?.()
}

function printTable(rows: BenchRow[]): void {
  const columns = ['what', 'measured', 'bar'] as const
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => row[column].length)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`
  console.log(`\n${cpus().length} x ${cpus()[0]?.model.trim()}, ${memory}, Node ${process.versions.node}\n`)
  console.log(`        ${line(columns)}`)
  for (const row of rows) {
    const mark = row.isMet === null ? '' : row.isMet ? 'met' : 'MISSED'
    console.log(`${mark.padEnd(8)}${line(columns.map((column) => row[column]))}`)
  }
}
