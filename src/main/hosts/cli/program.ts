import { Command, CommanderError, Help, Option } from 'commander'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { gather, positive, whole } from './arguments.ts'
import type { AccountGiven } from './commands/account-options.ts'
import * as accounts from './commands/accounts.ts'
import * as changes from './commands/changes.ts'
import { check } from './commands/check.ts'
import type { AskGiven } from './commands/confirm.ts'
import { type ImportGiven, importSheet } from './commands/import.ts'
import * as looks from './commands/looks.ts'
import { addReferences } from './commands/reference-options.ts'
import { type RunGiven, run } from './commands/run.ts'
import * as services from './commands/services.ts'
import { addSheetOptions, type SheetGiven } from './commands/sheet-options.ts'
import { schedule, start } from './commands/start.ts'
import { addTables } from './commands/tables.ts'
import * as works from './commands/works.ts'
import { parseCap, parsePrice } from './money.ts'
import { readVersion, type Session, toJobId } from './session.ts'
import { clean } from './words.ts'

type Work = (session: Session) => Promise<number>
export type Parsed =
  | { work: Work; home: string | undefined; practiceSpeed: number | undefined }
  | { wrong: Problem }
  | { help: string }

/** Reads a command line; runs nothing. */
export async function parse(args: readonly string[]): Promise<Parsed> {
  let work: Work | undefined
  const program = build((chosen) => {
    work = chosen
  })
  const said: string[] = []
  quiet(program, (text) => said.push(text))
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof ProblemError) return { wrong: error.problem }
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0 || (error.code === 'commander.help' && said.length === 0))
      return { wrong: explainUse(error, args, program) }
  }
  if (!work) {
    return { help: said.join('') || program.helpInformation() }
  }
  const { home, practiceSpeed } = program.opts<{ home?: string; practiceSpeed?: number }>()
  return { work, home, practiceSpeed }
}

/** Nothing of commander's goes to the console by itself, and it never ends the process. */
function quiet(command: Command, keep: (text: string) => void): void {
  command.exitOverride()
  command.configureOutput({ writeOut: keep, writeErr: () => undefined, outputError: () => undefined })
  command.configureHelp({
    showGlobalOptions: true,
    sortSubcommands: false,
    // That a switch is off until it is given needs no words.
    optionDescription: (option) => new Help().optionDescription(option).replace(' (default: false)', ''),
  })
  for (const child of command.commands) quiet(child, keep)
}

