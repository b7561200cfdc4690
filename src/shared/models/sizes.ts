import type { SizeTable } from './types.ts'

/** Frames of Wan 2.6. 4:3 and 3:4 are near these ratios, not exact. Printed by Vtrix and by the model's maker. */
export const WAN26_SIZES: SizeTable = {
  '720p': { '16:9': '1280*720', '9:16': '720*1280', '1:1': '960*960', '4:3': '1088*832', '3:4': '832*1088' },
  '1080p': {
    '16:9': '1920*1080',
    '9:16': '1080*1920',
    '1:1': '1440*1440',
    '4:3': '1632*1248',
    '3:4': '1248*1632',
  },
}

/** Frames of Wan 2.7: 4:3 and 3:4 differ from Wan 2.6. */
export const WAN27_SIZES: SizeTable = {
  '720p': { '16:9': '1280*720', '9:16': '720*1280', '1:1': '960*960', '4:3': '1104*832', '3:4': '832*1104' },
  '1080p': {
    '16:9': '1920*1080',
    '9:16': '1080*1920',
    '1:1': '1440*1440',
    '4:3': '1648*1248',
    '3:4': '1248*1648',
  },
}

export const RATIOS = ['16:9', '9:16', '1:1', '4:3', '3:4'] as const

/** All sizes of a table, smaller tier first. */
export function sizesOf(table: SizeTable): string[] {
  return Object.values(table).flatMap((row) => Object.values(row))
}

/** The tier and ratio of a `W*H`; undefined when the table has no such frame. */
export function tierOfSize(table: SizeTable, size: string): { quality: string; ratio: string } | undefined {
  for (const [quality, row] of Object.entries(table))
    for (const [ratio, each] of Object.entries(row)) if (each === size) return { quality, ratio }
  return undefined
}

/** The `W*H` of a tier and ratio; undefined when the table has none. */
export function sizeOfTier(table: SizeTable, quality: string, ratio: string): string | undefined {
  if (!Object.hasOwn(table, quality)) return undefined
  const row = table[quality]
  return row !== undefined && Object.hasOwn(row, ratio) ? row[ratio] : undefined
}

/** `1280*720` → px. */
export function frameOf(size: string): { width: number; height: number } | undefined {
  const found = /^(\d{1,5})\*(\d{1,5})$/.exec(size)
  return found === null ? undefined : { width: Number(found[1]), height: Number(found[2]) }
}
