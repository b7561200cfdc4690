import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Practice, startPractice } from '../../../src/practice/index.ts'

const PROJECT = resolve(import.meta.dirname, '../../..')
const MAIN = join(PROJECT, 'src/main/hosts/cli/main.ts')
export const BIN = join(PROJECT, 'bin/reelsheet.js')
export const BOAT = join(PROJECT, 'resources/sample/media/paper-boat.png')

/** Runs a program on a pseudo-terminal, with this process's input as its keys. */
const TERMINAL = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sources = [terminal, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if terminal in ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        keys = os.read(0, 65536)
        if keys:
            os.write(terminal, keys)
        else:
            sources.remove(0)
_, status = os.waitpid(pid, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`

/** Why no terminal can be had here; null = it can. */
export const noTerminal: string | null = ((): string | null => {
  const { error, status } = spawnSync('python3', ['-c', 'import pty; pty.openpty()'])
  if (!error && status === 0) return null
  return 'skipped: there is no python3 with pseudo-terminals on this machine'
})()

/** A provider of the EvoLink and Vtrix APIs with its own key, as a stranger would run it. */
export async function startStranger(desk: Desk, key: string): Promise<Practice> {
  let number = 0
  const practice = await startPractice({
    folder: join(desk.folder, 'stranger'),
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    random: { next: () => 0.5, id: (length) => `${++number}`.padStart(length, '0') },
    resources: join(PROJECT, 'resources/practice'),
    keys: [key],
    speed: 200,
    syncWrites: false,
  })
  onTestFinished(() => practice.stop())
  return practice
}

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
    return this.spawn(process.execPath, [program, ...this.common, ...args], 'ignore')
  }

  /** The same on a terminal of its own: what `type` gets is typed there. */
  startOnTerminal(args: readonly string[]): Running {
    const line = ['-c', TERMINAL, process.execPath, MAIN, ...this.common, ...args]
    return this.spawn('python3', line, 'pipe')
  }

  /** The same with cells on its standard input. */
  pipe(input: string, ...args: readonly string[]): Promise<Ended> {
    const running = this.spawn(process.execPath, [MAIN, ...this.common, ...args], 'pipe')
    running.child.stdin?.end(input)
    return running.ended
  }

  private get common(): string[] {
    return ['--home', this.home, '--practice-speed', '200']
  }

  private spawn(program: string, args: readonly string[], input: 'ignore' | 'pipe'): Running {
    const running = new Running(
      spawn(program, args, {
        cwd: this.folder,
        env: { PATH: process.env.PATH, HOME: this.folder, ...this.environment },
        stdio: [input, 'pipe', 'pipe'],
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

  /** Keys that a person presses. */
  type(keys: string): void {
    this.child.stdin?.write(keys)
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
