import { resolve } from 'node:path'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import type { Reference, ReferenceDetail } from '../../../../shared/reference.ts'
import { EXIT } from '../exit-code.ts'
import { type Client, type Session, withLook, withOwner } from '../session.ts'
import { clean, count, formatBytes, formatMoment, formatSeconds, formatTable } from '../words.ts'

/** Stores files, folders and patterns; what cannot be taken is told, the rest is kept. */
export function add(session: Session, paths: readonly string[]): Promise<number> {
  const { out } = session
  return withOwner(session, async ({ client }) => {
    const sums = { added: 0, known: 0, problems: 0 }
    for (const path of paths) {
      if (session.signal.aborted) break
      const { added, known, problems } = await client.references.add(
        { path: resolve(path) },
        { signal: session.signal },
      )
      for (const one of added) out.record('reference', { ...one, isNew: true })
      for (const one of known) out.record('reference', { ...one, isNew: false })
      if (added.length > 0) out.say(referenceTable(added))
      for (const found of problems) out.problem(found)
      sums.added += added.length
      sums.known += known.length
      sums.problems += problems.length
    }
    out.sum(sums)
    const rest = [
      ...(sums.known > 0 ? [`${sums.known} stored before`] : []),
      ...(sums.problems > 0 ? [`${count(sums.problems, 'file')} not taken`] : []),
    ]
    out.say([`${count(sums.added, 'reference')} added`, ...rest].join(', '))
    if (session.signal.aborted) return EXIT.interrupted
    return sums.problems > 0 ? EXIT.wrongUse : EXIT.archived
  })
}

export interface ListGiven {
  kind?: Reference['kind']
  search?: string
}

const A_PAGE = 200

export function list(session: Session, given: ListGiven): Promise<number> {
  return withLook(session, async (client) => {
    const found: Reference[] = []
    for (let offset = 0; ; offset += A_PAGE) {
      const page = await client.references.list({ offset, limit: A_PAGE, ...given })
      for (const one of page) session.out.record('reference', one)
      found.push(...page)
      if (page.length < A_PAGE) break
    }
    session.out.sum({ references: found.length })
    if (found.length > 0) session.out.say(referenceTable(found))
    else session.out.say('No references. Add some with: reelsheet references add PATH')
    return EXIT.archived
  })
}

export function show(session: Session, id: number): Promise<number> {
  const { out } = session
  return withLook(session, async (client) => {
    const detail = await client.references.get({ id })
    out.record('reference', detail)
    sayDetail(session, detail)
    return EXIT.archived
  })
}

const ORIGINALS: Record<ReferenceDetail['original'], string> = {
  whole: 'as it was',
  missing:
    'not there any more; rows go on with the stored copy. Look for it with: reelsheet references relink FOLDER',
  changed: 'changed since; rows go on with the stored copy. Add it again to use what it is now.',
  none: '',
}

function sayDetail({ out }: Session, { reference, original, runs, uploads, limits }: ReferenceDetail): void {
  const { name, originalPath, sourceId, change, sha256 } = reference
  out.say(`Reference ${reference.id}: ${clean(name)}, ${describe(reference)}`)
  out.say(`SHA-256: ${sha256}`)
  if (originalPath !== null) out.tell(`Original: ${clean(originalPath)}, ${ORIGINALS[original]}`)
  if (sourceId !== null) out.tell(`A copy of reference ${sourceId}: ${clean(change ?? '')}`)
  for (const run of runs) out.say(`Used in ${count(run.jobs, 'row')} of "${clean(run.name)}"`)
  for (const { account, expiresAt } of uploads) {
    const until = expiresAt === null ? '' : ` until ${formatMoment(expiresAt)}`
    out.say(`Uploaded to ${account}${until}`)
  }
  if (limits.length === 0) out.say('It fits every model that takes its kind.')
  for (const each of limits) {
    const { model, ...place } = each.place
    out.problem({ ...each, what: `${model}: ${each.what}`, place: { ...place, column: undefined } })
  }
  if (limits.length > 0 && reference.kind === 'image')
    out.say(`Make a copy that fits: reelsheet references fit ${reference.id}`)
  const cuts = limits.flatMap(
    ({ fixes }) => fixes?.flatMap((fix) => (fix.type === 'trim' ? fix.maximumMs : [])) ?? [],
  )
  if (cuts.length > 0)
    out.say(`Cut a copy: reelsheet references trim ${reference.id} --seconds ${Math.min(...cuts) / 1000}`)
}

