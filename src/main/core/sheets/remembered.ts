import { hash } from 'node:crypto'
import * as z from 'zod'
import type { Settings } from '../store/settings.ts'
import { fold, type Wishes } from './columns.ts'

const NAME = 'column-mappings'
/** Sets of columns whose meaning is remembered, the newest last. */
const MOST = 200

/** Letters of one of them: what is typed by hand is far shorter. */
const LONGEST = 20_000

const Kept = z.array(z.object({ columns: z.string(), mapping: z.record(z.string(), z.string()) }))

/** What a person said of a sheet with just these columns, in whatever order and spelling they stand. */
export function recallMapping(settings: Settings, headers: readonly string[]): Wishes {
  const columns = nameOf(headers)
  return read(settings).find((each) => each.columns === columns)?.mapping ?? {}
}

/** Adds to what is remembered of these columns; belongs into the transaction that makes use of it. */
export function rememberMapping(settings: Settings, headers: readonly string[], mapping: Wishes): void {
  if (Object.keys(mapping).length === 0) return
  const columns = nameOf(headers)
  const before = recallMapping(settings, headers)
  const newer = new Set(Object.keys(mapping).map(fold))
  const kept = Object.entries(before).filter(([header]) => !newer.has(fold(header)))
  const all = { ...Object.fromEntries(kept), ...mapping }
  if (JSON.stringify(all).length > LONGEST) return
  const others = read(settings).filter((each) => each.columns !== columns)
  settings.set(NAME, [...others.slice(1 - MOST), { columns, mapping: all }])
}

function read(settings: Settings): z.infer<typeof Kept> {
  const kept = Kept.safeParse(settings.get(NAME))
  return kept.success ? kept.data : []
}

const nameOf = (headers: readonly string[]): string =>
  hash('sha256', JSON.stringify([...new Set(headers.map(fold))].sort()))
