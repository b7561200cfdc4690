import { type Problem, problem } from '../../../../shared/problem.ts'

/**
 * What can be wrong with a row before anybody asks what its cells mean. A record carries these as text, several
 * of them apart by line feeds: `MissingQuotes` and the like are the text parser's own words, the others begin with
 * one of the words below, and what follows it is a column's place from 0 and a value.
 */
export const faultOf = {
  errorCell: (column: number, value: string): string => `error-cell ${column} ${value}`,
  formulaWithoutValue: (column: number): string => `no-result ${column} `,
  keyTwice: (key: string): string => `key-twice 0 ${key}`,
  brokenLine: (reason: string): string => `broken-line 0 ${reason}`,
}

/**
 * The problems of one record. Those of a cell stop the row only when its column fills a field: what stands in a
 * column that is only kept decides nothing.
 */
export function describeFaults(
  fault: string,
  row: number,
  headers: readonly string[],
  mapping: Readonly<Record<string, string>>,
): Problem[] {
  return fault.split('\n').map((each) => {
    const [, word, at, value = ''] = /^([a-z-]+) (\d+) (.*)$/su.exec(each) ?? []
    const header = headers[Number(at)] ?? ''
    if (word === 'error-cell') return inCell(describeError(row, header, value), header, row, mapping, value)
    if (word === 'no-result') return inCell(describeNoResult(row, header), header, row, mapping)
    if (word === 'key-twice') return describeKeyTwice(value, row)
    if (word === 'broken-line') return describeBroken(value, row)
    return describeQuote(each, row)
  })
}

function inCell(
  { what, next }: { what: string; next: string },
  column: string,
  row: number,
  mapping: Readonly<Record<string, string>>,
  value?: string,
): Problem {
  const place = value === undefined ? { row, column } : { row, column, value }
  const isUsed = mapping[column] !== undefined
  const end = isUsed ? ' The row will not run.' : ' The column fills nothing, so the row runs all the same.'
  return problem('sheet-unreadable', what + end, next, place, isUsed ? 'error' : 'warning')
}

const describeError = (row: number, column: string, value: string) => ({
  what: `Row ${row}: the cell under "${column}" shows the error ${value}; its formula has no result.`,
  next: 'Mend the formula in the workbook, or write the value itself, then read the sheet again.',
})

const describeNoResult = (row: number, column: string) => ({
  what: `Row ${row}: the cell under "${column}" is a formula, and the file does not hold its result.`,
  next: 'Open the workbook in a spreadsheet program, save it, then read it again.',
})

function describeKeyTwice(key: string, row: number): Problem {
  const what = `Row ${row} has the name "${key.slice(0, 80)}" twice. The row will not run.`
  return problem('sheet-unreadable', what, 'Keep one of the two values.', { row, column: key })
}

function describeBroken(reason: string, row: number): Problem {
  const what = `Row ${row} is not a JSON object in one line: ${reason} The row will not run.`
  return problem('sheet-unreadable', what, 'Mend this line; each line must hold one whole object.', { row })
}

function describeQuote(fault: string, row: number): Problem {
  if (fault === 'MissingQuotes') {
    const what = `Row ${row}: a quote opens in this row and never closes, so everything after it became one cell.`
    return problem('sheet-unreadable', what, 'Close the quote, then read the sheet again.', { row })
  }
  const what = `Row ${row}: a quoted cell has text after its closing quote.`
  const next = 'Write a quote inside a quoted cell twice (""), then read the sheet again.'
  return problem('sheet-unreadable', what, next, { row })
}
