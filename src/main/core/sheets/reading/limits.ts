/** What a sheet may have. More is refused in words: nobody means it, and it would fill the memory. */
export const SHEET_LIMITS = {
  fileBytes: 128_000_000,
  cellCharacters: 100_000,
  columns: 1_000,
  rows: 1_000_000,
} as const

/** Bounds that keep the whole process below 512 MB, whatever a file says of itself. */
export const READING_LIMITS = {
  /** All cells of a table together. */
  cells: 8_000_000,
  /** Letters of all cells together. */
  characters: 120_000_000,
  /** What a table takes in memory: its letters, and the engine's own words for each cell and record. */
  tableBytes: 160_000_000,
  bytesPerCell: 24,
  bytesPerRecord: 100,
  /** Letters of one record: beyond, a quote that is not closed has swallowed the rest of the file. */
  recordCharacters: 3_000_000,
  /** JSON and HTML are held as a whole while they are read. */
  jsonBytes: 64_000_000,
  htmlBytes: 10_000_000,
  /** What is pasted crosses from one thread to the other in one piece. */
  pastedCharacters: 32_000_000,
  /** Of a workbook: its files, and what those that are read unpack to, by their own word and in truth. */
  zipEntries: 10_000,
  unpackedBytes: 600_000_000,
  /** An honest sheet packs to a tenth or a thirtieth. */
  packedAtMost: 100,
  packedLooksFromBytes: 10_000_000,
  /** Excel itself allows 32,767 letters in a cell. */
  xmlTokenCharacters: 4_000_000,
  depth: 64,
  /** Processor time over a file of no size. */
  workMs: 1_500,
} as const
