import pc from 'picocolors'
import type { Problem } from '../../../shared/problem.ts'
import { asTyped, formatProblem, type Invocation, wrap } from './words.ts'

export interface Streams {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/**
 * What a command says: sentences for a person, or one JSON object a line for a script. With JSON nothing
 * but objects goes to stdout, and the last one is the summary.
 */
export class Output {
  readonly isJson: boolean
  readonly isTerminal: boolean
  private readonly streams: Streams
  readonly invocation: Invocation
  private summary: Record<string, unknown> = {}

  constructor(streams: Streams, isJson: boolean, invocation: Invocation) {
    this.streams = streams
    this.invocation = invocation
    this.isJson = isJson
    this.isTerminal = !isJson && streams.stdout.isTTY === true
  }

  get width(): number {
    return Math.max(40, this.streams.stdout.columns || 100)
  }

  get height(): number {
    return Math.max(10, this.streams.stdout.rows || 24)
  }

  /** A line for a person. */
  say(text = ''): void {
    if (!this.isJson) this.streams.stdout.write(`${asTyped(text, this.invocation)}\n`)
  }

  /** A sentence for a person: on a terminal broken between words. */
  tell(text: string): void {
    if (!this.isJson) this.streams.stdout.write(`${this.toLines(text, this.streams.stdout)}\n`)
  }

  /** A sentence for `say`, broken between words where `tell` would break it. */
  wrapped(text: string): string {
    const { isTTY, columns } = this.streams.stdout
    return isTTY && columns > 0 ? wrap(text, this.width) : text
  }

  private toLines(text: string, stream: NodeJS.WriteStream): string {
    const typed = asTyped(text, this.invocation)
    return stream.isTTY && stream.columns > 0 ? wrap(typed, Math.max(40, stream.columns)) : typed
  }

  /** An object for a script. */
  record(type: string, fields: object): void {
    if (this.isJson) this.streams.stdout.write(`${JSON.stringify({ type, ...fields })}\n`)
  }

  /** A problem that belongs to the answer, such as a row's. */
  problem(found: Problem, row?: number): void {
    this.record('problem', row === undefined ? found : { ...found, place: { ...found.place, row } })
    this.tell(formatProblem(found, row ?? found.place.row))
  }

  /** A problem that ends or disturbs the command. */
  trouble(found: Problem): void {
    this.record('problem', found)
    if (this.isJson) return
    const text = this.toLines(formatProblem(found), this.streams.stderr)
    this.streams.stderr.write(`${found.level === 'error' ? pc.red(text) : pc.yellow(text)}\n`)
  }

  /** Something a person at the terminal should know now; never part of the answer. */
  hint(text: string): void {
    if (!this.isJson) this.streams.stderr.write(`${this.toLines(text, this.streams.stderr)}\n`)
  }

  /** A line on the terminal in the place of the one before; '' takes it away. */
  replace(text: string): void {
    if (!this.isJson) this.streams.stderr.write(`\r\u001b[K${text}`)
  }

  /** Adds to the last line's facts. */
  sum(fields: Record<string, unknown>): void {
    this.summary = { ...this.summary, ...fields }
  }

  end(exitCode: number): void {
    this.record('summary', { ...this.summary, exitCode })
  }
}
