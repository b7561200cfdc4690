import { type Problem, problem } from '../../../shared/problem.ts'
import type { EarlierJob } from '../store/jobs.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'

/** Rows compared between turns of the event loop. */
const ROWS_A_TURN = 500

/**
 * Tells of rows whose files hold something else than what was ordered under the same name. A row without an id
 * stands for its earlier job when all but the content of its files is the same: it is changed, not new. Returns the
 * jobs that are still gone.
 */
export async function noticeEdited(
  rows: readonly ReadyRow[],
  gone: readonly EarlierJob[],
  store: Store,
): Promise<EarlierJob[]> {
  const left = await matchByNames(rows, gone, store)
  let looked = 0
  for (const row of rows) {
    if (row.standing !== 'changed' || !row.job || row.references.length + (row.audio ? 1 : 0) === 0) continue
    looked += 1
    if (looked % ROWS_A_TURN === 0) await turnOfLoop()
    row.problems.push(...explainEdited(row, row.job, store))
  }
  return left
}

async function matchByNames(
  rows: readonly ReadyRow[],
  gone: readonly EarlierJob[],
  store: Store,
): Promise<EarlierJob[]> {
  const open = rows.filter((row) => row.standing === 'new' && !row.job && hasFiles(row))
  const mine = gone.filter(({ rowKey }) => rowKey === null)
  if (open.length === 0 || mine.length === 0) return [...gone]
  const byNames = new Map<string, EarlierJob[]>()
  for (const [index, job] of [...mine].reverse().entries()) {
    if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await turnOfLoop()
    const key = namesOfJob(job, store)
    if (key === undefined) continue
    const known = byNames.get(key)
    if (known) known.push(job)
    else byNames.set(key, [job])
  }
  const left = new Set(gone)
  for (const [index, row] of open.entries()) {
    if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await turnOfLoop()
    const job = byNames.get(namesOfRow(row))?.pop()
    if (!job) continue
    left.delete(job)
    Object.assign(row, { job, earlier: [job], standing: 'changed' })
  }
  return gone.filter((job) => left.has(job))
}

const hasFiles = ({ order, references, audio }: ReadyRow): boolean =>
  order !== null && [...references, ...(audio ? [audio] : [])].some(({ sha256 }) => sha256 !== null)

const named = (text: string) => ({ sha256: null, address: text })

const namesOfRow = ({ order, references, audio }: ReadyRow): string =>
  fingerprintOf(
    order ?? {},
    references.map((media) => named(nameOf(media))),
    audio && named(nameOf(audio)),
  )

function namesOfJob({ id }: EarlierJob, store: Store): string | undefined {
  const job = store.jobs.get(id)
  if (!job) return undefined
  const links = store.jobs.references(id)
  if (!links.some(({ referenceId }) => referenceId !== null)) return undefined
  const audio = links.find(({ role }) => role === 'audio')
  const references = links.filter(({ role }) => role === 'reference')
  return fingerprintOf(
    job.order,
    references.map(({ name }) => named(name)),
    audio ? named(audio.name) : null,
  )
}

/** What a row's file is called in the jobs that use it. */
export const nameOf = ({ text }: Media): string => (text.startsWith('data:') ? 'inline data' : text)

function explainEdited(row: ReadyRow, job: EarlierJob, store: Store): Problem[] {
  const links = store.jobs.references(job.id)
  const edited = (media: Media, role: 'reference' | 'audio', position: number): boolean => {
    const link = links.find((each) => each.role === role && each.position === position)
    if (!link || link.referenceId === null || media.sha256 === null || link.name !== nameOf(media))
      return false
    return store.references.get(link.referenceId)?.sha256 !== media.sha256
  }
  const found = row.references.filter((media, index) => edited(media, 'reference', index + 1))
  if (row.audio && edited(row.audio, 'audio', 1)) found.push(row.audio)
  return found.map((media) => {
    const { row: number, references, audio } = row.sheetRow
    const column = (references.find(({ text }) => text === media.text) ?? audio)?.column
    const name = nameOf(media).slice(0, 200)
    return problem(
      'reference-changed',
      `${name} is another file than the one that was ordered; with it this row is another clip.`,
      'Go on if the new file is meant. Else put the earlier one back: its copy is among the references.',
      { row: number, jobId: job.id, value: name, ...(column !== undefined && { column }) },
      'warning',
    )
  })
}
