/** What a fault is: data about what it strikes, what it does, and what must have come of each row. */
import type { Practice } from '../../src/practice/index.ts'
import type { Jump } from './clock.ts'
import type { DiskFault } from './disk.ts'
import type { Rule } from './network.ts'
import type { ProofWorld, Row, Script } from './world.ts'

export type Family = 'evolink' | 'vtrix'
export const FAMILIES: readonly Family[] = ['evolink', 'vtrix']

/** `done`, `failed <code>`, or `waits <code>`: the code of the row's, its run's or its account's problem. */
export type End = string

/** The exchanges that a fault is about: those of one row, or all of them. */
export interface Aim {
  /** Whether an exchange is the row's (always, for a fault of the world). */
  isMine(exchange: { body: string; path: string }): boolean
  isMyTask(id: unknown): boolean
}

/** What a fault of the world may do while a life goes on. */
export interface Stage {
  world: ProofWorld
  practice(): Practice
  /** To the core's process: see `inside.ts`. */
  send(message: Record<string, unknown>): void
  /** World milliseconds from the moment at which the life began to work. */
  wait(ms: number): Promise<void>
}

export interface Fault {
  name: string
  scope: 'row' | 'world'
  /** What may come of a row of a family; families that it cannot strike are absent. */
  ends: Partial<Record<Family, readonly End[]>>
  /** Words for the practice provider, put into the row's prompt. */
  words?: string
  rules?: (aim: Aim) => Rule[]
  /** The row's reference is a file of its own, so that its upload can be told from others. */
  hasOwnPicture?: boolean
  row?: Row
  /** Rows instead of the usual ones. */
  rows?: (family: Family) => Row[]
  script?: Partial<Pick<Script, 'provider' | 'limits' | 'strangers' | 'rate'>> & {
    capMicros?: number
    nameTemplate?: string
  }
  disk?: (startsAt: number) => DiskFault[]
  jumps?: Jump[]
  env?: Record<string, string>
  /** The core's process is prepared so that names and the database can be made to fail. */
  isInside?: boolean
  /** Goes through the name `localhost` instead of its address. */
  isByName?: boolean
  /** What else is to be seen at the end, in words; empty = all well. */
  check?: (world: ProofWorld) => string[]
  /** Leads through https and a proxy of the case's own. */
  isByProxy?: boolean
  /** Lives so long at least, world milliseconds. */
  staysMs?: number
  /** Done while the first life goes on. */
  act?: (stage: Stage) => Promise<void>
  /** Lives after the first, without any fault; what is done before each. */
  after?: ((stage: Pick<Stage, 'world' | 'practice'>) => Promise<void> | void)[]
  /** The clip may be missing: the fault ends in giving it up, for a reason. */
  mayMiss?: true
}
