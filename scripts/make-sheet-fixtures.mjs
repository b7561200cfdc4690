/**
 * Makes test/fixtures/sheets again: `node scripts/make-sheet-fixtures.mjs`. What test/fixtures/sheets/README.md
 * calls "by LibreOffice" needs `soffice` (Debian: libreoffice-calc-nogui); the files that imitate other programs
 * are put together here, part by part as those programs write them.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'

const FOLDER = join(import.meta.dirname, '../test/fixtures/sheets')

function convert(source, name, to, more = []) {
  const work = mkdtempSync(join(tmpdir(), 'reelsheet-fixtures-'))
  try {
    const extension = to.split(':')[0]
    const input = join(work, `in-${source}`)
    copyFileSync(join(FOLDER, 'source', source), input)
    execFileSync(
      'soffice',
      [
        `-env:UserInstallation=file://${work}/profile`,
        '--headless',
        ...more,
        '--convert-to',
        to,
        '--outdir',
        join(work, 'out'),
        input,
      ],
      { stdio: 'ignore' },
    )
    renameSync(join(work, 'out', `in-${source.replace(/\.\w+$/, '')}.${extension}`), join(FOLDER, name))
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** Delimiter and quote by code, encoding by LibreOffice's number, first line, formats, quoting, detection, as shown. */
const csv = (delimiter, encoding) =>
  `csv:Text - txt - csv (StarCalc):${delimiter},34,${encoding},1,,0,false,true,false`
const UTF_8 = 76
const UTF_16 = 65535
const WINDOWS_1252 = 1
const GB_18030 = 85

function byLibreOffice() {
  convert('night.fods', 'libreoffice.xlsx', 'xlsx')
  convert('night.fods', 'libreoffice.xls', 'xls')
  convert('night.fods', 'libreoffice.ods', 'ods')
  convert('night.fods', 'libreoffice.html', 'html')
  convert('night.fods', 'libreoffice-utf-8.csv', csv(44, UTF_8))
  convert('night.fods', 'libreoffice-utf-16-tabs.csv', csv(9, UTF_16))
  convert('night.fods', 'libreoffice-windows-1252-semicolons.csv', csv(59, WINDOWS_1252))
  convert('night.fods', 'libreoffice-pipes.csv', csv(124, UTF_8))
  convert('chinese.csv', 'libreoffice-gb18030.csv', csv(44, GB_18030), ['--infilter=CSV:44,34,76,1'])
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const STRICT_MAIN = 'http://purl.oclc.org/ooxml/spreadsheetml/main'
const STRICT_RELATION = 'http://purl.oclc.org/ooxml/officeDocument/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006/relationships'
const TYPES = 'http://schemas.openxmlformats.org/package/2006/content-types'

const relations = (base, entries) =>
  `${HEAD}<Relationships xmlns="${PACKAGE}">${entries
    .map(([id, type, target, mode]) => {
      const more = mode ? ` TargetMode="${mode}"` : ''
      return `<Relationship Id="${id}" Type="${base}/${type}" Target="${target}"${more}/>`
    })
    .join('')}</Relationships>`

function writeBook(name, parts) {
  const types = `${HEAD}<Types xmlns="${TYPES}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>`
  const files = { '[Content_Types].xml': types, ...parts }
  const bytes = Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])
  // Minutes of the year 2000, so that the same parts are the same file.
  writeFileSync(
    join(FOLDER, name),
    zipSync(Object.fromEntries(bytes), { mtime: '2000-01-01T12:00:00', level: 9 }),
  )
}

