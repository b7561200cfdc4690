import { parentPort } from 'node:worker_threads'
import { Logging, LogLevel } from 'mediabunny'
import { type ClipFacts, readContainer, Unreadable } from './container.ts'
import { systemCode } from './errors.ts'

/** What the inspecting thread answers: facts, why there are none, or the system's word for a failed read. */
export type Inspected = { facts: ClipFacts } | { finding: string } | { code: string }

// What is wrong with a file is said by our own sentences.
Logging.level = LogLevel.Silent

parentPort?.on('message', async (path: string) => parentPort?.postMessage(await inspect(path)))

async function inspect(path: string): Promise<Inspected> {
  try {
    return { facts: await readContainer(path) }
  } catch (error) {
    if (error instanceof Unreadable) return { finding: error.message }
    const code = systemCode(error)
    return code?.startsWith('E') ? { code } : { finding: 'its container cannot be read' }
  }
}
