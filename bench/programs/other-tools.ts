import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const MIB = 1024 * 1024

export const hasTool = (name: string): boolean =>
  spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0

/** GNU time, which tells a command's peak memory. */
const hasTime = (): boolean =>
  spawnSync('/usr/bin/time', ['-f', '%M', 'true'], { encoding: 'utf8' }).stderr?.trim() !== undefined &&
  process.platform === 'linux'

/** Runs a command; `peakBytes` is null where the system has no GNU time. Throws when it fails. */
export async function runTool(
  command: string,
  args: readonly string[],
): Promise<{ elapsedMs: number; output: string; peakBytes: number | null }> {
  const measures = hasTime()
  const start = performance.now()
  const child = measures ? spawn('/usr/bin/time', ['-f', 'peak %M', command, ...args]) : spawn(command, args)
  let output = ''
  let complaints = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  child.stderr.on('data', (text) => {
    complaints += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${complaints}`)
  const peak = /peak (\d+)/.exec(complaints)?.[1]
  return { elapsedMs: performance.now() - start, output, peakBytes: peak ? Number(peak) * 1024 : null }
}

/** A program of this folder in a process of its own; resolves with the one thing it tells. */
export async function runProgram<Told>(name: string, args: readonly string[]): Promise<Told> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, { execArgv: [] })
  const told = once(child, 'message')
  const ended = once(child, 'exit')
  const [first] = (await Promise.race([told, ended])) as [Told]
  if (typeof first !== 'object') throw new Error(`${name} ended with ${first}`)
  await ended
  return first
}

export interface ByteServer {
  base: string
  close(): Promise<void>
}

export async function startByteServer(): Promise<ByteServer> {
  const child = fork(join(import.meta.dirname, 'byte-server.ts'), { execArgv: [] })
  const [port] = (await once(child, 'message')) as [number]
  return {
    base: `http://127.0.0.1:${port}`,
    close: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
