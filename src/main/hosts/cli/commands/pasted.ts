import { createInterface } from 'node:readline'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import type { Session } from '../session.ts'

/** As much as the core takes. */
const MOST_CHARACTERS = 64_000_000

/** Cells from standard input, to its end. Throws when there are none, or more than anybody pastes. */
export async function readPasted(session: Session): Promise<string> {
  const isTyped = process.stdin.isTTY === true
  const text = await (isTyped ? readTyped(session) : readPiped(session.signal))
  const cells = text.replace(/^\uFEFF/, '')
  if (cells.trim() !== '') return cells
  throw new ProblemError(
    problem(
      'sheet-empty',
      'No cells came in on the standard input. Nothing was ordered.',
      'Copy the cells together with their header line, and paste them again.',
    ),
  )
}

/** To the end of what another program writes. */
async function readPiped(signal: AbortSignal): Promise<string> {
  let text = ''
  const stop = (): void => void process.stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    process.stdin.setEncoding('utf8')
    for await (const part of process.stdin) {
      text += part
      if (text.length > MOST_CHARACTERS) throw tooLong()
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
  signal.throwIfAborted()
  return text
}

/**
 * To Ctrl-D. By a reader of lines, because a terminal alone cuts lines after 4,095 bytes, and because what is
 * asked afterwards needs the input again.
 */
function readTyped({ out, signal }: Session): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, historySize: 0 })
  // Only now: until the reader has taken the terminal over, Ctrl-D would end the input for good.
  out.hint('Paste the cells with their header line, then press Enter and Ctrl-D. Ctrl-C stops.')
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  return new Promise((settle, fail) => {
    let text = ''
    const stop = (): void => {
      lines.close()
      fail(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
    lines.on('line', (line) => {
      text += `${line}\n`
      if (text.length <= MOST_CHARACTERS) return
      lines.close()
      fail(tooLong())
    })
    lines.on('close', () => {
      signal.removeEventListener('abort', stop)
      settle(text)
    })
  })
}

const tooLong = (): ProblemError =>
  new ProblemError(
    problem(
      'sheet-unreadable',
      `More than ${MOST_CHARACTERS / 1_000_000} million characters came in on the standard input. Nothing was ordered.`,
      'Save them as a file and name the file.',
    ),
  )
