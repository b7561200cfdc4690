import { READING_LIMITS, SHEET_LIMITS } from './limits.ts'
import { readTextBytes } from './read-text.ts'
import { recognise } from './recognise.ts'
import { stop, tooLarge } from './stop.ts'
import type { Deliver, ReadOptions, TableEnd } from './table.ts'
import { readWorkbook } from './workbook.ts'

/** A table from the bytes of any file that holds one. Throws a `ProblemError` for what stops the whole sheet. */
export async function readBytes(
  bytes: Uint8Array,
  options: ReadOptions,
  deliver: Deliver,
): Promise<TableEnd> {
  refuseSize(bytes, options.file)
  if (recognise(bytes, options.file) === 'zip') return await readWorkbook(bytes, options, deliver)
  return readPlain(bytes, options, deliver)
}

/** The same for a file that is known to be text, at once. */
export function readPlain(
  bytes: Uint8Array,
  options: Pick<ReadOptions, 'file' | 'worksheet'> & { format?: 'csv' | 'tsv' | undefined },
  deliver: Deliver,
): TableEnd {
  refuseSize(bytes, options.file)
  recognise(bytes, options.file)
  if (options.worksheet !== undefined) {
    const what = `is no workbook, so it has no worksheet "${options.worksheet}".`
    throw stop('sheet-unreadable', options.file, what, 'Leave the worksheet out, or use the workbook.')
  }
  return readTextBytes(bytes, options, deliver)
}

function refuseSize(bytes: Uint8Array, file: string): void {
  if (bytes.length === 0) throw stop('sheet-empty', file, 'is empty (0 bytes).', 'Check that it was saved.')
  if (bytes.length > SHEET_LIMITS.fileBytes) throw tooLarge(file, bytes.length)
}

/**
 * How long a thread may work over a file, in milliseconds of processor time. An honest file takes a fraction of it,
 * in proportion to its size; a hostile one is small.
 */
export function allowanceOf(bytes: Uint8Array): number {
  const perMegabyte = bytes[0] === 0x50 && bytes[1] === 0x4b ? 2_500 : 400
  return READING_LIMITS.workMs + (bytes.length / 1e6) * perMegabyte
}