export interface FitGiven {
  model?: string
  background: string
}

export function fit(session: Session, which: string, given: FitGiven): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const id = await idOf(client, which)
    return sayCopy(session, id, await client.references.fit({ id, ...given }), 'fits as it is')
  })
}

export function trim(session: Session, which: string, seconds: number): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const id = await idOf(client, which)
    const copy = await client.references.trim({ id, maximumMs: Math.floor(seconds * 1000) })
    return sayCopy(session, id, copy, 'is not longer than that')
  })
}

function sayCopy({ out }: Session, id: number, copy: Reference, otherwise: string): number {
  out.record('reference', { ...copy, isNew: copy.id !== id })
  out.sum({ reference: copy.id })
  if (copy.id === id) out.say(`${clean(copy.name)} ${otherwise}: no copy was made.`)
  else {
    out.tell(
      `Reference ${copy.id}: ${clean(copy.name)}, ${describe(copy)}${copy.change ? `: ${copy.change}` : ''}`,
    )
    out.tell(`The original stays as it is. In a sheet, write ${clean(copy.name)} to use the copy.`)
  }
  return EXIT.archived
}

export function relink(session: Session, folder: string): Promise<number> {
  const { out } = session
  return withOwner(session, async ({ client }) => {
    const { found, missing, problems } = await client.references.relink(
      { folder: resolve(folder) },
      { signal: session.signal },
    )
    for (const one of found) {
      out.record('found', one)
      out.say(`${clean(one.name)} is at ${clean(one.originalPath ?? '')}`)
    }
    for (const one of missing) {
      out.record('missing', one)
      out.say(`${clean(one.name)} was not found; it was at ${clean(one.originalPath ?? '')}`)
    }
    for (const each of problems) out.problem(each)
    out.sum({ found: found.length, missing: missing.length })
    out.say(
      found.length + missing.length === 0
        ? 'Every original is where it was.'
        : `${count(found.length, 'original')} found, ${missing.length} missing. Rows never wait for an original: its copy is stored.`,
    )
    return EXIT.archived
  })
}

/** A reference by its number; anything else is a file, which is added. */
async function idOf(client: Client, which: string): Promise<number> {
  if (/^#?\d+$/u.test(which)) return toReferenceId(which)
  const { added, known } = await client.references.add({ path: resolve(which) })
  const [one, ...others] = [...added, ...known]
  if (one && others.length === 0) return one.id
  throw new ProblemError(
    problem(
      'wrong-use',
      `"${which.slice(0, 200)}" names ${count(others.length + 1, 'reference')}; they were added, and none was changed.`,
      'Name one at a time. See "reelsheet references list" for their numbers.',
    ),
  )
}

/** A reference's number as typed. Throws `wrong-use`. */
export function toReferenceId(text: string): number {
  const id = Number(text.replace(/^#/u, ''))
  if (Number.isSafeInteger(id) && id > 0) return id
  throw new ProblemError(
    problem(
      'wrong-use',
      `"${text.slice(0, 200)}" is not the number of a reference.`,
      'See "reelsheet references list" for the numbers.',
    ),
  )
}

const sizeOf = ({ width, height }: Reference): string => (width === null ? '' : `${width}x${height}`)
const lengthOf = ({ durationMs }: Reference): string => (durationMs === null ? '' : formatSeconds(durationMs))

const describe = (one: Reference): string =>
  [one.format, sizeOf(one), lengthOf(one), formatBytes(one.sizeBytes)]
    .filter((part) => part !== '')
    .join(', ')

function referenceTable(all: readonly Reference[]): string {
  const rows = all.map((one) => [
    `${one.id}`,
    clean(one.name),
    one.kind,
    sizeOf(one),
    lengthOf(one),
    formatBytes(one.sizeBytes),
    one.change ?? '',
  ])
  return formatTable(['>id', 'name', 'kind', '>size', '>length', '>bytes', ''], rows)
}
