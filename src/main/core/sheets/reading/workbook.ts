import { refuse } from './decode.ts'
import { type Meaning, meaningOf } from './number-formats.ts'
import { readStrings } from './shared-strings.ts'
import { stop } from './stop.ts'
import type { Deliver, ReadOptions, TableEnd } from './table.ts'
import { TableBuilder } from './table-builder.ts'
import { readWorksheet } from './worksheet.ts'
import { readXml } from './xml.ts'
import { type Archive, damaged, openArchive } from './zip.ts'

/**
 * Reads one worksheet of an XLSX or XLSM file (Office Open XML, strict or transitional): ECMA-376,
 * https://ecma-international.org/publications-and-standards/standards/ecma-376/
 * Values are the ones that the file holds: formulas are not worked out, and nothing outside of it is opened.
 */
export async function readWorkbook(
  bytes: Uint8Array,
  options: ReadOptions,
  deliver: Deliver,
): Promise<TableEnd> {
  const { file } = options
  const archive = await openArchive(bytes, file)
  const main = await findMain(archive, file)
  const book = await readBook(archive, main, file)
  const sheet = chooseSheet(book.sheets, options)
  const builder = new TableBuilder(file, deliver, `${file} (worksheet "${sheet.name}")`)
  const strings = book.strings ? await readStrings(archive.read(book.strings), file) : []
  const meanings = book.styles ? await readStyles(archive, book.styles, file) : []
  const read = await readWorksheet(archive.read(sheet.part), builder, {
    file,
    strings,
    meanings,
    isFrom1904: book.isFrom1904,
    hiddenRows: options.hiddenRows,
  })
  const worksheets = book.sheets.map(({ name }) => name)
  return { headers: builder.end(), worksheets, problems: read.problems, fills: read.fills }
}

const OTHERS: readonly { part: RegExp; name: string }[] = [
  { part: /^xl\/workbook\.bin$/u, name: 'a binary Excel workbook (XLSB)' },
  { part: /^(?:content|styles)\.xml$/u, name: 'an OpenDocument spreadsheet (ODS)' },
  { part: /^index\/document\.iwa$|^index\.zip$/u, name: 'a Numbers spreadsheet' },
  { part: /^word\//u, name: 'a Word document (DOCX)' },
  { part: /^ppt\//u, name: 'a PowerPoint presentation (PPTX)' },
]

async function findMain(archive: Archive, file: string): Promise<string> {
  const names = archive.names()
  const other = OTHERS.find(({ part }) => names.some((name) => part.test(name)))
  if (other && !archive.has('xl/workbook.xml')) {
    const next = 'Open it in the program that made it, save it as XLSX or "CSV UTF-8", and use that file.'
    throw refuse(file, `${file} is ${other.name}, which is not read here.`, next)
  }
  if (!archive.has('_rels/.rels')) {
    if (archive.has('xl/workbook.xml')) return 'xl/workbook.xml'
    throw refuse(file, `${file} is a ZIP file, not a workbook.`, 'Unpack it, and use the sheet inside.')
  }
  const relations = await readRelations(archive, '_rels/.rels', '', file)
  const main = relations.find(({ type }) => type === 'officeDocument')?.part ?? 'xl/workbook.xml'
  if (!archive.has(main)) throw damaged(file, 'the part that lists its worksheets is missing')
  return main
}

interface Relation {
  id: string
  /** The last word of its type: strict and transitional files differ in what comes before. */
  type: string
  part: string
}

async function readRelations(
  archive: Archive,
  part: string,
  base: string,
  file: string,
): Promise<Relation[]> {
  const relations: Relation[] = []
  if (!archive.has(part)) return relations
  await readXml(archive.read(part), part, file, {
    open: (name, attributes) => {
      // An external target is an address outside of the file: never opened.
      if (name !== 'Relationship' || attributes('TargetMode') === 'External') return
      const type = attributes('Type') ?? ''
      const target = attributes('Target') ?? ''
      relations.push({
        id: attributes('Id') ?? '',
        type: type.slice(type.lastIndexOf('/') + 1),
        part: resolve(base, target),
      })
    },
  })
  return relations
}

function resolve(base: string, target: string): string {
  const path: string[] = target.startsWith('/') ? [] : base.split('/').slice(0, -1)
  for (const step of target.split('/')) {
    if (step === '..') path.pop()
    else if (step !== '' && step !== '.') path.push(step)
  }
  return path.join('/')
}

interface Book {
  sheets: { name: string; part: string; isShown: boolean }[]
  isFrom1904: boolean
  strings: string | undefined
  styles: string | undefined
}

async function readBook(archive: Archive, main: string, file: string): Promise<Book> {
  const slash = main.lastIndexOf('/') + 1
  const relationsPart = `${main.slice(0, slash)}_rels/${main.slice(slash)}.rels`
  const relations = await readRelations(archive, relationsPart, main, file)
  const partOf = (type: string) =>
    relations.find((each) => each.type === type && archive.has(each.part))?.part
  const book: Book = {
    sheets: [],
    isFrom1904: false,
    strings: partOf('sharedStrings'),
    styles: partOf('styles'),
  }
  await readXml(archive.read(main), main, file, {
    open: (name, attributes) => {
      if (name === 'workbookPr') book.isFrom1904 = isTrue(attributes('date1904'))
      if (name !== 'sheet') return
      const relation = relations.find(({ id }) => id === attributes('id'))
      // Chart sheets and macro sheets have no cells.
      if (relation?.type !== 'worksheet') return
      const isShown = !/hidden/iu.test(attributes('state') ?? '')
      book.sheets.push({ name: attributes('name') ?? '', part: relation.part, isShown })
    },
  })
  return book
}

export const isTrue = (value: string | undefined): boolean =>
  value === '1' || value === 'true' || value === 'on'

function chooseSheet(sheets: Book['sheets'], { worksheet, file }: ReadOptions): Book['sheets'][number] {
  const first = sheets.find(({ isShown }) => isShown) ?? sheets[0]
  if (!first) throw stop('sheet-empty', file, 'holds no worksheet.', 'Check that it is the right file.')
  if (worksheet === undefined) return first
  const wanted = worksheet.trim().toLowerCase()
  const named =
    sheets.find(({ name }) => name === worksheet) ??
    sheets.find(({ name }) => name.trim().toLowerCase() === wanted)
  if (named) return named
  const names = sheets.slice(0, 30).map(({ name }) => `"${name.slice(0, 80)}"`)
  const what = `has no worksheet "${worksheet}"; it has ${names.join(', ')}.`
  throw stop('sheet-unreadable', file, what, 'Use one of these names.')
}

/** By the number of a cell's style: what its numbers mean. */
async function readStyles(archive: Archive, part: string, file: string): Promise<Meaning[]> {
  const codes = new Map<number, string>()
  const meanings: Meaning[] = []
  let isInCells = false
  await readXml(archive.read(part), part, file, {
    open: (name, attributes) => {
      if (name === 'numFmt') codes.set(Number(attributes('numFmtId')), attributes('formatCode') ?? '')
      else if (name === 'cellXfs') isInCells = true
      else if (name === 'xf' && isInCells) {
        const id = Number(attributes('numFmtId') ?? 0)
        meanings.push(meaningOf(id, codes.get(id)))
      }
    },
    close: (name) => {
      if (name === 'cellXfs') isInCells = false
    },
  })
  return meanings
}
