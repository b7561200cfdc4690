import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface Child {
  process: ChildProcess
  /** The next line that it says; an error when it ends without one. */
  line(): Promise<string>
  /** SIGKILL, awaited: what the child had not made durable is gone. */
  kill(): Promise<void>
}

/** Starts `store-child.ts` in a process of its own, ended with the test at the latest. */
export function startStoreChild(...args: string[]): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'store-child.ts'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  return {
    process: child,
    async line() {
      const { value, done } = await lines.next()
      if (done) throw new Error('the child ended without a word')
      return value
    },
    kill,
  }
}
