import type { JobDetail } from '../../../../shared/contract.ts'
import { JobState } from '../../../../shared/job.ts'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import type { Run } from '../../../../shared/run.ts'
import { addUp, commandFor } from '../closing.ts'
import { EXIT } from '../exit-code.ts'
import { everyJob, jobRecord } from '../follow.ts'
import { formatMoney } from '../money.ts'
import { type Client, findRun, type Session, withLook } from '../session.ts'
import {
  clean,
  count,
  formatBytes,
  formatMoment,
  formatProblem,
  formatSeconds,
  formatTable,
  shorten,
} from '../words.ts'

export function status(session: Session): Promise<number> {
  return withLook(session, async (client) => {
    const runs = await client.runs.list()
    session.out.sum({ counts: addUp(runs) })
    if (runs.length === 0) session.out.say('No runs yet. Start one with: reelsheet run SHEET')
    else session.out.say(runTable(runs))
    for (const run of runs) {
      const attention = await client.runs.attention({ id: run.id })
      session.out.record('run', { ...run, ...attention })
      for (const need of attention.needs) {
        session.out.tell(`${clean(run.name)}: ${formatProblem(need)}`)
        session.out.say(`  ${commandFor(need, run)}`)
      }
    }
    for (const { problem: found } of await client.accounts.list()) if (found) session.out.problem(found)
    return EXIT.archived
  })
}

function runTable(runs: readonly Run[]): string {
  const rows = runs.map(({ id, name, counts, countedMicros, capMicros, isPaused, archiveFolder }) => {
    const all = Object.values(counts).reduce((sum, number) => sum + number, 0)
    const others = JobState.options
      .filter((state) => state !== 'done' && (counts[state] ?? 0) > 0)
      .map((state) => `${counts[state]} ${state}`)
    return [
      `${id}`,
      clean(name),
      `${counts.done ?? 0} of ${all}`,
      [...(isPaused ? ['paused'] : []), ...others].join(', '),
      formatMoney(countedMicros, 'credits'),
      capMicros === null ? '' : formatMoney(capMicros, 'credits'),
      archiveFolder,
    ]
  })
  return formatTable(['>run', 'name', '>archived', 'others', '>spent', '>cap', 'clips'], rows)
}

export interface JobsGiven {
  run?: string
  state?: string[]
  search?: string
  limit: number
}

export function jobs(session: Session, given: JobsGiven): Promise<number> {
  const { out } = session
  return withLook(session, async (client) => {
    const states = given.state?.map(toState)
    const filter = {
      ...(given.run !== undefined && { runId: (await findRun(client, given.run)).id }),
      ...(states && { states }),
      ...(given.search !== undefined && { search: given.search }),
    }
    const rows: string[][] = []
    for await (const job of everyJob(client, filter, given.limit)) {
      out.record('job', jobRecord({ job, from: null }))
      const money = job.chargedMicros ?? job.estimateMicros
      rows.push([
        `${job.id}`,
        `${job.row}`,
        clean(job.name ?? job.rowKey ?? ''),
        job.isPaused ? `${job.state} (paused)` : job.state,
        job.model,
        job.accountName,
        money === null ? '' : formatMoney(money, job.currency),
        shorten(clean(job.problem?.what ?? job.prompt), 60),
      ])
    }
    const { total } = await client.jobs.page({ ...filter, limit: 1 })
    out.sum({ total, shown: rows.length })
    out.say(formatTable(['>job', '>row', 'name', 'state', 'model', 'account', '>price', ''], rows))
    if (total > rows.length) out.say(`${count(rows.length, 'row')} of ${total}; --limit shows more.`)
    return EXIT.archived
  })
}

function toState(text: string): JobState {
  const found = JobState.safeParse(text)
  if (found.success) return found.data
  throw new ProblemError(
    problem('wrong-use', `"${text}" is not a state.`, `The states are ${JobState.options.join(', ')}.`),
  )
}

export function job(session: Session, id: number): Promise<number> {
  return withLook(session, async (client) => {
    const detail = await client.jobs.get({ id })
    session.out.record('job', detail)
    sayJob(session, detail)
    return EXIT.archived
  })
}

