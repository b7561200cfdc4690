import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import { PairingMode, SheetOptions } from '../../../../shared/sheet.ts'
import { gather, once, whole } from '../arguments.ts'
import { type Client, findRun, type Session } from '../session.ts'
import { clean, shorten } from '../words.ts'
import { readPasted } from './pasted.ts'

/** What is typed of how a sheet is read: the same for `run`, `check` and `import`. */
export interface SheetGiven {
  account?: string[]
  map?: string[]
  pair?: string
  takes?: number
  choices?: 'every' | 'pick' | 'literal'
  seed?: number
  defaults?: string[]
  sheet?: string
  hiddenRows?: 'read' | 'skip'
  fit?: boolean
  failed?: boolean
  run?: string
}

type SheetRequest = Parameters<Client['sheets']['check']>[0]
type Options = NonNullable<SheetRequest['options']>
/** The file's path, or the cells themselves. */
export type SheetSource = Pick<SheetRequest, 'path' | 'pasted'>

export function addSheetOptions(command: Command): Command {
  return command
    .option(
      '--account <name>',
      'the account to buy on, once for each provider (a row may name its own)',
      gather,
    )
    .option(
      '--map <header=field>',
      'which field a column fills; "Header=" leaves it out (repeatable)',
      gather,
    )
    .option(
      '--pair <mode:columns>',
      'columns that hold lists, and how they go together: every, one-to-one or cycle, like every:ref 1,mood',
      once,
    )
    .option('--takes <number>', 'clips of each row, with seeds of their own', whole(1, 1_000))
    .addOption(
      new Option(
        '--choices <how>',
        'what {a|b|c} means: a clip of every one, one picked by --seed, or just these letters (every)',
      ).choices(['every', 'pick', 'literal']),
    )
    .option(
      '--seed <number>',
      'for --choices pick: the same seed picks the same (1)',
      whole(0, 2_147_483_647),
    )
    .option(
      '--defaults <field=value>',
      'for cells that are empty: duration=5,quality=720p (repeatable; a comma in a value is written "\\,")',
      gather,
    )
    .option('--sheet <name>', 'the worksheet of a workbook (default: the first that is shown)')
    .addOption(
      new Option('--hidden-rows <how>', 'rows that a workbook hides (skip)').choices(['read', 'skip']),
    )
    .option('--fit', 'use a fitted copy of a picture that breaks a limit; the original stays')
    .option('--failed', 'of an exported manifest: its failed rows only')
    .option('--run <run>', 'compare with this run (default: the newest of the same file)')
}

/** The sheet as typed: a path, or `-` for cells from standard input. */
export async function readSource(session: Session, sheet: string): Promise<SheetSource> {
  if (sheet !== '-') return { path: resolve(sheet) }
  return { pasted: { text: await readPasted(session), folder: process.cwd() } }
}

/** Everything that reading the sheet needs. Throws `wrong-use`, and `not-found` for a run that is not there. */
export async function toSheetRequest(client: Client, source: SheetSource, given: SheetGiven) {
  const options = toSheetOptions(given)
  return {
    ...source,
    accounts: given.account ?? [],
    options,
    ...(given.run !== undefined && { runId: (await findRun(client, given.run)).id }),
  }
}

/** Throws `wrong-use` with a sentence for what cannot be meant; what only the sheet can tell, the core says. */
export function toSheetOptions(given: SheetGiven): Options {
  const { choices, seed, takes, pair } = given
  if (seed !== undefined && choices !== 'pick') {
    throw wrong(
      '--seed belongs to --choices pick and would change nothing here.',
      'Add --choices pick, or leave --seed out.',
    )
  }
  return refuseTooLong({
    ...(given.sheet !== undefined && { worksheet: given.sheet }),
    ...(given.hiddenRows !== undefined && { hiddenRows: given.hiddenRows }),
    ...(given.map && { mapping: toMapping(given.map) }),
    ...(given.defaults && { defaults: toDefaults(given.defaults) }),
    ...(given.fit && { isFitting: true }),
    ...(given.failed && { isFailedOnly: true }),
    expansion: {
      ...(choices !== undefined && { choices }),
      ...(seed !== undefined && { seed }),
      ...(takes !== undefined && { takes }),
      ...(pair !== undefined && { pairing: toPairing(pair) }),
    },
  })
}

