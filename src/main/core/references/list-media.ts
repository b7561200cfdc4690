import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { ProblemError, problem } from '../../../shared/problem.ts'
import { looksLikeMedia } from './recognise.ts'
import { unreadable, type Walk, walk } from './walk.ts'
import { isNamedBy } from './wildcard.ts'

/** As many as a run may order without being asked again. */
export const MOST_FILES = 10_000

/** Whether a text names several files: it holds a `*` or a `?` and is no address. */
export function isPattern(text: string): boolean {
  return /[*?]/u.test(text) && !/^[a-z][a-z0-9+.-]+:/iu.test(text)
}

/**
 * The pictures, films and sounds that a folder or a pattern names, as whole paths in the order in which people
 * count (`2.png` before `10.png`). A folder means itself and all below; `folder/*` only itself. In a pattern `*`
 * stands for any part of a name, `?` for one sign, `**` for any folders; capitals do not matter. What is hidden, or
 * has no ending of a picture, film or sound, is passed over; a file named whole is taken whatever its ending.
 * `folder` is where a relative text starts. Throws `ProblemError`: nothing there, nothing fitting, not readable,
 * more than 10,000.
 */
export async function listMedia(
  text: string,
  folder: string,
  how: Omit<Walk, 'depth'> = {},
): Promise<string[]> {
  const written = expandHome(text.trim())
  const whole = path.resolve(folder, written)
  const facts = await stat(whole).catch((error: unknown) => error)
  if (isStats(facts)) return facts.isDirectory() ? await gather(text, walk(whole, how)) : [whole]
  if (!isPattern(written)) throw unreadable(whole, facts)
  const { base, rest } = splitPattern(slashes(whole))
  const depth = rest.includes('**') ? {} : { depth: rest.length - 1 }
  const isWanted = (found: string): boolean => isNamedBy(rest, slashes(path.relative(base, found)).split('/'))
  return await gather(text, walk(base, { ...how, ...depth }), isWanted)
}

const isStats = (facts: unknown): facts is Awaited<ReturnType<typeof stat>> =>
  !(facts instanceof Error) && facts !== undefined

const expandHome = (text: string): string => (/^~(?=$|[/\\])/u.test(text) ? homedir() + text.slice(1) : text)

const slashes = (text: string): string => text.replaceAll('\\', '/')

function splitPattern(pattern: string): { base: string; rest: string[] } {
  const parts = pattern.split('/')
  const first = parts.findIndex((part) => isPattern(part))
  return { base: parts.slice(0, first).join('/') || '/', rest: parts.slice(first) }
}

async function gather(
  text: string,
  files: AsyncIterable<string>,
  isWanted: (found: string) => boolean = () => true,
): Promise<string[]> {
  const found: string[] = []
  for await (const file of files) {
    if (!looksLikeMedia(file) || !isWanted(file)) continue
    found.push(file)
    if (found.length > MOST_FILES) throw tooMany(text)
  }
  if (found.length === 0) throw nothing(text)
  return sortNaturally(found)
}

/** Numbers by value; folder by folder. */
function sortNaturally(files: readonly string[]): string[] {
  const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
  return files
    .map((file) => ({ file, above: path.dirname(file), name: path.basename(file) }))
    .sort(
      (left, right) =>
        compare(left.above, right.above) || compare(left.name, right.name) || order(left.file, right.file),
    )
    .map(({ file }) => file)
}

/** Names that differ by capitals alone have an order too. */
const order = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

const tooMany = (text: string): ProblemError =>
  new ProblemError(
    problem(
      'reference-limit',
      `"${text.slice(0, 200)}" names more than ${MOST_FILES} pictures, films and sounds. Nothing was taken and nothing was spent.`,
      'Name a folder below it, or a narrower pattern.',
      { value: text.slice(0, 200) },
    ),
  )

const nothing = (text: string): ProblemError =>
  new ProblemError(
    problem(
      'reference-missing',
      `"${text.slice(0, 200)}" names no picture, film or sound. Nothing was taken and nothing was spent.`,
      'Check the name. Files whose name begins with a dot, and those without an ending like .jpg or .mp4, are passed over.',
      { value: text.slice(0, 200) },
    ),
  )
