import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { type Problem, ProblemError } from '../../../../shared/problem.ts'
import { SHEET_LIMITS } from './limits.ts'
import { allowanceOf, readBytes } from './read-bytes.ts'
import { readPastedText } from './read-text.ts'
import { tooLarge } from './stop.ts'
import type { TableEnd, TableRecord } from './table.ts'

/** What the thread is asked for. */
export interface Asked {
  source: { path: string } | { text: string }
  file: string
  worksheet?: string | undefined
  hiddenRows: 'skip' | 'read'
  /** [0] slices taken by the asker: the thread waits when it is far ahead, so that they do not pile up. */
  taken: Int32Array
}

/** What it tells, in this order; `allowed` is how long it may work from then on. */
export type Told =
  | { type: 'allowed'; workMs: number }
  | { type: 'records'; records: TableRecord[] }
  | { type: 'end'; end: TableEnd; sha256: string; sizeBytes: number }
  | { type: 'problem'; problem: Problem }
  | { type: 'unreadable'; code: string | undefined }

/** Slices on their way. */
const AHEAD = 4

const port = parentPort
if (!port) throw new Error('read-thread.ts runs as a thread')
const asked = workerData as Asked
let sent = 0

function deliver(records: TableRecord[]): void {
  tell({ type: 'records', records })
  sent += 1
  for (;;) {
    const taken = Atomics.load(asked.taken, 0)
    if (sent - taken <= AHEAD) return
    Atomics.wait(asked.taken, 0, taken)
  }
}

function tell(told: Told): void {
  port?.postMessage(told)
}

async function read(): Promise<void> {
  const { source, file } = asked
  if ('text' in source) {
    const bytes = Buffer.from(source.text)
    tell({ type: 'allowed', workMs: allowanceOf(bytes) })
    const sha256 = hash(bytes)
    const end = readPastedText(source.text, { file }, deliver)
    tell({ type: 'end', end, sha256, sizeBytes: bytes.length })
    return
  }
  const bytes = readWhole(source.path, file)
  tell({ type: 'allowed', workMs: allowanceOf(bytes) })
  const sha256 = hash(bytes)
  const end = await readBytes(bytes, asked, deliver)
  tell({ type: 'end', end, sha256, sizeBytes: bytes.length })
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A file that grows while it is read is not followed beyond the limit. */
function readWhole(path: string, file: string): Uint8Array {
  const descriptor = openSync(path, 'r')
  try {
    const { size } = fstatSync(descriptor)
    if (size > SHEET_LIMITS.fileBytes) throw tooLarge(file, size)
    const bytes = Buffer.allocUnsafeSlow(size)
    let length = 0
    while (length < size) {
      const read = readSync(descriptor, bytes, length, size - length, null)
      if (read === 0) break
      length += read
    }
    return bytes.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

try {
  await read()
} catch (error) {
  if (error instanceof ProblemError) tell({ type: 'problem', problem: error.problem })
  else if (error instanceof Error && 'syscall' in error && 'code' in error)
    tell({ type: 'unreadable', code: String(error.code) })
  else throw error
}
