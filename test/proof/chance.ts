/** Seeded numbers: the same for the same seed on every machine, so that a failing case replays. */
export interface Chance {
  /** A number in [0, 1). */
  next(): number
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number
  pick<T>(from: readonly T[]): T
  isSo(share: number): boolean
  /** A further source whose numbers do not depend on how many were taken from this one. */
  fork(name: string): Chance
}

export function chanceOf(seed: number | string): Chance {
  const next = mulberry(hash(String(seed)))
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    pick: (from) => {
      const one = from[between(0, from.length - 1)]
      if (one === undefined) throw new Error('there is nothing to pick from')
      return one
    },
    isSo: (share) => next() < share,
    fork: (name) => chanceOf(`${seed}/${name}`),
  }
}

/** Mulberry32, a small generator of good enough spread (public domain, Tommy Ettinger). */
function mulberry(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}
