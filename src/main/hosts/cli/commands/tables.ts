import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { ExportFormat, LedgerGroup } from '../../../../shared/contract.ts'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney } from '../money.ts'
import { type Client, findRun, type Session, withLook } from '../session.ts'
import { clean, count, formatTable } from '../words.ts'
import { runIdOf } from './looks.ts'
import { prices } from './prices.ts'

type Format = (typeof ExportFormat.options)[number]
type Group = (typeof LedgerGroup.options)[number]
type LedgerSum = Awaited<ReturnType<Client['ledger']['summary']>>[number]

/** The commands over money, and what writes tables to files. */
export function addTables(
  program: Command,
  choose: (work: (session: Session) => Promise<number>) => void,
): void {
  program
    .command('ledger')
    .description('what was estimated, reserved and charged: sums, or every order in a file')
    .option('--run <run>', 'of one run')
    .option('--by <columns>', 'sums by any of run,day,model,account (default: run,account,model)')
    .option('--out <file>', 'write a line for each order to this file (.csv, .xlsx or .json)')
    .addOption(formatOption())
    .action((given: LedgerGiven) => choose((session) => ledger(session, given)))
  program
    .command('prices')
    .description('what a second costs, by account, model and tier, and where each price is from')
    .option('--account <name>', 'of one account')
    .action((given: { account?: string }) => choose((session) => prices(session, given.account)))
  program
    .command('export <run>')
    .description('write a run as a table: the sheet’s own columns, state, clip, hash, task, estimate, charge')
    .requiredOption('--out <file>', 'the file to write (.csv, .xlsx or .json)')
    .addOption(formatOption())
    .action((name: string, given: ExportGiven) => choose((session) => exportRun(session, name, given)))
}

const formatOption = (): Option =>
  new Option('--format <format>', 'the format, where the file’s ending does not say it').choices(
    ExportFormat.options,
  )

export interface LedgerGiven {
  run?: string
  by?: string
  out?: string
  format?: Format
}

/** The sums of the ledger, or with `out` its every line in a file. */
export function ledger(session: Session, { run, by, out, format }: LedgerGiven): Promise<number> {
  if (out === undefined && format !== undefined) throw oddUse('--format says how --out is written')
  if (out !== undefined && by !== undefined) throw oddUse('--by sums up, and --out writes every line')
  const groups = toGroups(by ?? 'run,account,model')
  return withLook(session, async (client) => {
    const runId = await runIdOf(client, run)
    if (out === undefined) return saySums(session, await client.ledger.summary({ runId, by: groups }), groups)
    const file = resolve(out)
    const { rows } = await client.ledger.export({ runId, file, ...(format && { format }) })
    session.out.sum({ rows, file })
    session.out.say(`${count(rows, 'line')} of the ledger written to ${file}`)
    return EXIT.archived
  })
}

const oddUse = (why: string): ProblemError =>
  new ProblemError(problem('wrong-use', `${why}. Nothing was done.`, 'See "reelsheet ledger --help".'))

function toGroups(text: string): Group[] {
  return [...new Set(text.split(','))].map((word) => {
    const group = LedgerGroup.safeParse(word.trim())
    if (group.success) return group.data
    throw oddUse(`--by takes ${LedgerGroup.options.join(', ')} with commas between, and not "${clean(word)}"`)
  })
}

function saySums({ out }: Session, sums: readonly LedgerSum[], by: readonly Group[]): number {
  for (const sum of sums) out.record('ledger', sum)
  out.sum({ sums: sums.length })
  if (sums.length === 0) {
    out.say('Nothing was ordered yet, so there is nothing to sum up.')
    return EXIT.archived
  }
  const groups = LedgerGroup.options.filter((group) => by.includes(group))
  const rows = sums.map((sum) => {
    const price = (micros: number | null) => (micros === null ? '' : formatMoney(micros, sum.currency))
    return [
      ...groups.map((group) => clean(sum[group] ?? '')),
      STANDINGS[sum.standing],
      `${sum.jobs}`,
      price(sum.estimateMicros),
      price(sum.reservedMicros),
      price(sum.chargedMicros),
      price(sum.countedMicros),
    ]
  })
  const headings = [...groups, 'standing', '>orders', '>estimated', '>reserved', '>charged', '>counted']
  out.say(formatTable(headings, rows))
  return EXIT.archived
}

const STANDINGS: Record<LedgerSum['standing'], string> = {
  open: 'open',
  reserved: 'reserved',
  charged: 'charged',
  released: 'released',
  unknown: 'may be charged',
}

export interface ExportGiven {
  out: string
  format?: Format
}

export function exportRun(session: Session, name: string, { out, format }: ExportGiven): Promise<number> {
  return withLook(session, async (client) => {
    const run = await findRun(client, name)
    const file = resolve(out)
    const { rows } = await client.runs.export({ id: run.id, file, ...(format && { format }) })
    session.out.sum({ rows, file })
    session.out.say(`${count(rows, 'row')} of "${clean(run.name)}" written to ${file}`)
    return EXIT.archived
  })
}
