import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Running<Told> {
  /** The first thing that the process told. */
  told: Told
  /** Asks it for its last word, and waits for its end. */
  ask(): Promise<Told>
  stop(): Promise<void>
}

/** Starts a part in a process of its own and resolves with the first message it sends. */
export async function startPart<Told>(file: string, args: string[]): Promise<Running<Told>> {
  const child = fork(join(import.meta.dirname, file), args, {
    execArgv: process.env.BENCH_NODE_ARGS?.split(' ') ?? [],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const message = once(child, 'message') as Promise<[Told]>
  message.catch(() => undefined)
  const ended = exited.then(([code]) => {
    throw new Error(`${file} ended with ${code} before it told anything`)
  })
  ended.catch(() => undefined)
  const [told] = await Promise.race([message, ended])
  return {
    told,
    async ask() {
      const answered = once(child, 'message') as Promise<[Told]>
      child.send('end')
      const [answer] = await answered
      await exited
      return answer
    },
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

/** Runs a part to its end and returns the one message it sends. */
export async function runPart<Told>(file: string, args: string[]): Promise<Told> {
  const part = await startPart<Told>(file, args)
  await part.stop()
  return part.told
}

/** Hands `work` a folder of its own and removes it afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
