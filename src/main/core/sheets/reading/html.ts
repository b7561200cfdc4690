import { type DefaultTreeAdapterTypes, defaultTreeAdapter, html, parse } from 'parse5'
import type { Problem } from '../../../../shared/problem.ts'
import { READING_LIMITS } from './limits.ts'
import { describeMerges } from './merges.ts'
import { notice, stop } from './stop.ts'
import type { Fill } from './table.ts'
import type { TableBuilder } from './table-builder.ts'

type Node = DefaultTreeAdapterTypes.ChildNode
type Element = DefaultTreeAdapterTypes.Element

/** What browsers allow: https://html.spec.whatwg.org/multipage/tables.html#attributes-common-to-td-and-th-elements */
const MOST_COLUMNS_SPANNED = 1_000
const MOST_ROWS_SPANNED = 65_534

/**
 * Reads the largest table of an HTML text, as spreadsheets put it onto the clipboard or save it under `.xls`.
 * Merged cells are read as in a workbook.
 */
export function readHtml(
  text: string,
  file: string,
  builder: TableBuilder,
): { problems: Problem[]; fills: Fill[] } {
  const tables = findTables(parse(text, { treeAdapter: countingAdapter(text.length, file) }))
  const rows = tables.map(rowsOf)
  const largest = rows.reduce((best, each) => (each.length > best.length ? each : best), rows[0] ?? [])
  if (largest.length === 0) {
    throw stop('sheet-unreadable', file, 'is a web page without a table.', 'Save the table as "CSV UTF-8".')
  }
  const problems: Problem[] = []
  if (rows.filter((each) => each.length > 1).length > 1) {
    const what = `of its ${tables.length} tables, the one with ${largest.length} rows was read.`
    problems.push(notice(file, what, 'If another was meant, save that one as a file of its own.'))
  }
  const fills = readRows(largest, builder)
  if (fills.length > 0) problems.push(describeMerges(file, fills.length))
  return { problems, fills }
}

/**
 * Every element takes three letters at least, save the few that are implied. More come only of text that is made to
 * grow: formatting that is never closed is begun anew in each paragraph.
 */
function countingAdapter(letters: number, file: string): typeof defaultTreeAdapter {
  let left = letters / 2 + 1_000
  return {
    ...defaultTreeAdapter,
    createElement: (name, namespace, attributes) => {
      left -= 1
      if (left < 0) {
        const what = 'would grow without end: it is damaged, or not made to be a sheet.'
        throw stop(
          'sheet-unreadable',
          file,
          what,
          'Save the table as XLSX or "CSV UTF-8", and use that file.',
        )
      }
      return defaultTreeAdapter.createElement(name, namespace, attributes)
    },
  }
}

function findTables(root: DefaultTreeAdapterTypes.Document): Element[] {
  const tables: Element[] = []
  walk(root, (element) => {
    if (element.tagName === 'table') tables.push(element)
    return true
  })
  return tables
}

/** Its own rows; a table within one of its cells has others. */
function rowsOf(table: Element): Element[] {
  const rows: Element[] = []
  walk(table, (element) => {
    if (element.tagName === 'tr') rows.push(element)
    return element.tagName !== 'table' && element.tagName !== 'tr'
  })
  return rows
}

/** Elements below `root` in order, without a function calling itself: what strangers write may be nested deeply. */
function walk(root: DefaultTreeAdapterTypes.ParentNode, enter: (element: Element) => boolean): void {
  const waiting: Node[] = [...root.childNodes].reverse()
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (!defaultTreeAdapter.isElementNode(node) || !enter(node)) continue
    const inside = node.tagName === 'template' && 'content' in node ? [] : node.childNodes
    for (let index = inside.length - 1; index >= 0; index -= 1) waiting.push(inside[index] as Node)
  }
}

/** A cell that reaches down takes its columns in the rows below. */
interface Reach {
  column: number
  width: number
  rowsLeft: number
  firstRecord: number | undefined
}

function readRows(rows: readonly Element[], builder: TableBuilder): Fill[] {
  let reaching: Reach[] = []
  const fills = new Map<Reach, Fill>()
  for (const row of rows) {
    const cells: string[] = []
    const starting: Reach[] = []
    for (const cell of row.childNodes) {
      if (!defaultTreeAdapter.isElementNode(cell)) continue
      if (cell.tagName !== 'td' && cell.tagName !== 'th') continue
      skipTaken(cells, reaching)
      const width = spanOf(cell, 'colspan', MOST_COLUMNS_SPANNED)
      const height = spanOf(cell, 'rowspan', MOST_ROWS_SPANNED)
      if (height > 1)
        starting.push({ column: cells.length, width, rowsLeft: height - 1, firstRecord: undefined })
      cells.push(textOf(cell), ...Array.from({ length: width - 1 }, () => ''))
      if (cells.length > READING_LIMITS.cells / 100) break
    }
    const added = builder.add(cells)
    const record = added === 'record' ? builder.count - 1 : undefined
    for (const reach of reaching) extend(reach, record, fills)
    for (const reach of starting) reach.firstRecord = record
    reaching = [...reaching.filter((reach) => --reach.rowsLeft > 0), ...starting]
  }
  return [...fills.values()]
}

function skipTaken(cells: string[], reaching: readonly Reach[]): void {
  for (;;) {
    const at = cells.length
    const taken = reaching.find(({ column, width }) => column <= at && at < column + width)
    if (!taken) return
    while (cells.length < taken.column + taken.width) cells.push('')
  }
}

function extend(reach: Reach, record: number | undefined, fills: Map<Reach, Fill>): void {
  const { column, firstRecord } = reach
  if (record === undefined || firstRecord === undefined) return
  const fill = fills.get(reach)
  if (fill) fill.lastRecord = record
  else fills.set(reach, { column, firstRecord: record, lastRecord: record, from: firstRecord })
}

function spanOf(cell: Element, name: string, most: number): number {
  const value = Number(cell.attrs.find((attribute) => attribute.name === name)?.value ?? 1)
  return Number.isInteger(value) && value > 0 ? Math.min(value, most) : 1
}

/** What a person sees in the cell: runs of white space are one space, `<br>` and paragraphs are line breaks. */
function textOf(cell: Element): string {
  let text = ''
  const waiting: (Node | string)[] = [...cell.childNodes].reverse()
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node === 'string') text += node
    else if (defaultTreeAdapter.isTextNode(node)) text += node.value.replace(/[ \t\r\n]+/gu, ' ')
    else if (defaultTreeAdapter.isElementNode(node)) {
      if (node.tagName === 'br') text += '\n'
      if (UNSEEN.has(node.tagName) || node.namespaceURI !== html.NS.HTML) continue
      const isBlock = BLOCKS.has(node.tagName)
      if (isBlock && text.trim() !== '') text += '\n'
      for (let index = node.childNodes.length - 1; index >= 0; index -= 1)
        waiting.push(node.childNodes[index] as Node)
    }
  }
  return text
    .replaceAll('\u00a0', ' ')
    .replace(/ *\n */gu, '\n')
    .trim()
}

const UNSEEN: ReadonlySet<string> = new Set(['style', 'script', 'template', 'noscript'])
const BLOCKS: ReadonlySet<string> = new Set(['p', 'div', 'li', 'tr'])
