import pc from 'picocolors'
import type { Job } from '../../../shared/job.ts'
import type { Run } from '../../../shared/run.ts'
import type { Board } from './board.ts'
import { formatMoney } from './money.ts'
import { bar, clean, formatBytes, formatStretch, shorten, widthOf, wrap } from './words.ts'

export interface LiveView {
  board: Board
  runs: readonly Run[]
  /** What waits for the network, in a sentence; null = connected. */
  offline: string | null
  /** Why nothing is ordered though nothing is wrong: quiet hours, a start to come. */
  waits: readonly string[]
  now: number
  width: number
  height: number
}

/** The live view's text: one line a working job, as many as fit, then a total. */
export function renderLive(view: LiveView): string {
  const working = view.board.working()
  const room = Math.max(1, view.height - 6 - view.waits.length)
  const lines = working.slice(0, room).map((job) => jobLine(job, view))
  if (working.length > room) lines.push(pc.dim(`… and ${working.length - room} more under way`))
  const links = view.board.nextLinkExpiry()
  if (links !== null) {
    lines.push(pc.dim(`the first link waiting to be fetched dies in ${formatStretch(links - view.now)}`))
  }
  if (view.offline !== null) lines.push(pc.yellow(shorten(view.offline, view.width * 2)))
  for (const wait of view.waits) lines.push(pc.yellow(wrap(wait, view.width)))
  return [...lines, totalLine(view)].join('\n')
}

function jobLine(job: Job, { board, now, width }: LiveView): string {
  const transfer = board.transferOf(job.id)
  const share =
    transfer?.totalBytes != null && transfer.totalBytes > 0
      ? transfer.doneBytes / transfer.totalBytes
      : job.state === 'generating'
        ? (job.progress ?? 0)
        : 0
  const bytes = transfer ? formatBytes(transfer.doneBytes) : ''
  const head = `${`row ${job.row}`.padEnd(8)} ${job.state.padEnd(12)}`
  const tail = `${bytes.padStart(8)}  ${job.model}`
  const wait = job.problem && job.runAt > now ? `  waits ${formatStretch(job.runAt - now)}` : ''
  const room = width - widthOf(head) - widthOf(tail) - 14
  const why = room > 12 && job.problem ? `  ${shorten(clean(job.problem.what), room - widthOf(wait))}` : ''
  return shorten(`${head} ${bar(share, 10)} ${tail}${wait}${why}`, width)
}

function totalLine({ runs, width }: LiveView): string {
  let all = 0
  let done = 0
  let failed = 0
  for (const { counts } of runs) {
    for (const number of Object.values(counts)) all += number
    done += (counts.done ?? 0) + (counts.cancelled ?? 0)
    failed += counts.failed ?? 0
  }
  const spend = runs.map(spendOf).join(', ')
  const text = `${done} of ${all} done${failed > 0 ? `, ${failed} failed` : ''}  ${spend}`
  const room = Math.max(10, Math.min(40, width - widthOf(text) - 4))
  return `${pc.green(bar(all === 0 ? 0 : (done + failed) / all, room))}  ${shorten(text, width - room - 2)}`
}

const spendOf = ({ countedMicros, capMicros }: Run): string =>
  capMicros === null
    ? `${formatMoney(countedMicros, 'credits')} spent or reserved`
    : `${formatMoney(countedMicros, 'credits')} of at most ${formatMoney(capMicros, 'credits')}`