function sayJob(
  { out }: Session,
  { job: one, references: media, attempts, ledger: lines, events, clip, request }: JobDetail,
): void {
  out.say(`Job ${one.id}, row ${one.row}: ${one.state}, ${one.model} on ${one.accountName}`)
  out.say(`Prompt: ${clean(one.prompt)}`)
  if (one.remoteId !== null) out.say(`Task: ${one.remoteId}`)
  if (one.problem) out.say(formatProblem(one.problem))
  if (clip)
    out.say(
      `Clip: ${clip.archiveFolder}/${clip.path}, ${formatBytes(clip.sizeBytes)}, SHA-256 ${clip.sha256}`,
    )
  for (const { position, role, name, kind } of media) out.say(`${role} ${position}: ${clean(name)} (${kind})`)
  if (attempts.length > 0) {
    out.say()
    const rows = attempts.map((each) => [
      `${each.number}`,
      each.outcome,
      each.sentAt === null ? 'not sent' : formatMoment(each.sentAt),
      each.remoteId ?? '',
      each.idempotencyKey,
    ])
    out.say(formatTable(['>attempt', 'outcome', 'sent', 'task', 'repeat protection'], rows))
  }
  for (const line of lines) {
    const price = (micros: number | null) => (micros === null ? '–' : formatMoney(micros, line.currency))
    out.say(
      `${line.standing}: estimated ${price(line.estimateMicros)}, reserved ${price(line.reservedMicros)}, charged ${price(line.chargedMicros)}`,
    )
  }
  out.say()
  for (const event of events) {
    const why = event.problem ? `: ${formatProblem({ ...event.problem, place: {} })}` : ''
    out.say(`${formatMoment(event.at)}  ${event.type.padEnd(10)} ${event.to ?? ''}${why}`)
  }
  if (request) out.say(`\nRequest: ${JSON.stringify(request, null, 2)}`)
}

export function clips(session: Session, runName: string | undefined): Promise<number> {
  return withLook(session, async (client) => {
    const runId = await runIdOf(client, runName)
    const rows: string[][] = []
    let after: number | null = 0
    while (after !== null) {
      const page: Awaited<ReturnType<Client['clips']['page']>> = await client.clips.page({ runId, after })
      for (const clip of page.clips) {
        session.out.record('clip', clip)
        rows.push([
          `${clip.id}`,
          `${clip.archiveFolder}/${clip.path}`,
          clip.width === null ? '' : `${clip.width}x${clip.height}`,
          clip.durationMs === null ? '' : formatSeconds(clip.durationMs),
          clip.hasSound === null ? '' : clip.hasSound ? 'sound' : 'silent',
          formatBytes(clip.sizeBytes),
          clip.condition,
        ])
      }
      after = page.next
    }
    session.out.sum({ clips: rows.length })
    session.out.say(formatTable(['>clip', 'file', '>size', '>length', 'sound', '>bytes', 'condition'], rows))
    return EXIT.archived
  })
}

export async function runIdOf(client: Client, name: string | undefined): Promise<number | null> {
  return name === undefined ? null : (await findRun(client, name)).id
}

export function models(session: Session, id: string | undefined): Promise<number> {
  const { out } = session
  return withLook(session, async (client) => {
    const all = await client.models.list()
    const chosen = id === undefined ? all : all.filter((model) => model.id === id)
    if (id !== undefined && chosen.length === 0) {
      throw new ProblemError(
        problem('model-unknown', `There is no model "${id}".`, 'See "reelsheet models" for those there are.'),
      )
    }
    for (const model of chosen) out.record('model', model)
    if (id === undefined) {
      const rows = chosen.map((model) => [
        model.id,
        model.family,
        model.kind,
        model.lifecycle === 'active' ? '' : `retired${model.successor ? `, see ${model.successor}` : ''}`,
      ])
      out.say(formatTable(['model', 'provider', 'kind', ''], rows))
      return EXIT.archived
    }
    for (const one of chosen[0]?.parameters ?? []) {
      const rest = one.isRequired
        ? ' (required)'
        : one.default === null
          ? ''
          : ` (left out = ${shown(one.default)})`
      out.tell(`${one.name}: ${one.allowed}${rest}`)
      out.tell(`    ${one.help}`)
    }
    return EXIT.archived
  })
}

/** As it is written in a sheet. */
const shown = (value: unknown): string => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : `${value}`)
