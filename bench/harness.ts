/**
 * What every benchmark shares: variants are run in turns, so that a noisy machine is noisy for all of
 * them, and a figure is the median of its runs with the spread beside it.
 */

/** One line of the table. A benchmark gives one for each thing that section 13 of the design sets a bar for. */
export interface BenchRow {
  /** What was measured, with its size: "due jobs, p99, 100,000 jobs". */
  what: string
  /** The bar in words: "at least 0.6 x a bare undici loop"; "none" for a figure that only informs. */
  bar: string
  /** The figure with unit, median and spread: "0.42 ms (0.40 to 0.47)". */
  measured: string
  /** Null for a figure without a bar. */
  isMet: boolean | null
}

export interface Bench {
  /** The file's name: `npm run bench -- import`. */
  name: string
  /** Called in a process of its own. `say` writes progress to the terminal at once. */
  run(say: (line: string) => void): Promise<BenchRow[]>
}

export interface Spread {
  median: number
  least: number
  most: number
}

/** Runs each variant once per round, in turns, and returns what each measured, in the unit it returned. */
export async function alternate<Name extends string>(
  rounds: number,
  variants: Record<Name, () => Promise<number> | number>,
): Promise<Record<Name, Spread>> {
  const names = Object.keys(variants) as Name[]
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) {
    // The order turns round each time: what runs second finds warmer caches.
    for (const name of round % 2 === 0 ? names : names.toReversed()) values[name].push(await variants[name]())
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(values[name])])) as Record<Name, Spread>
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

/** The value below which a share of the samples lies (nearest rank); `samples` may be unsorted. */
export function percentile(samples: readonly number[], share: number): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    share,
  )
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN

/** "4.21 s (4.02 to 4.40)". */
export const show = ({ median, least, most }: Spread, unit: string, digits = 2): string =>
  `${median.toFixed(digits)} ${unit} (${least.toFixed(digits)} to ${most.toFixed(digits)})`

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
