/**
 * `npm run demo`: the main job in the terminal, on the practice provider: no key, no network, no money.
 * With `--faults` every row meets another fault, and a table says what happened and why nothing was bought
 * twice; its facts are read from the provider's own ledger, not from what Reelsheet believes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import type { App } from '../core/app.ts'
import { createApp } from '../core/app.ts'
import { systemClock, systemRandom } from '../core/system.ts'
import { EXIT } from './cli/exit-code.ts'
import { PRACTICE_CLIPS, PROJECT } from './cli/session.ts'

const SPEED = '60'
const { interrupted: STOPPED, folderInUse: IN_USE } = EXIT

interface Demo {
  home: string
  archive: string
  sheet: string
}

const PLAIN: Demo = {
  home: join(PROJECT, '.reelsheet-demo'),
  archive: resolve('demo-archive'),
  sheet: join(PROJECT, 'resources/sample/sheet.csv'),
}
const FAULTS: Demo = {
  home: join(PROJECT, '.reelsheet-demo-faults'),
  archive: resolve('demo-faults-archive'),
  sheet: join(PROJECT, 'resources/sample-faults/sheet.csv'),
}

async function runSheet({ home, archive, sheet }: Demo): Promise<number> {
  const cli = join(PROJECT, 'src/main/hosts/cli/main.ts')
  const args = ['run', sheet, '--account', 'practice', '--archive', archive, '--yes']
  const child = spawn(process.execPath, [cli, '--home', home, ...args, '--practice-speed', SPEED], {
    // The channel ends the child with this process, which would else be worked for unseen.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // The child stops in its own time; a terminal's Ctrl-C reaches it by itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

function say(text = ''): void {
  process.stdout.write(`${text}\n`)
}

/** Why each kind of fault cannot buy a clip twice, by the word in the prompt. */
const WHY: Record<string, string> = {
  '429 after=2': 'refused for sure: waited as told, the same request went out again',
  '503 after=1': 'refused with a time to come back: waited as told, the same request went out again',
  'cut-early': 'no byte of the request had left for sure, or its key made the repeat harmless',
  'accept then-cut':
    'perhaps bought: repeated once under the same key, or looked up, never sent anew on a guess',
  '502 created':
    'perhaps bought: repeated once under the same key, and the provider gave back the first task',
  '502': 'perhaps bought: looked up first; sent again only when the ledger proved that nothing was created',
  'running x3': 'asking costs nothing and never ends in a second order',
  'read 500': 'asking costs nothing and never ends in a second order',
  expire: 'the task was asked for a fresh link; a finished clip is never ordered again',
  html: 'a web page is never a clip: thrown away, and a fresh link asked for',
  'cut=20KB': 'went on where the download had stopped',
  'fail code=service_error': 'failed at the provider and not charged; buying again is left to you',
  'result-data': 'the link was found in the other place',
  redirect: 'followed, after checking the new address',
}

async function openDemo({ home }: Demo): Promise<App> {
  const quiet = (): void => undefined
  const app = createApp(
    {
      clock: systemClock,
      random: systemRandom,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      secrets: { read: () => undefined, write: () => 'nowhere', remove: quiet },
      checkpoint: quiet,
    },
    { home, version: 'demo', who: 'the demo', practice: { resources: PRACTICE_CLIPS } },
  )
  await app.start()
  return app
}

interface Told {
  row: number
  fault: string
  orders: string
  tasks: number
  charges: number
  state: string
}

/** Joins Reelsheet's rows with the provider's ledger, by prompt. */
async function tell(app: App): Promise<Told[]> {
  const ledger = app.practice?.ledger
  if (!ledger) throw new Error('the practice provider is not running')
  const { jobs } = await app.client.jobs.page({})
  const orders = ledger
    .requests()
    .filter(({ method, path }) => method === 'POST' && /\/generations?$/.test(path.split('?')[0] ?? ''))
  return jobs.map((job) => {
    const tasks = ledger.tasks().filter((task) => task.prompt === job.prompt)
    const answers = orders
      .filter((order) => order.promptStart !== undefined && job.prompt.startsWith(order.promptStart))
      .map((order) => String(order.status))
    return {
      row: job.row,
      fault: /\[(.+)\]/.exec(job.prompt)?.[1] ?? '',
      orders: answers.join(', '),
      tasks: tasks.length,
      charges: tasks.filter((task) => task.chargedMicros > 0).length,
      state: job.state,
    }
  })
}

function printTable(rows: Told[]): void {
  const heads = ['row', 'what the provider did', 'answers to the order', 'tasks', 'charged', 'row is now']
  const cells = rows.map((row) => [
    String(row.row),
    row.fault,
    row.orders,
    String(row.tasks),
    String(row.charges),
    row.state,
  ])
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...cells.map((line) => (line[at] ?? '').length)),
  )
  const line = (values: string[]) => values.map((value, at) => value.padEnd(widths[at] ?? 0)).join('  ')
  say(pc.bold(line(heads)))
  for (const [at, row] of rows.entries()) {
    say(line(cells[at] ?? []))
    say(pc.dim(`     ${WHY[row.fault] ?? ''}`))
  }
}

async function showFaults(): Promise<number> {
  const code = await runSheet(FAULTS)
  if (code === STOPPED || code === IN_USE) return code
  const app = await openDemo(FAULTS)
  try {
    const rows = await tell(app)
    say()
    say(pc.bold('What happened, from the provider’s own ledger'))
    printTable(rows)
    const twice = rows.filter((row) => row.tasks > 1 || row.charges > 1)
    const open = rows.filter((row) => row.state !== 'done' && row.state !== 'failed')
    say()
    say(
      twice.length === 0
        ? `Nothing was bought twice: ${rows.length} rows, at most one task and one charge each.`
        : `${twice.length} row(s) were bought twice. That must not happen: please report it.`,
    )
    return twice.length === 0 && open.length === 0 ? 0 : 1
  } finally {
    await app.stop()
  }
}

async function showPlain(): Promise<number> {
  const isAgain = existsSync(join(PLAIN.home, 'reelsheet.db'))
  const code = await runSheet(PLAIN)
  if (code !== 0) return code
  say()
  say(`The clips and their sidecars are in ${pc.bold('./demo-archive')}.`)
  if (!isAgain) say('Run the demo again: it creates no task and no file. Or try: npm run demo -- --faults')
  return 0
}

if (process.channel) {
  process.on('disconnect', () => process.exit(STOPPED))
  process.channel.unref()
}
process.exitCode = process.argv.includes('--faults') ? await showFaults() : await showPlain()
