import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHECKPOINTS } from '../../src/main/core/ports.ts'
import { inspect } from './invariants.ts'

const CHILD = join(import.meta.dirname, 'child.ts')
const MEDIA = resolve(import.meta.dirname, '../../resources/sample/media')

/** Two rows with uploads, two with inline files, one of them with its answer lost besides. */
const SHEET = `prompt,model,duration,size,ref 1
a calm lake,wan2.6-image-to-video-flash,2,,${MEDIA}/lake-at-dusk.jpg
a paper boat,wan2.6-image-to-video-flash,2,,${MEDIA}/paper-boat.png
character1 by a lake,wan26_r2v,2,1280*720,${MEDIA}/lake-at-dusk.jpg
a lost answer [accept then-cut],wan26_r2v,2,1280*720,${MEDIA}/paper-boat.png
`
const ROWS = 4

interface Life {
  signal: NodeJS.Signals | null
  code: number | null
  output: string
}

function live(folder: string, killAt?: string): Promise<Life> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [CHILD, folder, join(folder, 'sheet.csv')], {
      env: { ...process.env, REELSHEET_KILL_AT: killAt ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('error', fail)
    child.on('exit', (code, signal) => done({ code, signal, output }))
  })
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-crash-'))
  try {
    writeFileSync(join(folder, 'sheet.csv'), SHEET)
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe.concurrent('killed without warning, then started again', () => {
  for (const point of CHECKPOINTS) {
    // The first time a point is passed, and once more when other rows are under way.
    for (const nth of [1, 2]) {
      it(`at ${point}, time ${nth}: each row is bought once and archived whole`, () =>
        inFolder(async (folder) => {
          const first = await live(folder, `${point}:${nth}`)
          expect(first.signal, first.output).toBe('SIGKILL')
          const second = await live(folder)
          expect(second.code, second.output).toBe(0)
          expect(inspect(folder, ROWS).broken).toEqual([])
        }))
    }
  }

  it('killed twice, the second time during recovery: still once and whole', () =>
    inFolder(async (folder) => {
      expect((await live(folder, 'submit.answered:2')).signal).toBe('SIGKILL')
      expect((await live(folder, 'submit.stored:1')).signal).toBe('SIGKILL')
      expect((await live(folder)).code).toBe(0)
      expect(inspect(folder, ROWS).broken).toEqual([])
    }))

  it('a file of another hand under the clip’s name stays as it is', () =>
    inFolder(async (folder) => {
      const stranger = join(folder, 'archive/sheet/001-a-calm-lake-1.mp4')
      mkdirSync(join(folder, 'archive/sheet'), { recursive: true })
      writeFileSync(stranger, 'mine')
      expect((await live(folder, 'download.named:1')).signal).toBe('SIGKILL')
      expect((await live(folder)).code).toBe(0)
      expect(readFileSync(stranger, 'utf8')).toBe('mine')
      expect(inspect(folder, ROWS).broken).toEqual(['left over: sheet/001-a-calm-lake-1.mp4'])
    }))
})
