import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BIN, BOAT, Desk, startStranger } from './cli.ts'

const TIMEOUT = 40_000
const CANARY = 'sk-canary-5b1c9d7e0f42'

const clipsOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.mp4'))

const stranger = (desk: Desk) => startStranger(desk, CANARY)

it(
  'archives a sheet with no key, ends with a summary, and buys nothing a second time',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one', 'two'])
    const first = await desk.run('run', sheet, '--archive', 'archive', '--json')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.records.at(-1)).toMatchObject({
      type: 'summary',
      exitCode: 0,
      created: 2,
      same: 0,
      archived: 2,
      counts: { done: 2, failed: 0, queued: 0 },
    })
    expect(first.records.map(({ type }) => type)).toContain('prices')
    expect(first.records.filter(({ type, state }) => type === 'job' && state === 'done')).toHaveLength(2)
    expect(clipsOf(desk.archive)).toHaveLength(2)
    const second = await desk.run('run', sheet)
    expect(second.code).toBe(0)
    expect(second.stdout).toContain('2 rows are already archived')
    expect(second.stdout).toContain('no task was created')
    expect(clipsOf(desk.archive)).toHaveLength(2)
  },
  TIMEOUT,
)

it(
  'shows a failed row with the command that buys it again, and buys only it',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['good', 'bad [fail code=service_error]'])
    const first = await desk.run('run', sheet, '--archive', 'archive')
    expect(first.code).toBe(1)
    expect(first.stdout).toMatch(
      /1 row failed:\n {2}row 2: .+\n {2}To buy them again: reelsheet --home \S+ retry night --failed/,
    )
    const again = await desk.run('retry', 'night', '--failed', '--json')
    // The practice provider acts out a fault once for each prompt.
    expect(again.code).toBe(0)
    expect(again.records.at(-1)).toMatchObject({ retried: 1, counts: { done: 2, failed: 0 } })
    expect(clipsOf(desk.archive)).toHaveLength(2)
  },
  TIMEOUT,
)

it(
  'stops at the cap, needs a person, and goes on with a higher one',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one', 'two', 'three'])
    const capped = await desk.run('run', sheet, '--archive', 'archive', '--cap', '7')
    expect(capped.code).toBe(3)
    expect(capped.stdout).toContain(`reelsheet --home ${desk.home} resume night --cap N`)
    const more = await desk.run('resume', 'night', '--cap', '1000', '--json')
    expect(more.records.at(-1)).toMatchObject({ exitCode: 0, counts: { done: 3, queued: 0 } })
  },
  TIMEOUT,
)

it(
  'leaves an order whose answer was lost to a person, who says that it exists',
  async () => {
    const desk = new Desk()
    const provider = await stranger(desk)
    desk.environment = { REELSHEET_KEY_FAR: CANARY }
    await desk.run(
      'accounts',
      'add',
      'far',
      '--family',
      'vtrix',
      '--base',
      provider.url,
      '--price',
      'wan26_r2v:720p=0.1',
    )
    const rows = `id,model,prompt,duration,size,ref 1\na,wan26_r2v,lost [accept then-cut],2,1280*720,../${relativeBoat()}\n`
    const sheet = desk.write('lost.csv', rows)
    const lost = await desk.run('run', sheet, '--account', 'far', '--archive', 'archive', '--yes')
    expect(lost.code).toBe(3)
    expect(lost.stdout).toContain(`reelsheet --home ${desk.home} reconcile 1 --task ID`)
    const [task] = provider.ledger.tasks()
    expect((await desk.run('reconcile', '1', '--task', task?.id ?? '')).code).toBe(0)
    expect((await desk.run('resume', '--json')).records.at(-1)).toMatchObject({ exitCode: 0, archived: 1 })
    expect(provider.ledger.tasks()).toHaveLength(1)
    const files = readdirSync(desk.home, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(desk.home, name),
    )
    for (const file of files.filter((path) => statSync(path).isFile())) {
      expect(readFileSync(file).includes(CANARY), file).toBe(false)
    }
  },
  TIMEOUT,
)

it(
  'does not spend without a question or --yes',
  async () => {
    const desk = new Desk()
    const provider = await stranger(desk)
    desk.environment = { REELSHEET_KEY_FAR: CANARY }
    await desk.run(
      'accounts',
      'add',
      'far',
      '--family',
      'evolink',
      '--base',
      provider.url,
      '--files',
      provider.url,
    )
    const asked = await desk.run('run', desk.sheet(['one']), '--account', 'far', '--archive', 'archive')
    expect(asked.code).toBe(2)
    expect(asked.stderr).toContain('add --yes')
    expect(asked.stdout).toContain('Balance of far:')
    expect(provider.ledger.tasks()).toHaveLength(0)
  },
  TIMEOUT,
)

it(
  'lets one process work, others look, and goes on after Ctrl-C',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['slow [running x60]', 'two'])
    const working = desk.start(['run', sheet, '--archive', 'archive'])
    await working.printed(/row 1 \(r1\): generating/)
    expect(await desk.run('run', sheet)).toMatchObject({ code: 4 })
    expect((await desk.run('status')).stdout).toMatch(/night .*1 generating/)
    working.child.kill('SIGINT')
    const stopped = await working.ended
    expect(stopped.code).toBe(130)
    expect(stopped.stderr).toContain(`Go on with: reelsheet --home ${desk.home} resume night`)
    expect((await desk.run('cancel', '1', '--json')).records.at(-1)).toMatchObject({
      touched: 1,
      exitCode: 0,
    })
    expect((await desk.run('resume', '--json')).code).toBe(0)
  },
  TIMEOUT,
)

it(
  'ends with the program that started it, so that nothing works on unseen',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['slow [running x60]'])
    const started = desk.start(['run', sheet, '--archive', 'archive'], BIN)
    await started.printed(/row 1 \(r1\): generating/)
    started.child.kill('SIGKILL')
    // The pipes close when the last process that holds them is gone.
    await started.ended
    expect((await desk.run('cancel', '1')).code).toBe(0)
  },
  TIMEOUT,
)

function relativeBoat(): string {
  return (
    '../'.repeat(20) + join(import.meta.dirname, '../../../resources/sample/media/paper-boat.png').slice(1)
  )
}

it(
  'moves the rows of a model that is gone, shows the new price, and buys them once they are released',
  async () => {
    const desk = new Desk()
    const header = 'id,model,prompt,duration,ref 1'
    const sheet = desk.write('night.csv', `${header}\na,wan2.6-image-to-video-flash,one [400],2,${BOAT}\n`)
    expect(await desk.run('run', sheet, '--archive', 'archive')).toMatchObject({ code: 1 })
    const moved = await desk.run('move', '1', '--model', 'wan2.7-image-to-video', '--json')
    expect(moved).toMatchObject({ code: 0, stderr: '' })
    expect(moved.records.find(({ type }) => type === 'job')).toMatchObject({
      state: 'held',
      model: 'wan2.7-image-to-video',
    })
    expect(moved.stdout).toContain('instead of')
    const text = await desk.run('move', '1', '--model', 'wan2.6-reference-video')
    expect(text).toMatchObject({ code: 2 })
    expect(`${text.stdout}${text.stderr}`).toContain('stays as it is')
    expect(await desk.run('release', '1')).toMatchObject({ code: 0 })
    const job = await desk.run('job', '1')
    expect(job.stdout).toContain('moved')
    expect(job.stdout).toContain('wan2.7-image-to-video')
  },
  TIMEOUT,
)
