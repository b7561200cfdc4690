import { keepQuotes } from '../sheets/escape.ts'
import { type Cell, cleanWords, type Draft, type Table } from './table.ts'
import { writeZip } from './zip.ts'

/** Excel's own limits (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3). */
export const XLSX_LIMITS = { rows: 1_048_576, columns: 16_384, cellCharacters: 32_767 } as const

/**
 * A workbook with one worksheet, in the one form that every spreadsheet program reads and that can be written
 * row by row: texts stand in their cells (`inlineStr`) and not in a list of their own. Texts have the number
 * format "text", so that one like `=1+1` stays a text also when a person edits its cell.
 * Layout: ECMA-376 part 1, https://ecma-international.org/publications-and-standards/standards/ecma-376/.
 */
export async function writeXlsx(table: Table, draft: Draft, title: string): Promise<void> {
  const entries = [
    { name: '[Content_Types].xml', pieces: [CONTENT_TYPES] },
    { name: '_rels/.rels', pieces: [RELATIONS] },
    { name: 'xl/workbook.xml', pieces: [workbook(title)] },
    { name: 'xl/_rels/workbook.xml.rels', pieces: [WORKBOOK_RELATIONS] },
    { name: 'xl/styles.xml', pieces: [STYLES] },
    { name: 'xl/worksheets/sheet1.xml', pieces: worksheet(table) },
  ]
  await writeZip(entries, draft)
}

async function* worksheet({ columns, pages }: Table): AsyncGenerator<string> {
  const letters = columns.map((_, index) => nameColumn(index))
  yield `${HEAD}<worksheet ${MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`
  let number = 1
  yield formatRow(number, letters, columns, STYLE.header)
  for await (const page of pages) {
    const rows = page.map((row) => {
      number += 1
      return formatRow(number, letters, row.cells, STYLE.text)
    })
    yield rows.join('')
  }
  yield '</sheetData></worksheet>'
}

/** Places in `cellXfs`. */
const STYLE = { text: 1, header: 2 } as const

function formatRow(
  number: number,
  letters: readonly string[],
  cells: readonly Cell[],
  style: number,
): string {
  let row = `<row r="${number}">`
  for (let index = 0; index < letters.length; index += 1) {
    row += formatCell(`${letters[index]}${number}`, cells[index] ?? null, style)
  }
  return `${row}</row>`
}

/** Spreadsheets show so many digits as they are; longer numbers would be shown rounded, so they stay text. */
const PLAIN_NUMBER = /^-?(?:0|[1-9]\d{0,9})$|^-?(?=[\d.]{3,10}$)(?:0|[1-9]\d*)\.\d*[1-9]$/

function formatCell(at: string, cell: Cell, style: number): string {
  if (cell === null || cell === '') return ''
  if (typeof cell === 'object' && 'decimal' in cell) return `<c r="${at}"><v>${cell.decimal}</v></c>`
  if (typeof cell === 'string' && style === STYLE.text && PLAIN_NUMBER.test(cell) && cell !== '-0') {
    return `<c r="${at}"><v>${cell}</v></c>`
  }
  const text =
    typeof cell === 'string' ? keepQuotes(cell) : cleanWords(cell.words, XLSX_LIMITS.cellCharacters)
  return `<c r="${at}" s="${style}" t="inlineStr"><is><t xml:space="preserve">${escapeText(text)}</t></is></c>`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML cannot hold.
const NEEDS_ESCAPE = /[&<>\u0000-\u0008\u000B-\u001F\uFFFE\uFFFF]|_(?=x[0-9A-Fa-f]{4}_)/g

/** XML's own marks, and what XML cannot hold or would change, as `_xHHHH_` (ECMA-376 part 1, 22.9.2.19). */
const escapeText = (text: string): string =>
  text.replace(NEEDS_ESCAPE, (found) => ENTITIES[found] ?? `_x${hex(found)}_`)

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const hex = (letter: string): string => letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')

/** 0 is `A`, 26 is `AA`. */
function nameColumn(index: number): string {
  const last = String.fromCharCode(65 + (index % 26))
  return index < 26 ? last : nameColumn(Math.floor(index / 26) - 1) + last
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
const RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const SHEET_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

const CONTENT_TYPES = `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${SHEET_TYPE}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${SHEET_TYPE}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${SHEET_TYPE}.styles+xml"/></Types>`

const RELATIONS = `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>`

const WORKBOOK_RELATIONS = `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${RELATION}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${RELATION}/styles" Target="styles.xml"/></Relationships>`

const workbook = (title: string): string =>
  `${HEAD}<workbook ${MAIN} xmlns:r="${RELATION}"><sheets><sheet name="${title}" sheetId="1" r:id="rId1"/></sheets></workbook>`

/** 49 is the number format "text". */
const STYLES = `${HEAD}<styleSheet ${MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs></styleSheet>`