function explainUse(error: CommanderError, args: readonly string[], program: Command): Problem {
  const command = program.commands.find((child) => args.includes(child.name()))
  const below = command?.commands.find((child) => args.includes(child.name()))
  const help = [command, below].map((each) => (each ? `${each.name()} ` : '')).join('')
  // What follows an `=` may be anything, a key too.
  const said = error.message.replace(/^error: /, '').replace(/(--?[\w-]+)=[^']+/g, '$1')
  const what =
    error.code === 'commander.help'
      ? `"${command?.name() ?? ''}" needs a word after it`
      : clean(said.replace(/\.$/, ''))
  return problem(
    'wrong-use',
    `${what.charAt(0).toUpperCase()}${what.slice(1)}. Nothing was done.`,
    `See "reelsheet ${help}--help".`,
  )
}

/** SECURITY: refused before anything is parsed, so that it is repeated nowhere. */
export function findKeyArgument(args: readonly string[]): Problem | null {
  if (!args.some((arg) => /^--?(api[-_]?)?(key|token|secret)(=|$)/i.test(arg))) return null
  return problem(
    'wrong-use',
    'A key is never given as an argument: every program on this machine can read it there, and the shell keeps it in its history. Nothing was done; treat that key as seen by others.',
    'Leave it out: you are asked for it on a terminal, or set REELSHEET_KEY_<NAME> (upper case, "-" becomes "_").',
  )
}

const gatherPrices = (text: string, before: Record<string, number> = {}) => {
  const [key, micros] = parsePrice(text)
  return { ...before, [key]: micros }
}

function build(choose: (work: Work) => void): Command {
  const program = new Command('reelsheet')
    .description(
      'Runs prompt sheets through paid video APIs: never pays twice, never loses an output.\nTry it with no key: reelsheet run resources/sample/sheet.csv',
    )
    .version(readVersion())
    .option('--home <folder>', 'the data folder (or REELSHEET_HOME)')
    .option('--json', 'one JSON object a line, the last one a summary')
    .addOption(
      new Option(
        '--practice-speed <times>',
        'how much faster than real the practice account works (20)',
      ).argParser(positive),
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 all archived, 1 some rows failed, 2 wrong use or a bad sheet, 3 a person is needed,
4 the data folder is in use by another Reelsheet, 130 stopped.
Keys come from REELSHEET_KEY_<NAME> or from a question on the terminal, never from an argument.`,
    )
  addWork(program, choose)
  addAccounts(program, choose)
  addLooks(program, choose)
  addReferences(program, choose)
  addChanges(program, choose)
  addServices(program, choose)
  return program
}

function addWork(program: Command, choose: (work: Work) => void): void {
  makeOptions(
    program
      .command('run <sheet>')
      .description(
        'check a sheet (or "-": cells pasted on the standard input), show its price, order its clips and archive them',
      ),
  )
    .option('--yes', 'do not ask before spending; the five seconds to take it back are left out too', false)
    .option('--jobs <number>', 'with --yes, above 10,000 jobs: order at most so many', whole(1))
    .option('--offline', 'order although an account cannot be reached now; its rows wait', false)
    .addHelpText('after', TAKE_BACK_HELP)
    .action((sheet: string, given: RunGiven) => choose((session) => run(session, sheet, given)))
  makeOptions(
    program
      .command('import <sheet>')
      .description('check a sheet and make its run, held: nothing is ordered until "reelsheet start RUN"'),
  )
    .option('--dry-run', 'only say what it would change and cost; nothing is written', false)
    .option('--jobs <number>', 'above 10,000 jobs: make at most so many', whole(1))
    .action((sheet: string, given: ImportGiven) => choose((session) => importSheet(session, sheet, given)))
  program
    .command('start <run>')
    .description('order the held rows of an imported run, after its price and a question')
    .option('--yes', 'do not ask before spending; the five seconds to take it back are left out too', false)
    .option('--jobs <number>', 'with --yes, above 10,000 jobs: order at most so many', whole(1))
    .option('--offline', 'order although an account cannot be reached now; its rows wait', false)
    .addHelpText('after', TAKE_BACK_HELP)
    .action((name: string, given: AskGiven) => choose((session) => start(session, name, given)))
  program
    .command('schedule <run>')
    .description('another time to start for a run that has ordered nothing yet')
    .requiredOption('--at <time>', 'like 22:00, "2026-11-21 06:30" or +2h; or now')
    .action((name: string, given: { at: string }) => choose((session) => schedule(session, name, given)))
  addSheetOptions(
    program
      .command('check <sheet>')
      .description('every problem of a sheet by row and column, and its price; nothing is ordered'),
  )
    .option('--all', 'every problem, and not the first 20 of each kind', false)
    .action((sheet: string, given: SheetGiven & { all: boolean }) =>
      choose((session) => check(session, sheet, given, given.all)),
    )
  program
    .command('resume [run]')
    .description('go on with everything unfinished, or with one run')
    .option('--cap <amount>', 'a new cap for the run', parseCap)
    .action((name: string | undefined, given: { cap?: number }) =>
      choose((session) => works.resume(session, name, given.cap)),
    )
  program
    .command('retry <run>')
    .description('buy the failed rows of a run again; rows that are unsure are never part of it')
    .option('--failed', 'the failed rows', false)
    .option('--yes', 'do not ask before spending', false)
    .action((name: string, given: { failed: boolean; yes: boolean }) =>
      choose((session) => works.retry(session, name, given)),
    )
}

const TAKE_BACK_HELP = `
On a terminal there are five seconds after your yes in which Ctrl-C takes it back: nothing is ordered by then.
With --yes, with --json and without a terminal nothing is asked, and nothing waits.`

/** How a sheet is read, and what kind of run it becomes. */
function makeOptions(command: Command): Command {
  return addSheetOptions(command)
    .option('--archive <folder>', 'where the clips go (default: Videos/Reelsheet)')
    .option('--cap <amount>', 'spend at most this: credits, or dollars like 3.50usd', parseCap)
    .option('--soft-cap', 'at the cap only say so, and go on')
    .option('--template <text>', 'how clips are named, like {run}/{row:000}-{slug}-{take}.mp4')
    .option('--name <text>', 'the name of the run (default: the name of the sheet)')
    .option('--strict', 'order nothing when any row has a problem', false)
    .option(
      '--at <time>',
      'start then: 22:00 is the next such time on this computer’s clock; or "2026-11-21 06:30", or +2h',
    )
}

function accountOptions(command: Command): Command {
  return command
    .option('--base <url>', 'base address of the API (default: the provider’s own)')
    .option('--files <url>', 'address of the file service, or none')
    .option('--proxy <url>', 'proxy for this account, or none')
    .option('--in-flight <number>', 'unfinished tasks at one time', whole(1))
    .option('--submits-per-second <number>', 'orders a second', positive)
    .option('--polls-per-second <number>', 'questions a second', positive)
    .option('--downloads <number>', 'clips fetched at one time', whole(1))
    .option('--cap <amount>', 'spend at most this on the account, in its own currency, or none')
    .option('--soft-cap', 'at the cap only say so, and go on')
    .option('--hard-cap', 'stop before the cap is passed (the default)')
    .option(
      '--quiet <hours>',
      'order nothing then, on this computer’s clock: 22:00-07:00 (repeatable), or none',
      gather,
    )
    .option('--file-host <name>', 'Vtrix: your EvoLink account that may hold big files and sounds, or none')
    .option('--extended-durations', 'wan2.6-reference-video takes 2 to 10 seconds here')
    .option('--request-limit-mb <number>', 'largest request with references inside (Vtrix)', whole(1))
    .option(
      '--price <key=amount>',
      'price of one second: model, model:720p or model:720p:silent',
      gatherPrices,
    )
}

function addAccounts(program: Command, choose: (work: Work) => void): void {
  const group = program.command('accounts').description('the accounts that clips are bought on')
  accountOptions(
    group
      .command('add <name>')
      .description('add an account; its key is asked for, or comes from REELSHEET_KEY_<NAME>')
      .addOption(
        new Option('--family <family>', 'which API it speaks')
          .choices(['evolink', 'vtrix', 'practice'])
          .makeOptionMandatory(),
      ),
  ).action((name: string, given: AccountGiven) => choose((session) => accounts.add(session, name, given)))
  accountOptions(group.command('update <name>').description('change an account'))
    .option('--ask-key', 'ask for a new key')
    .option('--forget-retired', 'try models again that the provider refused as unknown')
    .action((name: string, given: AccountGiven) => choose((session) => accounts.update(session, name, given)))
  group
    .command('list')
    .description('every account with address, limits, spending and what it waits for')
    .action(() => choose(accounts.list))
  group
    .command('test <name>')
    .description('ask the provider whether address and key work, and the balance')
    .action((name: string) => choose((session) => accounts.test(session, name)))
  group
    .command('remove <name>')
    .description('forget an account and its kept key')
    .action((name: string) => choose((session) => accounts.remove(session, name)))
  group
    .command('pause <name>')
    .description('buy nothing more on an account; what is under way is finished')
    .action((name: string) => choose((session) => accounts.pause(session, name, true)))
  group
    .command('resume <name>')
    .description('let an account buy again')
    .action((name: string) => choose((session) => accounts.pause(session, name, false)))
}

function addLooks(program: Command, choose: (work: Work) => void): void {
  program
    .command('status')
    .description('every run with its progress and spending, and what needs a person')
    .action(() => choose(looks.status))
  program
    .command('jobs')
    .description('rows with their state')
    .option('--run <run>', 'of one run')
    .option('--state <state>', 'in this state (may be given more than once)', gather)
    .option('--search <text>', 'whose prompt, name or problem holds this')
    .option('--limit <number>', 'at most this many', whole(1), 200)
    .action((given: looks.JobsGiven) => choose((session) => looks.jobs(session, given)))
  program
    .command('job <id>')
    .description('one row with its timeline, attempts, money and request')
    .action((id: string) => choose((session) => looks.job(session, toJobId(id))))
  program
    .command('models [id]')
    .description('the models, or what one model takes')
    .action((id: string | undefined) => choose((session) => looks.models(session, id)))
  addTables(program, choose)
  const clips = program
    .command('clips')
    .description('the archived clips')
    .option('--run <run>', 'of one run')
    .action((given: { run?: string }) => choose((session) => looks.clips(session, given.run)))
  clips
    .command('check')
    .description('compare every clip with its hash; mark what is missing or changed')
    .action(() => choose((session) => changes.checkClips(session, clips.opts<{ run?: string }>().run)))
  clips
    .command('rebuild <folder>')
    .description('add the clips of an archive folder that the data folder does not know')
    .action((folder: string) => choose((session) => changes.rebuildClips(session, folder)))
}

function addChanges(program: Command, choose: (work: Work) => void): void {
  program
    .command('pause <run>')
    .description('buy nothing more for a run; what is under way is finished by the next resume')
    .action((name: string) => choose((session) => changes.pause(session, name)))
  program
    .command('reconcile <job>')
    .description('say what became of an order whose answer was lost')
    .option('--task <id>', 'it exists: this is its task id')
    .option('--not-created', 'it does not exist: send it again')
    .option('--leave', 'leave it: it is not watched, and may have been charged')
    .action((id: string, given: changes.ReconcileGiven) =>
      choose((session) => changes.reconcile(session, toJobId(id), given)),
    )
  program
    .command('cancel <jobs...>')
    .description('free rows that are not bought yet; stop watching those that are')
    .action((ids: string[]) => choose((session) => changes.cancel(session, ids.map(toJobId))))
  program
    .command('release <jobs...>')
    .description('put held, failed or cancelled rows back into the queue: they are bought (again)')
    .option('--yes', 'do not ask before spending', false)
    .action((ids: string[], given: { yes: boolean }) =>
      choose((session) => changes.release(session, ids.map(toJobId), given.yes)),
    )
  program
    .command('move <jobs...>')
    .description('order rows that are not bought from another model: checked and priced anew')
    .requiredOption('--model <id>', 'the model, for instance the successor of a retired one')
    .action((ids: string[], given: { model: string }) =>
      choose((session) => changes.move(session, ids.map(toJobId), given.model)),
    )
  program
    .command('refetch <jobs...>')
    .description('look again for the output of a task that is known; costs nothing')
    .action((ids: string[]) => choose((session) => changes.refetch(session, ids.map(toJobId))))
  program
    .command('repair')
    .description('keep a damaged database aside and go back to the newest backup')
    .action(() => choose(changes.repair))
}

function addServices(program: Command, choose: (work: Work) => void): void {
  program
    .command('practice')
    .description('run the practice provider alone: both APIs on this machine, no money')
    .option('--port <number>', 'its port (default: any free one)', whole(0, 65_535))
    .option('--speed <times>', 'how much faster than real it works', positive)
    .action((given: { port?: number; speed?: number }) =>
      choose((session) => services.practice(session, given)),
    )
  program
    .command('serve')
    .description('open Reelsheet in the browser, for this machine only')
    .option('--port <number>', 'its port (default: any free one)', whole(0, 65_535))
    .action((given: { port?: number }) => choose((session) => services.serve(session, given)))
}
