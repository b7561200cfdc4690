/** Counts calls per second of the given clock; an unset limit never refuses. */
export interface Limiter {
  /** Takes one turn, or says after how many whole seconds to come back. */
  take(what: 'create' | 'read'): { isFree: true } | { isFree: false; afterSeconds: number }
}

export function createLimiter(
  now: () => number,
  perSecond: { create: number | undefined; read: number | undefined },
): Limiter {
  const turns = { create: [] as number[], read: [] as number[] }
  return {
    take(what) {
      const limit = perSecond[what]
      if (limit === undefined) return { isFree: true }
      const at = now()
      const recent = turns[what].filter((turn) => turn > at - 1000)
      turns[what] = recent
      if (recent.length >= Math.max(1, limit)) return { isFree: false, afterSeconds: 1 }
      recent.push(at)
      return { isFree: true }
    },
  }
}
