/**
 * Cells that a spreadsheet would take for a formula, and the way back.
 *
 * A cell that begins with one of these (after any quotes, so that the way back is exact) gets one single quote
 * in front. Reading a sheet, ours or anybody's, removes exactly one quote where it finds that pattern and
 * touches nothing else: `'hello'` stays as it is. Source of the list:
 * https://owasp.org/www-community/attacks/CSV_Injection (which also names line feed and the full-width signs).
 */
const STARTERS = '=+\\-@\\t\\r\\n\\u0000\\uFF1D\\uFF0B\\uFF0D\\uFF20'
const NEEDS_QUOTE = new RegExp(`^'*[${STARTERS}]`, 'u')
const HAS_QUOTE = new RegExp(`^'+[${STARTERS}]`, 'u')
const QUOTE = 39

/** `=1+1` becomes `'=1+1`; harmless text stays. */
export function escapeCell(text: string): string {
  return NEEDS_QUOTE.test(text) ? `'${text}` : text
}

/**
 * For formats in which a text is a text and no formula needs a guard: only what `unescapeCell` would shorten gets
 * its quote, so that one way back serves every format (a CSV that Excel saved as a workbook keeps its quotes).
 */
export function keepQuotes(text: string): string {
  return text.charCodeAt(0) === QUOTE && HAS_QUOTE.test(text) ? `'${text}` : text
}

/** Undoes `escapeCell` or `keepQuotes` and nothing else: `unescapeCell(escapeCell(x)) === x` for every text. */
export function unescapeCell(text: string): string {
  return text.charCodeAt(0) === QUOTE && HAS_QUOTE.test(text) ? text.slice(1) : text
}
