/** Which bytes of a file an answer carries; `end` is the last byte itself. */
export type RangeChoice =
  | { type: 'whole' }
  | { type: 'part'; start: number; end: number }
  | { type: 'unsatisfiable' }

const SINGLE = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/iu

/**
 * Reads a `Range` header for a file of `sizeBytes`. What is no single range of bytes is ignored, as a server
 * may (source: https://www.rfc-editor.org/rfc/rfc9110#name-range): players ask for one at a time.
 */
export function chooseRange(header: string | undefined, sizeBytes: number): RangeChoice {
  const [, first = '', last = ''] = SINGLE.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return { type: 'whole' }
  if (first === '') return suffix(Number(last), sizeBytes)
  const start = Number(first)
  const end = last === '' ? sizeBytes - 1 : Number(last)
  if (last !== '' && end < start) return { type: 'whole' }
  if (start >= sizeBytes) return { type: 'unsatisfiable' }
  return { type: 'part', start, end: Math.min(end, sizeBytes - 1) }
}

function suffix(lengthBytes: number, sizeBytes: number): RangeChoice {
  if (lengthBytes === 0 || sizeBytes === 0) return { type: 'unsatisfiable' }
  return { type: 'part', start: Math.max(0, sizeBytes - lengthBytes), end: sizeBytes - 1 }
}
