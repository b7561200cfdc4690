import pc from 'picocolors'
import type { Problem } from '../../../shared/problem.ts'
import { formatProblem } from './words.ts'

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
  private summary: Record<string, unknown> = {}

  constructor(streams: Streams, isJson: boolean) {
    this.streams = streams
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
    if (!this.isJson) this.streams.stdout.write(`${text}\n`)
  }

  /** An object for a script. */
  record(type: string, fields: object): void {
    if (this.isJson) this.streams.stdout.write(`${JSON.stringify({ type, ...fields })}\n`)
  }

  /** A problem that belongs to the answer, such as a row's. */
  problem(found: Problem, row?: number): void {
    this.record('problem', row === undefined ? found : { ...found, place: { ...found.place, row } })
    this.say(formatProblem(found, row ?? found.place.row))
  }

  /** A problem that ends or disturbs the command. */
  trouble(found: Problem): void {
    this.record('problem', found)
    if (this.isJson) return
    const text = formatProblem(found)
    this.streams.stderr.write(`${found.level === 'error' ? pc.red(text) : pc.yellow(text)}\n`)
  }

  /** Something a person at the terminal should know now; never part of the answer. */
  hint(text: string): void {
    if (!this.isJson) this.streams.stderr.write(`${text}\n`)
  }

  /** Adds to the last line's facts. */
  sum(fields: Record<string, unknown>): void {
    this.summary = { ...this.summary, ...fields }
  }

  end(exitCode: number): void {
    this.record('summary', { ...this.summary, exitCode })
  }
}
