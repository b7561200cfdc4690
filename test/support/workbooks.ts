import { zipSync } from 'fflate'

/** Puts a small workbook together by hand, honest or not. */
export interface BookParts {
  /** What stands within `<sheetData>`. */
  rows?: string
  /** The whole worksheet, in place of one that is made of `rows`. */
  sheet?: string
  /** Behind the rows: merged cells and the like. */
  after?: string
  strings?: string
  more?: Record<string, string | Uint8Array>
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
const TYPE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'

export function makeBook({ rows = '', sheet, after = '', strings, more = {} }: BookParts): Buffer {
  const parts: Record<string, string | Uint8Array> = {
    '_rels/.rels': `${HEAD}<Relationships ${RELATIONS}><Relationship Id="r" Type="${TYPE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${HEAD}<workbook ${MAIN} xmlns:r="${TYPE}"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${HEAD}<Relationships ${RELATIONS}><Relationship Id="r1" Type="${TYPE}/worksheet" Target="worksheets/sheet1.xml"/>${strings === undefined ? '' : `<Relationship Id="r2" Type="${TYPE}/sharedStrings" Target="sharedStrings.xml"/>`}</Relationships>`,
    'xl/worksheets/sheet1.xml':
      sheet ?? `${HEAD}<worksheet ${MAIN}><sheetData>${rows}</sheetData>${after}</worksheet>`,
    ...(strings !== undefined && { 'xl/sharedStrings.xml': `${HEAD}<sst ${MAIN}>${strings}</sst>` }),
    ...more,
  }
  const bytes = Object.entries(parts).map(([name, part]) => [
    name,
    typeof part === 'string' ? new Uint8Array(Buffer.from(part)) : part,
  ])
  return Buffer.from(zipSync(Object.fromEntries(bytes), { level: 6 }))
}

/** A row of inline text. */
export const rowOf = (cells: readonly string[], attributes = ''): string =>
  `<row ${attributes}>${cells.map((cell) => `<c t="inlineStr"><is><t>${cell}</t></is></c>`).join('')}</row>`
