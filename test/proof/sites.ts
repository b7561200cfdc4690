/**
 * Every place where the core can be killed, read from its own sources: after each `await`, and after each call
 * with an effect that does not wait (SQLite statements, file calls). Nobody keeps the list: an await that is
 * written tomorrow is in it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseSync } from 'vite'

const CORE = resolve(import.meta.dirname, '../../src/main/core')

/** Calls that leave something behind without being awaited: functions, */
const EFFECTS = new Set([
  'copyFileSync',
  'linkSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'truncateSync',
  'writeFileSync',
  'writeSync',
])
/** and methods (of a database, a statement, a store or a file). */
const METHODS = new Set(['exec', 'pragma', 'run', 'write'])

export interface Site {
  /** `steps/submit.ts:42`, with a letter where a line has several. */
  id: string
  /** File below the core, with `/`. */
  file: string
  line: number
  /** The function it stands in; empty at the top of the file. */
  within: string
  /** What stands there, cut short. */
  text: string
}

/** Sources of the core as a child is to run them: by file address, with every site reporting itself. */
export interface Instrumented {
  sites: Site[]
  sources: Record<string, string>
}

/** A change made to one file on purpose. `find` stands there exactly once. */
export interface Change {
  file: string
  find: string
  replace: string
}

/** `changes` are made before the sites are marked. Throws when one does not fit its file any more. */
export function instrument(changes: readonly Change[] = []): Instrumented {
  const sites: Site[] = []
  const sources: Record<string, string> = {}
  const unused = new Set(changes)
  for (const file of listSources()) {
    let text = readFileSync(join(CORE, file), 'utf8')
    for (const change of changes.filter((one) => one.file === file)) {
      text = applyChange(text, change)
      unused.delete(change)
    }
    sources[pathToFileURL(join(CORE, file)).href] = mark(file, text, sites)
  }
  for (const { file } of unused) throw new Error(`the core has no file ${file}`)
  return { sites, sources }
}

function applyChange(text: string, { file, find, replace }: Change): string {
  const parts = text.split(find)
  if (parts.length !== 2)
    throw new Error(`"${find}" stands ${parts.length - 1} times in ${file}, and must stand there once`)
  return parts.join(replace)
}

const listSources = (): string[] =>
  readdirSync(CORE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.split(sep).join('/'))
    .sort()

interface Tree {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

/** Wraps each site's expression in a call that says it was passed and hands its value on. */
function mark(file: string, text: string, sites: Site[]): string {
  const { program, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file} cannot be read: ${errors[0]?.message}`)
  const insertions: { at: number; text: string; isEnd: boolean; width: number }[] = []
  const taken = new Set<string>()
  walk(program as unknown as Tree, { isInChain: false, within: '' }, (node, within) => {
    const line = text.slice(0, node.start).split('\n').length
    let id = `${file}:${line}`
    for (let more = 0; taken.has(id); more++) id = `${file}:${line}${String.fromCharCode(98 + more)}`
    taken.add(id)
    const shown = text.slice(node.start, node.end).replace(/\s+/g, ' ').slice(0, 60)
    sites.push({ id, file, line, within, text: shown })
    const width = node.end - node.start
    insertions.push({ at: node.start, text: `__passed(${JSON.stringify(id)}, `, isEnd: false, width })
    insertions.push({ at: node.end, text: ')', isEnd: true, width })
  })
  // At one place: what ends comes before what begins, an inner end before an outer one, an outer begin first.
  insertions.sort((a, b) => {
    if (a.at !== b.at) return a.at - b.at
    if (a.isEnd !== b.isEnd) return a.isEnd ? -1 : 1
    return a.isEnd ? a.width - b.width : b.width - a.width
  })
  let marked = ''
  let from = 0
  for (const { at, text: inserted } of insertions) {
    marked += text.slice(from, at) + inserted
    from = at
  }
  return marked + text.slice(from)
}

interface Place {
  isInChain: boolean
  within: string
}

function walk(node: Tree, { isInChain, within }: Place, found: (node: Tree, within: string) => void): void {
  if (node.type === 'AwaitExpression') found(node, within)
  // A part of `a?.b()` cannot be taken out of its chain; the chain's own await is a site.
  if (node.type === 'CallExpression' && !isInChain && isEffect(node)) found(node, within)
  const inChain = node.type === 'ChainExpression' || (isInChain && isLink(node))
  const inside = functionName(node) ?? within
  for (const [key, value] of Object.entries(node)) {
    const stays = inChain && (key === 'expression' || key === 'object' || key === 'callee')
    for (const child of Array.isArray(value) ? value : [value])
      if (isTree(child)) walk(child, { isInChain: stays, within: inside }, found)
  }
}

/** The name that a declaration, a method or an arrow function kept under a name has. */
function functionName(node: Tree): string | undefined {
  const name = (of: unknown): string | undefined => (isTree(of) ? String((of as Tree).name ?? '') : undefined)
  if (node.type === 'FunctionDeclaration') return name(node.id)
  if (node.type === 'MethodDefinition') return name(node.key)
  const isArrow = (of: unknown) => isTree(of) && of.type === 'ArrowFunctionExpression'
  if (node.type === 'VariableDeclarator' && isArrow(node.init)) return name(node.id)
  return node.type === 'Property' && isArrow(node.value) ? name(node.key) : undefined
}

const isLink = ({ type }: Tree): boolean =>
  type === 'MemberExpression' || type === 'CallExpression' || type === 'TSNonNullExpression'

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof (value as Tree).type === 'string'

function isEffect(call: Tree): boolean {
  const callee = call.callee as Tree
  if (callee.type === 'Identifier') return EFFECTS.has(String(callee.name))
  const { property, object } = callee as { property?: Tree; object?: Tree }
  if (property?.type !== 'Identifier') return false
  const name = String(property.name)
  return EFFECTS.has(name) || (METHODS.has(name) && !isPattern(object))
}

/** A regular expression has an `exec` of its own, which changes nothing. */
const isPattern = (object: Tree | undefined): boolean =>
  object?.type === 'Literal' || (object?.type === 'Identifier' && /^[A-Z_]+$/.test(String(object.name)))
