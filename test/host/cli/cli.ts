import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

const PROJECT = resolve(import.meta.dirname, '../../..')
const MAIN = join(PROJECT, 'src/main/hosts/cli/main.ts')
export const BIN = join(PROJECT, 'bin/reelsheet.js')
export const BOAT = join(PROJECT, 'resources/sample/media/paper-boat.png')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
  /** With --json: the objects that were printed. */
  records: Record<string, unknown>[]
}

/** A folder of one test with a data folder in it; gone when the test ends. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'reelsheet-cli-'))
  readonly home = join(this.folder, 'home')
  readonly archive = join(this.folder, 'archive')
  environment: NodeJS.ProcessEnv = {}

  constructor() {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  write(name: string, content: string | Buffer): string {
    const path = join(this.folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** A sheet of two-second clips that move one picture. */
  sheet(prompts: readonly string[], name = 'night.csv'): string {
    const rows = prompts.map(
      (prompt, index) => `r${index + 1},wan2.6-image-to-video-flash,"${prompt}",2,720p,${BOAT},false`,
    )
    return this.write(name, ['id,model,prompt,duration,quality,ref 1,generate_audio', ...rows, ''].join('\n'))
  }

  /** Starts the real command line on this data folder. Ended, if need be, with the test. */
  start(args: readonly string[], program = MAIN): Running {
    const running = new Running(
      spawn(process.execPath, [program, '--home', this.home, '--practice-speed', '200', ...args], {
        cwd: this.folder,
        env: { PATH: process.env.PATH, HOME: this.folder, ...this.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
    onTestFinished(() => void running.child.kill('SIGKILL'))
    return running
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended
  }
}

export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  private stdout = ''
  private stderr = ''
  private readonly waiting = new Set<() => void>()

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      for (const look of this.waiting) look()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = new Promise((settle) => {
      child.on('close', (code) => {
        const { stdout, stderr } = this
        settle({ code, stdout, stderr, records: toRecords(stdout) })
      })
    })
  }

  /** Resolves when this was printed; rejects when the program ended without it. */
  async printed(pattern: RegExp): Promise<string> {
    const found = new Promise<string>((settle) => {
      const look = (): void => {
        const match = pattern.exec(this.stdout)
        if (match) settle(match[0])
      }
      this.waiting.add(look)
      look()
    })
    const early = this.ended.then((end) => {
      throw new Error(`ended with ${end.code} before ${pattern}: ${end.stdout}${end.stderr}`)
    })
    return Promise.race([found, early])
  }
}

function toRecords(stdout: string): Record<string, unknown>[] {
  if (!stdout.startsWith('{')) return []
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
