import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspect } from './invariants.ts'

const PROJECT = resolve(import.meta.dirname, '../..')
const CLI = join(PROJECT, 'src/main/hosts/cli/main.ts')
const SHEET = join(PROJECT, 'resources/sample/sheet.csv')
const ROWS = 12
/** How many moments are tried: `REELSHEET_KILLS=30 npx vitest run --project crash test/crash/demo.test.ts`. */
const KILLS = Number(process.env.REELSHEET_KILLS ?? 4)

interface Ended {
  signal: NodeJS.Signals | null
  code: number | null
  lines: string[]
}

/** Runs the command line; kills it, with no chance to tidy up, as soon as it has written `killAfter` lines. */
function cli(home: string, args: string[], killAfter = Number.POSITIVE_INFINITY): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [CLI, '--home', home, '--json', ...args], {
      env: { ...process.env, REELSHEET_HOME: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.split('\n').length > killAfter) child.kill('SIGKILL')
    })
    child.on('error', fail)
    child.on('exit', (code, signal) => done({ code, signal, lines: text.split('\n').filter(Boolean) }))
  })
}

describe.concurrent('the sample sheet, killed at some line of its output and resumed', () => {
  for (let kill = 0; kill < KILLS; kill++) {
    // Spread over the run. It writes some forty lines, fewer where a busy machine tells several changes at once.
    const line = 1 + Math.floor((kill * 24) / Math.max(1, KILLS - 1))
    it(`after line ${line}: the same twelve clips and twelve tasks`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'reelsheet-demo-'))
      const home = join(folder, 'home')
      const archive = join(folder, 'archive')
      try {
        const run = ['run', SHEET, '--archive', archive, '--yes', '--practice-speed', '100']
        const first = await cli(home, run, line)
        expect(first.signal).toBe('SIGKILL')
        const resumed = await cli(home, ['resume', '--practice-speed', '100'])
        expect(resumed.code, resumed.lines.at(-1)).toBe(0)
        // A kill before the sheet was imported left nothing to resume; after it, the sheet buys nothing more.
        const again = await cli(home, run)
        expect(again.code, again.lines.at(-1)).toBe(0)
        const found = inspect(folder, ROWS)
        expect(found.broken).toEqual([])
        expect(found.tasks).toHaveLength(ROWS)
        expect(found.files).toHaveLength(ROWS * 2)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
})
