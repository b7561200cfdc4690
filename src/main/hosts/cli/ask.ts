import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Asks on the terminal; only a clear yes counts. Rejects when `signal` is aborted. */
export async function askYes(question: string, signal: AbortSignal): Promise<boolean> {
  return /^\s*(y|yes)\s*$/i.test(await askLine(`${question} [y/N] `, signal))
}

/** Asks on the terminal for a whole number; null for any other answer. */
export async function askNumber(question: string, signal: AbortSignal): Promise<number | null> {
  const answer = (await askLine(`${question} `, signal)).trim()
  return /^\d{1,3}(,\d{3})+$|^\d{1,15}$/.test(answer) ? Number(answer.replaceAll(',', '')) : null
}

async function askLine(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C at a question reaches the reader, not the process.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  let isAnswered = false
  lines.once('line', () => {
    isAnswered = true
  })
  try {
    return await answerTo(lines, question, signal)
  } finally {
    lines.close()
    if (!isAnswered) process.stderr.write('\n')
  }
}

/** Asks for a secret; nothing of it is shown. */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  // SECURITY: the reader echoes what is typed to its output, so it gets one that shows nothing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  // Only now: the terminal itself shows what is typed until the reader has taken it over.
  process.stderr.write(question)
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return (await answerTo(lines, '', signal)).trim()
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/** The end of the input (Ctrl-D) answers nothing. */
function answerTo(
  lines: ReturnType<typeof createInterface>,
  question: string,
  signal: AbortSignal,
): Promise<string> {
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  return Promise.race([lines.question(question, { signal }), closed])
}