/** Longer than anything that a sheet can hold; the core would refuse it in words for programs. */
function refuseTooLong(options: Options): Options {
  const found = SheetOptions.safeParse(options)
  if (found.success) return options
  const [part] = found.error.issues[0]?.path ?? []
  throw wrong(
    `${OPTION_OF[String(part)] ?? 'An option'} holds more than any sheet can use.`,
    'Look at what was typed there.',
  )
}

const OPTION_OF: Record<string, string> = {
  worksheet: '--sheet',
  mapping: '--map',
  defaults: '--defaults',
  expansion: '--pair',
}

/** `Header=field`. A header may hold anything, an `=` too; no field does, so the last `=` parts them. */
function toMapping(texts: readonly string[]): Record<string, string> {
  const next = 'Write --map "Header=field", like --map "Shot text=prompt"; "Header=" leaves a column out.'
  return gatherPairs('--map', 'the column', texts, (text) => {
    const at = text.lastIndexOf('=')
    if (at < 1) throw wrong(`--map cannot be "${show(text)}".`, next)
    return [text.slice(0, at), text.slice(at + 1).trim()]
  })
}

/** `field=value,field=value`. No field holds an `=`, so the first one parts them. */
function toDefaults(texts: readonly string[]): Record<string, string> {
  const parts = texts.flatMap(splitList)
  return gatherPairs('--defaults', 'the field', parts, (part) => {
    const at = part.indexOf('=')
    const [field, value] = [part.slice(0, Math.max(0, at)).trim(), part.slice(at + 1).trim()]
    if (field === '' || value === '') {
      throw wrong(
        `--defaults cannot be "${show(part)}".`,
        'Write field=value, like --defaults duration=5,quality=720p; a comma inside a value is written "\\,".',
      )
    }
    return [field, value]
  })
}

function gatherPairs(
  option: string,
  kind: string,
  texts: readonly string[],
  read: (text: string) => [name: string, value: string],
): Record<string, string> {
  const pairs = new Map<string, string>()
  for (const text of texts) {
    const [name, value] = read(text)
    // No record of the contract takes this name: it would be passed over without a word.
    if (name === '__proto__') {
      throw wrong(`${option} cannot name ${kind} "__proto__".`, 'Rename it in the sheet.')
    }
    if (pairs.has(name) && pairs.get(name) !== value) {
      throw wrong(`${option} gives ${kind} "${show(name)}" twice.`, 'Give it once.')
    }
    pairs.set(name, value)
  }
  return Object.fromEntries(pairs)
}

function toPairing(text: string): NonNullable<SheetOptions['expansion']['pairing']> {
  const at = text.indexOf(':')
  const mode = PairingMode.safeParse(text.slice(0, Math.max(0, at)).trim())
  const columns = splitList(text.slice(at + 1)).map((name) => name.trim())
  if (at < 0 || !mode.success || columns.some((name) => name === '')) {
    throw wrong(
      `--pair cannot be "${show(text)}".`,
      'Write MODE:column,column, where MODE is every, one-to-one or cycle: --pair "every:ref 1,mood"; a comma inside a column’s name is written "\\,".',
    )
  }
  return { mode: mode.data, columns: [...new Set(columns)] }
}

/** Parts between commas; `\,` is a comma, and a backslash before anything else is one, as in Windows paths. */
const splitList = (text: string): string[] =>
  text.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ','))

const show = (text: string): string => shorten(clean(text), 80)

const wrong = (what: string, next: string): ProblemError =>
  new ProblemError(problem('wrong-use', `${what} Nothing was read and nothing was ordered.`, next))
