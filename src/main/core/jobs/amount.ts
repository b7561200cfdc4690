/** Micros as a plain decimal number. */
export const amount = (micros: number): string => String(Number((micros / 1_000_000).toFixed(4)))
