import type { Fix, Problem } from '../problem.ts'
import type { Column, SheetRow } from '../sheet.ts'

/** Field → the sheet's own header for it. */
export type Headers = ReadonlyMap<string, string>

export const headersOf = (columns: readonly Column[]): Headers =>
  new Map(columns.flatMap(({ header, field }) => (field === null ? [] : [[field, header]])))

/**
 * A problem of the rules, whose places and fixes speak of fields (`duration`, `ref 2`), in the words of the sheet:
 * its own headers. `ref 2` is the second reference that the row names, in whichever column it stands.
 */
export function inOwnColumns(found: Problem, row: SheetRow, headers: Headers): Problem {
  const { place, fixes } = found
  if (place.column === undefined) return found
  const own: Problem = { ...found, place: { ...place, column: headerOf(place.column, row, headers) } }
  return fixes === undefined ? own : { ...own, fixes: fixes.map((fix) => fixInOwn(fix, row, headers)) }
}

function fixInOwn(fix: Fix, row: SheetRow, headers: Headers): Fix {
  if (fix.type === 'file-host') return fix
  const column = headerOf(fix.column, row, headers)
  const index = indexOf(fix.column)
  if (fix.type !== 'set' || index === undefined || row.references[index] === undefined)
    return { ...fix, column }
  return { ...fix, column, value: cellWith(row, index, fix.value) }
}

/** The whole cell of a reference after it was replaced: a cell may list several. */
export function cellWith({ references }: SheetRow, index: number, text: string): string {
  const column = references[index]?.column
  return references
    .map((each, at) => ({ column: each.column, text: at === index ? text : each.text }))
    .filter((each) => each.column === column && each.text !== '')
    .map((each) => each.text)
    .join(' | ')
}

/** Place of a reference in its row, from 0, by the field name `ref 1`. */
function indexOf(field: string): number | undefined {
  const number = /^ref (\d+)$/.exec(field)?.[1]
  return number === undefined ? undefined : Number(number) - 1
}

function headerOf(field: string, row: SheetRow, headers: Headers): string {
  const index = indexOf(field)
  if (index === undefined)
    return (field === 'audio' ? row.audio?.column : undefined) ?? headers.get(field) ?? field
  return row.references[index]?.column ?? freeColumn(row, headers) ?? headers.get(field) ?? field
}

/** Where one more reference goes: the first column for one that is empty, else the one that lists them. */
function freeColumn({ cells }: SheetRow, headers: Headers): string | undefined {
  for (let number = 1; headers.has(`ref ${number}`); number += 1) {
    const header = headers.get(`ref ${number}`) ?? ''
    if ((cells[header] ?? '').trim() === '') return header
  }
  return headers.get('references')
}