/** Shared strings with rich text, phonetic guides and escapes, an external link, a chart sheet, a hidden first sheet. */
function asExcel() {
  writeBook('as-excel.xlsx', {
    '_rels/.rels': relations(RELATION, [['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${RELATION}"><workbookPr defaultThemeVersion="166925"/><sheets><sheet name="Lists" sheetId="3" state="veryHidden" r:id="rId3"/><sheet name="Chart" sheetId="2" r:id="rId2"/><sheet name="絵コンテ &amp; more" sheetId="1" r:id="rId1"/></sheets><externalReferences><externalReference r:id="rId6"/></externalReferences></workbook>`,
    'xl/_rels/workbook.xml.rels': relations(RELATION, [
      ['rId1', 'worksheet', 'worksheets/sheet1.xml'],
      ['rId2', 'chartsheet', 'chartsheets/sheet1.xml'],
      ['rId3', 'worksheet', '/xl/worksheets/sheet2.xml'],
      ['rId4', 'styles', 'styles.xml'],
      ['rId5', 'sharedStrings', 'sharedStrings.xml'],
      ['rId6', 'externalLink', 'externalLinks/externalLink1.xml'],
    ]),
    'xl/externalLinks/externalLink1.xml': `${HEAD}<externalLink xmlns="${MAIN}"><externalBook xmlns:r="${RELATION}" r:id="rId1"><sheetNames><sheetName val="Prices"/></sheetNames></externalBook></externalLink>`,
    'xl/externalLinks/_rels/externalLink1.xml.rels': relations(RELATION, [
      ['rId1', 'externalLinkPath', 'https://127.0.0.1:9/prices.xlsx', 'External'],
    ]),
    'xl/sharedStrings.xml': `${HEAD}<sst xmlns="${MAIN}" count="9" uniqueCount="9"><si><t>prompt</t></si><si><t>duration</t></si><si><t>due</t></si><si><r><t xml:space="preserve">A </t></r><r><rPr><b/></rPr><t>bold</t></r><r><t xml:space="preserve"> fox </t></r></si><si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/></si><si><t>line one_x000D_\nline two _x005F_x0041_</t></si><si><t>emoji &#128512; &amp; &lt;tag&gt;</t></si><si><t/></si><si><t>price</t></si></sst>`,
    'xl/styles.xml': `${HEAD}<styleSheet xmlns="${MAIN}"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/><numFmt numFmtId="165" formatCode="&quot;day&quot;\\ 0"/><numFmt numFmtId="166" formatCode="[h]:mm:ss"/></numFmts><cellStyleXfs count="1"><xf numFmtId="14"/></cellStyleXfs><cellXfs count="6"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="10"/><xf numFmtId="166"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${HEAD}<worksheet xmlns="${MAIN}"><sheetData><row r="2" spans="1:4"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>2</v></c><c r="D2" t="s"><v>8</v></c></row><row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3"><v>5.0999999999999996</v></c><c r="C3" s="1"><v>46346</v></c><c r="D3"><f>[1]Prices!A1*2</f><v>12</v></c></row><row r="4"><c r="A4" t="s"><v>4</v></c><c r="B4" s="3"><v>10</v></c><c r="C4" s="2"><v>46346.895833333336</v></c><c r="D4" t="e"><f>[1]Prices!A2</f><v>#N/A</v></c></row><row r="5"><c r="A5" t="s"><v>5</v></c><c r="B5"><v>1E+1</v></c><c r="C5" t="s"><v>7</v></c><c r="D5" s="4"><v>0.125</v></c></row><row r="7"><c r="A7" t="s"><v>6</v></c><c r="B7"><f>B5/0</f></c><c r="D7" s="5"><v>1.5</v></c><c r="G7" t="str"><v>far away</v></c></row><row r="1048576" hidden="1"/></sheetData></worksheet>`,
    'xl/worksheets/sheet2.xml': `${HEAD}<worksheet xmlns="${MAIN}"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>4</v></c></row></sheetData></worksheet>`,
  })
}

/** ISO/IEC 29500 Strict, as Excel saves it when asked: other namespaces, dates as ISO text, dates from 1904. */
function asExcelStrict() {
  writeBook('as-excel-strict.xlsx', {
    '_rels/.rels': relations(STRICT_RELATION, [['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `${HEAD}<workbook xmlns="${STRICT_MAIN}" xmlns:r="${STRICT_RELATION}" conformance="strict"><workbookPr date1904="1"/><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations(STRICT_RELATION, [
      ['rId1', 'worksheet', 'worksheets/sheet1.xml'],
      ['rId2', 'styles', 'styles.xml'],
    ]),
    'xl/styles.xml': `${HEAD}<styleSheet xmlns="${STRICT_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${HEAD}<worksheet xmlns="${STRICT_MAIN}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c><c r="B1" t="inlineStr"><is><t>due</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><r><t>a </t></r><r><t>strict one</t></r></is></c><c r="B2" s="1" t="d"><v>2026-11-20T00:00:00</v></c></row><row r="3"><c r="A3" t="inlineStr"><is><t>from 1904</t></is></c><c r="B3" s="1"><v>44884</v></c></row></sheetData></worksheet>`,
  })
}

/** Google Sheets: no dimension, shared strings, rows of a fixed height, a filter's hidden rows, empty styled cells. */
function asGoogleSheets() {
  writeBook('as-google-sheets.xlsx', {
    '_rels/.rels': relations(RELATION, [['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${RELATION}"><workbookPr/><sheets><sheet state="visible" name="工作表1" sheetId="1" r:id="rId4"/></sheets><definedNames/><calcPr/></workbook>`,
    'xl/_rels/workbook.xml.rels': relations(RELATION, [
      ['rId2', 'styles', 'styles.xml'],
      ['rId3', 'sharedStrings', 'sharedStrings.xml'],
      ['rId4', 'worksheet', 'worksheets/sheet1.xml'],
    ]),
    'xl/sharedStrings.xml': `${HEAD}<sst xmlns="${MAIN}" count="6" uniqueCount="6"><si><t>描述</t></si><si><t>秒</t></si><si><t>湖边黄昏</t></si><si><t>second line\nof a cell</t></si><si><t>filtered away</t></si><si><t>model</t></si></sst>`,
    'xl/styles.xml': `${HEAD}<styleSheet xmlns="${MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="0" applyAlignment="1"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${HEAD}<worksheet xmlns="${MAIN}" xmlns:r="${RELATION}"><sheetPr><outlinePr summaryBelow="0" summaryRight="0"/></sheetPr><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetFormatPr customHeight="1" defaultColWidth="12.63" defaultRowHeight="15.75"/><sheetData><row r="1"><c r="A1" s="1" t="s"><v>0</v></c><c r="B1" s="1" t="s"><v>1</v></c><c r="C1" s="1" t="s"><v>5</v></c></row><row r="2"><c r="A2" s="1" t="s"><v>2</v></c><c r="B2" s="1"><v>5.0</v></c><c r="C2" s="1"/></row><row r="3" hidden="1"><c r="A3" s="1" t="s"><v>4</v></c><c r="B3" s="1"><v>5.0</v></c></row><row r="4"><c r="A4" s="1" t="s"><v>3</v></c><c r="B4" s="1"><f>2.0 * B2</f><v>10.0</v></c><c r="C4" s="1" t="str"><f>LOWER("WAN26_R2V")</f><v>wan26_r2v</v></c></row><row r="5"><c r="A5" s="1"/></row></sheetData><autoFilter ref="A1:C4"/></worksheet>`,
  })
}

/** Small writers: inline strings, no styles, no addresses, a prefix on every element, CDATA. */
function asSmallWriters() {
  writeBook('as-small-writers.xlsx', {
    '_rels/.rels': relations(RELATION, [['rId1', 'officeDocument', '/xl/book.xml']]),
    'xl/book.xml': `${HEAD}<x:workbook xmlns:x="${MAIN}" xmlns:rel="${RELATION}"><x:sheets><x:sheet name="Data" sheetId="1" rel:id="a"/></x:sheets></x:workbook>`,
    'xl/_rels/book.xml.rels': relations(RELATION, [['a', 'worksheet', '../xl/worksheets/data.xml']]),
    'xl/worksheets/data.xml': `${HEAD}<x:worksheet xmlns:x="${MAIN}"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>prompt</x:t></x:is></x:c><x:c t="inlineStr"><x:is><x:t>seed</x:t></x:is></x:c></x:row><x:row><x:c t="inlineStr"><x:is><x:t><![CDATA[<b>&]]> bare</x:t></x:is></x:c><x:c><x:v>42</x:v></x:c></x:row><x:row><x:c t="inlineStr"><x:is><x:t>no seed</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>`,
  })
}

if (!process.argv.includes('--without-libreoffice')) byLibreOffice()
asExcel()
asExcelStrict()
asGoogleSheets()
asSmallWriters()
