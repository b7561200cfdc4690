import type { Problem } from '../../../../shared/problem.ts'

/** A row as it was found. `fault` is a word of `faults.ts` for what is wrong with it. */
export interface TableRecord {
  cells: string[]
  fault?: string
}

export interface ReadOptions {
  /** The file as it was given. */
  file: string
  worksheet?: string | undefined
  hiddenRows: 'skip' | 'read'
}

/** A value that stands in several records: cells of a workbook that were merged. Places count from 0. */
export interface Fill {
  column: number
  firstRecord: number
  lastRecord: number
  /** The record that holds the value, or the value. */
  from: number | string
}

/** What is known of a table when its last record has been read. */
export interface TableEnd {
  headers: string[]
  worksheets: string[]
  problems: Problem[]
  fills: Fill[]
}

/** Takes the records in order, some hundred at a time. */
export type Deliver = (records: TableRecord[]) => void
