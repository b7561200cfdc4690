import { setTimeout as sleep } from 'node:timers/promises'
import { createLogUpdate } from 'log-update'
import type { Attention } from '../../../shared/contract.ts'
import { isFinal, type Job, JobState } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Run } from '../../../shared/run.ts'
import { Board, type Move } from './board.ts'
import { renderLive } from './live.ts'
import type { Client, Session } from './session.ts'
import { formatWait } from './start-time.ts'
import { asTyped, clean, count, formatProblem } from './words.ts'

const FRAME_MS = 125
/** Asking what every unfinished row waits for costs time with thousands of rows. */
const LOOK_MS = 500
const LOOK_MANY_MS = 3000
const MANY = 1000
/** A full disk or a pulled drive is tried this often before the command leaves it to a person. */
const DISK_TRIES = 3
const DISK_CODES: readonly Problem['code'][] = [
  'disk-full',
  'folder-unwritable',
  'folder-missing',
  'path-too-long',
]

/** Rows to know of from the start. Those that are queued come by themselves, once something happens with them. */
const BEGUN = JobState.options.filter((state) => !isFinal(state) && state !== 'queued')

export interface Ending {
  runs: Run[]
  attentions: Attention[]
  isInterrupted: boolean
}

/** Shows the runs at work until nothing of theirs moves by itself any more, or the person stops it. */
export async function follow(session: Session, client: Client, runIds: readonly number[]): Promise<Ending> {
  return new Follower(session, client, runIds).run()
}

class Follower {
  private readonly session: Session
  private readonly client: Client
  private readonly runIds: readonly number[]
  private readonly board = new Board()
  private readonly news = new Set<number>()
  private isAllNews = false
  private offline: string | null = null
  private waits = new Map<string, Problem>()
  /** Keys of waits that were told and last. */
  private readonly toldWaits = new Set<string>()
  private runs: Run[] = []
  private readonly startedAt = Date.now()
  private readonly view: ReturnType<typeof createLogUpdate> | null

  constructor(session: Session, client: Client, runIds: readonly number[]) {
    this.session = session
    this.client = client
    this.runIds = runIds
    const canDraw =
      session.out.isTerminal && process.stdout.columns > 0 && session.environment.TERM !== 'dumb'
    this.view = canDraw ? createLogUpdate(process.stdout) : null
  }

  async run(): Promise<Ending> {
    const stopped = new AbortController()
    const watching = this.watch(stopped.signal)
    try {
      await this.readBegun()
      return await this.untilRest()
    } finally {
      stopped.abort()
      this.view?.clear()
      this.view?.done()
      await watching
    }
  }

  private async untilRest(): Promise<Ending> {
    let lookAt = 0
    let attentions: Attention[] = []
    for (;;) {
      const { aborted } = this.session.signal
      await this.readNews()
      if (aborted || Date.now() >= lookAt) {
        attentions = await Promise.all(this.runIds.map((id) => this.client.runs.attention({ id })))
        this.runs = await Promise.all(this.runIds.map((id) => this.client.runs.get({ id })))
        const isMany = attentions.some(({ moving, waiting }) => moving + waiting > MANY)
        lookAt = Date.now() + (isMany ? LOOK_MANY_MS : LOOK_MS)
        this.tellOffline(attentions)
        this.tellWaits(attentions)
        const isAtRest = await this.isAtRest(attentions)
        if (aborted || isAtRest) {
          await this.readNews()
          return { runs: this.runs, attentions, isInterrupted: aborted && !isAtRest }
        }
      }
      this.draw()
      await sleep(FRAME_MS, undefined, { signal: this.session.signal }).catch(() => undefined)
    }
  }

  private async isAtRest(attentions: readonly Attention[]): Promise<boolean> {
    if (attentions.some(({ moving }) => moving > 0)) return false
    const hasDiskTrouble = attentions.some(({ needs }) => needs.some(({ code }) => DISK_CODES.includes(code)))
    return !hasDiskTrouble || this.isDiskGivenUp()
  }

  /** A disk that comes back is noticed by itself, so its rows are left to a person only after a few tries. */
  private async isDiskGivenUp(): Promise<boolean> {
    for (const runId of this.runIds) {
      const { jobs } = await this.client.jobs.page({ runId, states: ['downloading'] })
      for (const job of jobs) {
        if (!job.problem || !DISK_CODES.includes(job.problem.code)) continue
        const { events } = await this.client.jobs.get({ id: job.id })
        const tries = events.filter(
          ({ at, problem }) => at >= this.startedAt && problem !== null && DISK_CODES.includes(problem.code),
        )
        if (tries.length < DISK_TRIES) return false
      }
    }
    return true
  }

