import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { type Problem, ProblemError } from '../../../shared/problem.ts'
import { isPattern, listMedia } from '../references/list-media.ts'
import { splitOutside } from './expand.ts'
import type { Frame } from './frame.ts'

/** The files that folders and patterns in paired columns stand for, as they would be written in the cells. */
export class FileLists {
  readonly #folder: string
  readonly #known = new Map<string, Promise<string[] | undefined>>()
  readonly #found = new Map<string, readonly string[]>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The files of one value; undefined = it stands for itself. */
  of(text: string): readonly string[] | undefined {
    return this.#found.get(text)
  }

  /** Looks at the values of a cell. Each is looked at once, however many rows hold it. */
  async notice(cell: string, row: number, column: string): Promise<Problem[]> {
    const problems: Problem[] = []
    for (const text of splitOutside(cell)) {
      try {
        const files = await this.#list(text)
        if (files) this.#found.set(text, files)
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        problems.push({ ...error.problem, place: { row, column, value: text.slice(0, 200) } })
      }
    }
    return problems
  }

  #list(text: string): Promise<string[] | undefined> {
    let listed = this.#known.get(text)
    if (!listed) {
      listed = this.#look(text)
      listed.catch(() => undefined)
      this.#known.set(text, listed)
    }
    return listed
  }

  async #look(text: string): Promise<string[] | undefined> {
    if (/^[a-z][a-z0-9+.-]+:\/\//iu.test(text) || /^data:/iu.test(text)) return undefined
    if (!isPattern(text) && !(await isFolder(text, this.#folder))) return undefined
    const files = await listMedia(text, this.#folder)
    const isRelative = !path.isAbsolute(text) && !text.startsWith('~')
    return isRelative ? files.map((file) => path.relative(this.#folder, file)) : files
  }
}

export async function isFolder(text: string, folder: string): Promise<boolean> {
  const written = /^~(?=$|[/\\])/u.test(text) ? homedir() + text.slice(1) : text
  const facts = await stat(path.resolve(folder, written)).catch(() => undefined)
  return facts?.isDirectory() ?? false
}

/** Places of paired columns that hold pictures, films and sounds. */
export function columnsOfFiles({ headers, mapping, expansion }: Frame, paired: readonly number[]): number[] {
  if (expansion.pairing === null) return []
  return paired.filter((column) => {
    const field = mapping[headers[column] ?? ''] ?? ''
    return field === 'references' || field === 'audio' || /^ref \d+$/u.test(field)
  })
}
