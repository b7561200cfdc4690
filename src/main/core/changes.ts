import type { AppEvent } from '../../shared/contract.ts'
import type { Problem } from '../../shared/problem.ts'
import type { Transfer } from './jobs/engine.ts'
import type { Clock } from './ports.ts'

const GATHER_MS = 100
/** Beyond this many ids a view does better to read everything it shows. */
const MOST_IDS = 1000

type Listener = (event: AppEvent) => void

/** Gathers what changed and tells it at most every 100 ms: ids only, a view reads its rows again. */
export class Changes {
  private readonly clock: Clock
  private readonly listeners = new Set<Listener>()
  private ids = new Set<number>()
  private transfers = new Map<string, Transfer>()
  private isWaiting = false
  private readonly stop = new AbortController()

  constructor(clock: Clock) {
    this.clock = clock
  }

  job(id: number): void {
    if (this.listeners.size === 0) return
    this.ids.add(id)
    this.tellSoon()
  }

  transfer(transfer: Transfer): void {
    if (this.listeners.size === 0) return
    this.transfers.set(`${transfer.direction}${transfer.jobId}`, transfer)
    this.tellSoon()
  }

  notice(problem: Problem): void {
    this.tell({ type: 'app.noticed', problem })
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** The news as a stream; ends when `signal` is aborted or the app stops. */
  async *watch(signal?: AbortSignal): AsyncGenerator<AppEvent> {
    const waiting: AppEvent[] = []
    let wake = (): void => {}
    const leave = this.listen((event) => {
      waiting.push(event)
      wake()
    })
    const end = signal ? AbortSignal.any([signal, this.stop.signal]) : this.stop.signal
    const ended = (): void => wake()
    end.addEventListener('abort', ended)
    try {
      while (!end.aborted) {
        yield* waiting.splice(0)
        if (waiting.length > 0 || end.aborted) continue
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      end.removeEventListener('abort', ended)
      leave()
    }
  }

  close(): void {
    this.stop.abort()
  }

  private tellSoon(): void {
    if (this.isWaiting) return
    this.isWaiting = true
    this.clock.sleep(GATHER_MS, this.stop.signal).then(
      () => this.flush(),
      () => this.flush(),
    )
  }

  /** Tells at once what is gathered: whoever is answered next must not be ahead of those who watch. */
  flush(): void {
    this.isWaiting = false
    const ids = [...this.ids]
    const transfers = [...this.transfers.values()]
    this.ids = new Set()
    this.transfers = new Map()
    if (ids.length > 0) {
      const isAll = ids.length > MOST_IDS
      this.tell({ type: 'jobs.changed', ids: isAll ? [] : ids, isAll })
    }
    if (transfers.length > 0) this.tell({ type: 'transfers.progressed', transfers })
  }

  private tell(event: AppEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