  private async watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of await this.client.app.watch(undefined, { signal })) {
        if (event.type === 'jobs.changed') {
          this.isAllNews ||= event.isAll
          for (const id of event.ids) this.news.add(id)
        } else if (event.type === 'transfers.progressed') {
          for (const transfer of event.transfers) this.board.transfer(transfer)
        } else if (!this.isToldAsWait(event.problem)) {
          this.above(() => this.session.out.trouble(event.problem))
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  private async readBegun(): Promise<void> {
    for (const runId of this.runIds) {
      for await (const job of everyJob(this.client, { runId, states: BEGUN })) this.board.take(job)
    }
  }

  private async readNews(): Promise<void> {
    if (this.isAllNews) {
      this.isAllNews = false
      this.news.clear()
      for (const runId of this.runIds) {
        for await (const job of everyJob(this.client, { runId })) this.took(job)
      }
      return
    }
    const ids = [...this.news]
    this.news.clear()
    for (const id of ids) {
      const { job } = await this.client.jobs.get({ id })
      if (this.runIds.includes(job.runId)) this.took(job)
    }
  }

  private took(job: Job): void {
    const move = this.board.take(job)
    if (!move) return
    this.session.out.record('job', jobRecord(move))
    if (!this.view) this.session.out.say(moveLine(move))
  }

  private tellOffline(attentions: readonly Attention[]): void {
    const isOffline = attentions.some((one) => one.isOffline && one.moving > 0)
    if (!isOffline) {
      if (this.offline === null) return
      this.offline = null
      this.session.out.record('offline', { isOffline: false })
      if (!this.view) this.session.out.say('Connected again: what waited goes on.')
      return
    }
    const waiting = this.board.offline()
    const reason = waiting[0]?.problem
    const moving = attentions.reduce((sum, one) => sum + one.moving, 0)
    const text = `Offline: ${reason ? `${clean(reason.what)} ` : ''}${count(moving, 'row')} ${moving === 1 ? 'waits' : 'wait'} and ${moving === 1 ? 'goes' : 'go'} on by ${moving === 1 ? 'itself' : 'themselves'} when the connection is back; nothing is lost. Ctrl-C stops; "reelsheet resume" goes on later.`
    const wasOffline = this.offline !== null
    this.offline = text
    if (wasOffline) return
    this.session.out.record('offline', { isOffline: true, waiting: moving, what: text })
    if (!this.view) this.session.out.say(text)
  }

  /** Quiet hours, a start that is still to come, a soft cap that was passed: each once for as long as it lasts. */
  private tellWaits(attentions: readonly Attention[]): void {
    const waits = attentions.flatMap((one) => one.waits)
    const before = this.waits
    this.waits = new Map(waits.map((wait) => [keyOf(wait), wait]))
    for (const key of before.keys()) if (!this.waits.has(key)) this.toldWaits.delete(key)
    for (const [key, wait] of this.waits) {
      if (this.toldWaits.has(key)) continue
      this.toldWaits.add(key)
      this.session.out.record('wait', wait)
      if (!this.view) this.session.out.tell(this.waitText(wait))
    }
  }

  /** A soft cap is announced when it is passed, and stands among the waits from then on: whichever comes first is told. */
  private isToldAsWait(notice: Problem): boolean {
    if (notice.code !== 'cap-reached' || notice.level !== 'warning') return false
    const key = keyOf(notice)
    const isTold = this.toldWaits.has(key)
    this.toldWaits.add(key)
    return isTold
  }

  /** With how long it still takes, where the run says so. */
  private waitText(wait: Problem): string {
    const now = Date.now()
    const startAt = this.runs.find(({ id }) => id === wait.place.runId)?.startAt ?? null
    const text = clean(`${wait.level === 'warning' ? 'warning: ' : ''}${wait.what} ${wait.next}`)
    const isStart = wait.code === 'starts-later' && startAt !== null && startAt > now
    return isStart ? `${text} That is in ${formatWait(startAt - now)}.` : text
  }

  private draw(): void {
    if (!this.view || this.runs.length === 0) return
    const { width, height } = this.session.out
    const { board, runs, offline, waits } = this
    const texts = [...waits.values()].map((wait) => asTyped(this.waitText(wait), this.session.out.invocation))
    this.view(renderLive({ board, runs, offline, waits: texts, now: Date.now(), width, height }))
  }

  private above(tell: () => void): void {
    this.view?.clear()
    tell()
  }
}

/** The same wait, however its amounts and times move. */
const keyOf = ({ code, place }: Problem): string => `${code} ${place.runId ?? ''} ${place.account ?? ''}`

interface JobFilter {
  runId?: number
  states?: Job['state'][]
  search?: string
}

/** Every job that fits, a page at a time, at most `most`. */
export async function* everyJob(
  client: Client,
  filter: JobFilter,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Job> {
  type Key = { runId: number; row: number; take: number; id: number }
  let after: Key | null = null
  let left = most
  while (left > 0) {
    const page: { jobs: Job[]; next: Key | null } = await client.jobs.page({
      ...filter,
      after,
      limit: Math.min(200, left),
    })
    yield* page.jobs
    left -= page.jobs.length
    if (page.next === null) return
    after = page.next
  }
}

/** What a script is told of a job: facts, no prompt. */
export function jobRecord({ job, from }: Move) {
  const { id, runId, row, rowKey, name, state, model, accountName, remoteId, attempt, progress } = job
  const { estimateMicros, chargedMicros, currency, problem, linkExpiresAt } = job
  return {
    id,
    runId,
    row,
    rowKey,
    name,
    from,
    state,
    model,
    account: accountName,
    remoteId,
    attempt,
    progress,
    estimateMicros,
    chargedMicros,
    currency,
    linkExpiresAt,
    problem,
  }
}

/** One line for a log file: which row, what it is now, and why when something is wrong. */
function moveLine({ job }: Move): string {
  const name = job.name ?? job.rowKey
  const label = name === null ? '' : ` (${clean(name)})`
  const why =
    job.problem && job.problem.level !== 'info' ? ` – ${formatProblem({ ...job.problem, place: {} })}` : ''
  return `row ${job.row}${label}: ${job.state}${why}`
}
