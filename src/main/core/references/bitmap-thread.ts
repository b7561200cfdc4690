import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { ProblemCode } from '../../../shared/problem.ts'
import { type Bitmap, readBitmap } from './bitmap.ts'
import { Unfit } from './media.ts'

/** What the thread is given: a path or the file's bytes. */
export type BitmapAsked = string | Uint8Array
export type BitmapAnswer = { bitmap: Bitmap } | { code: ProblemCode; what: string; next: string }

parentPort?.on('message', (asked: BitmapAsked) => {
  const answer = read(asked)
  parentPort?.postMessage(answer, 'bitmap' in answer ? [answer.bitmap.pixels.buffer as ArrayBuffer] : [])
})

function read(asked: BitmapAsked): BitmapAnswer {
  try {
    const bytes = typeof asked === 'string' ? readFileSync(asked) : Buffer.from(asked)
    return { bitmap: readBitmap(bytes) }
  } catch (error) {
    if (error instanceof Unfit) return { code: error.code, what: error.message, next: error.next }
    return { code: 'reference-unreadable', what: 'cannot be read.', next: 'Save it again, best as PNG.' }
  }
}
