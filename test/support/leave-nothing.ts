import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Runs around the suites: their tests get a temporary folder of their own, which must be empty again at
 * the end, and no process that was started with it may still live.
 */
export default function setup(): (() => void) | undefined {
  // Each suite inherits this set-up; the first one does the work for all.
  if (process.env.REELSHEET_TEST_FOLDER) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-tests-'))
  const before = process.env.TMPDIR
  process.env.REELSHEET_TEST_FOLDER = folder
  process.env.TMPDIR = folder
  return () => {
    const left = [...readdirSync(folder).map((name) => `folder ${name}`), ...processesOf(folder)]
    rmSync(folder, { recursive: true, force: true })
    delete process.env.REELSHEET_TEST_FOLDER
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    if (left.length > 0) throw new Error(`tests left something behind:\n  ${left.join('\n  ')}`)
  }
}

/** Living processes that the tests started, by the environment they inherited; told on Linux only. */
function processesOf(folder: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((id) => {
      const command = read(`/proc/${id}/cmdline`).replaceAll('\0', ' ')
      const isWorker = command.includes('vitest')
      return !isWorker && read(`/proc/${id}/environ`).includes(`TMPDIR=${folder}`)
        ? [`process ${id}: ${command.slice(0, 120)}`]
        : []
    })
}

/** Processes end while they are looked at, and those of other users cannot be read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
