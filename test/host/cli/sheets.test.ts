import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { BOAT, Desk } from './cli.ts'

const TIMEOUT = 60_000
const MODEL = 'wan2.6-image-to-video-flash'
const HEADER = 'id,model,prompt,duration,quality,ref 1,generate_audio'
const line = (id: string, prompt: string) => `${id},${MODEL},"${prompt}",2,720p,${BOAT},false`

/** Every file below a folder with its hash; what a database leaves while it is open is no part of it. */
function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const files = names.filter((name) => statSync(join(folder, name)).isFile() && !/-(wal|shm)$/.test(name))
  return Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  )
}

const clipsOf = ({ archive }: Desk): string[] =>
  existsSync(archive)
    ? readdirSync(archive, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.mp4'))
    : []

it(
  'imports a sheet without ordering anything, and orders it when it is started',
  async () => {
    const desk = new Desk()
    const imported = await desk.run('import', desk.sheet(['one', 'two']), '--archive', 'archive')
    expect(imported).toMatchObject({ code: 0, stderr: '' })
    expect(imported.stdout).toContain(
      '2 rows imported, 2 rows held. Nothing was ordered and nothing was spent.',
    )
    expect(imported.stdout).toContain(`reelsheet --home ${desk.home} start night`)
    expect(clipsOf(desk)).toEqual([])
    // Somebody who forgets that nothing was started is told, by `run` and by `resume`.
    const again = await desk.run('run', join(desk.folder, 'night.csv'))
    expect(again.code).toBe(3)
    expect(again.stdout).toContain(`reelsheet --home ${desk.home} start night`)
    const started = await desk.run('start', 'night', '--json')
    expect(started).toMatchObject({ code: 0, stderr: '' })
    expect(started.records.at(-1)).toMatchObject({ started: 2, archived: 2, counts: { held: 0 } })
    expect(await desk.run('start', 'night')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('No row of "night" waits to be started'),
    })
  },
  TIMEOUT,
)

it(
  'says what an import would change, and writes nothing',
  async () => {
    const desk = new Desk()
    const rows = [line('same', 'one'), line('edited', 'two'), line('dropped', 'three')]
    const sheet = desk.write('night.csv', [HEADER, ...rows].join('\n'))
    await desk.run('import', sheet, '--archive', 'archive')
    desk.write(
      'night.csv',
      [HEADER, line('same', 'one'), line('edited', 'deux'), line('added', 'four')].join('\n'),
    )
    const before = contentsOf(desk.home)
    const dry = await desk.run('import', sheet, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(contentsOf(desk.home)).toEqual(before)
    expect(dry.stdout).toMatch(/new +3 +added/)
    expect(dry.stdout).toMatch(/changed +2 +edited +2 +deux/)
    expect(dry.stdout).toMatch(/gone +3 +dropped +3 +three +stays as it is: held/)
    expect(dry.stdout).toMatch(/same +1 +same +1 +one/)
    expect(dry.stdout).toContain('Nothing was written and nothing was ordered.')
    const told = await desk.run('import', sheet, '--dry-run', '--json')
    expect(told.records.filter(({ type }) => type === 'row').map(({ kind, id }) => [kind, id])).toEqual([
      ['same', 'same'],
      ['changed', 'edited'],
      ['new', 'added'],
      ['gone', 'dropped'],
    ])
    expect(told.records.at(-1)).toMatchObject({ exitCode: 0, fresh: 2, changed: 1, same: 1, gone: 1 })
  },
  TIMEOUT,
)

it(
  'compares with the run that is named',
  async () => {
    const desk = new Desk()
    await desk.run('import', desk.sheet(['one']), '--archive', 'archive')
    const copy = desk.sheet(['one', 'two'], 'copy.csv')
    expect((await desk.run('check', copy, '--json')).records.at(-1)).toMatchObject({ same: 0, runId: null })
    expect((await desk.run('check', copy, '--run', 'night', '--json')).records.at(-1)).toMatchObject({
      same: 1,
      fresh: 1,
    })
    expect(await desk.run('check', copy, '--run', 'nope')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no run "nope"'),
    })
  },
  TIMEOUT,
)

it(
  'makes of one row what its choices, lists and takes say, with columns as they are named',
  async () => {
    const desk = new Desk()
    const sheet = desk.write('多.csv', `描述=终稿,素材\n"a {red|blue} boat",${BOAT}\n`)
    const options = ['--map', '描述=终稿=prompt', '--map', '素材=ref 1', '--takes', '2']
    const defaults = [
      '--defaults',
      `model=${MODEL},duration=2`,
      '--defaults',
      'quality=720p,generate_audio=false',
    ]
    const checked = await desk.run('check', sheet, ...options, ...defaults, '--json')
    expect(checked.records.at(-1)).toMatchObject({ exitCode: 0, rowCount: 1, fresh: 4 })
    const ran = await desk.run('run', sheet, ...options, ...defaults, '--archive', 'archive')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toContain('1 row makes 4 jobs: 4 to order.')
    expect(clipsOf(desk)).toHaveLength(4)
  },
  TIMEOUT,
)

it(
  'says what no column and no field is, in the words of the core',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one'])
    for (const [args, sentence] of [
      [['--map', 'nowhere=prompt'], 'The sheet has no column "nowhere"'],
      [['--map', 'prompt=wat'], '"wat" is no field'],
      [['--defaults', 'wat=1'], '"wat" is no field'],
    ] as const) {
      const wrong = await desk.run('check', sheet, ...args)
      expect(wrong).toMatchObject({ code: 2 })
      expect(`${wrong.stdout}${wrong.stderr}`).toContain(sentence)
    }
    for (const command of ['run', 'import']) {
      const refused = await desk.run(command, sheet, '--map', 'nowhere=prompt', '--archive', 'archive')
      expect(refused).toMatchObject({ code: 2 })
      expect(`${refused.stdout}${refused.stderr}`).toContain('The sheet has no column "nowhere"')
    }
    expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
  },
  TIMEOUT,
)

it(
  'reads cells from the standard input',
  async () => {
    const desk = new Desk()
    desk.write('boat.png', readFileSync(BOAT))
    const cells = `id\tmodel\tprompt\tduration\tquality\tref 1\tgenerate_audio\na\t${MODEL}\tone\t2\t720p\tboat.png\tfalse\n`
    const ran = await desk.pipe(cells, 'run', '-', '--archive', 'archive', '--name', 'pasted', '--json')
    expect(ran.records.at(-1)).toMatchObject({ exitCode: 0, archived: 1 })
    expect(await desk.pipe(' \n', 'check', '-')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No cells came in'),
    })
  },
  TIMEOUT,
)

it(
  'asks for the number of jobs above ten thousand',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(Array.from({ length: 11 }, (_, index) => `p${index}`))
    for (const args of [['run'], ['run', '--yes'], ['run', '--yes', '--jobs', '10999'], ['import']]) {
      const [command = '', ...others] = args
      const refused = await desk.run(command, sheet, '--takes', '1000', '--archive', 'archive', ...others)
      expect(refused, args.join(' ')).toMatchObject({ code: 2 })
      expect(refused.stderr).toMatch(/11,000 jobs.*Nothing was ordered.*--jobs 11000/)
    }
    expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
    const made = await desk.run('import', sheet, '--takes', '1000', '--jobs', '11000', '--json')
    expect(made.records.at(-1)).toMatchObject({ exitCode: 0, created: 11_000, held: 11_000 })
  },
  TIMEOUT,
)

it(
  'waits for its hour, also when it is ended before, and starts when it is told to',
  async () => {
    const desk = new Desk()
    const waiting = desk.start(['run', desk.sheet(['one']), '--archive', 'archive', '--at', '+2h'])
    await waiting.printed(/The run "night" starts at .* That is in 2 h 0 min\./)
    waiting.child.kill('SIGINT')
    const stopped = await waiting.ended
    expect(stopped.code).toBe(130)
    expect(stopped.stderr).toMatch(/"night" starts at .*only while Reelsheet is at work/)
    const back = desk.start(['resume', '--json'])
    await back.printed(/"type":"wait","code":"starts-later"/)
    back.child.kill('SIGINT')
    await back.ended
    expect(clipsOf(desk)).toEqual([])
    expect(await desk.run('schedule', 'night', '--at', '+3h')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/starts at .*\(in 3 h 0 min\)/),
    })
    const now = await desk.run('schedule', 'night', '--at', 'now', '--json')
    expect(now.records.at(-1)).toMatchObject({ exitCode: 0, startAt: null })
    expect((await desk.run('resume', 'night', '--json')).records.at(-1)).toMatchObject({
      exitCode: 0,
      archived: 1,
    })
  },
  TIMEOUT,
)

it(
  'asks about a start that was missed, and starts it only when the run is named',
  async () => {
    const desk = new Desk()
    const waiting = desk.start(['run', desk.sheet(['one']), '--archive', 'archive', '--at', '+2h'])
    await waiting.printed(/The run "night" starts at/)
    waiting.child.kill('SIGINT')
    await waiting.ended
    // As if the computer had slept for a day.
    const database = new Database(join(desk.home, 'reelsheet.db'))
    database.exec(
      'UPDATE runs SET start_at = start_at - 86400000; UPDATE jobs SET run_at = run_at - 86400000',
    )
    database.close()
    const asked = await desk.run('resume')
    expect(asked.code).toBe(3)
    expect(asked.stdout).toContain(`reelsheet --home ${desk.home} schedule night --at TIME`)
    expect(clipsOf(desk)).toEqual([])
    expect((await desk.run('resume')).code).toBe(3)
    expect((await desk.run('resume', 'night', '--json')).records.at(-1)).toMatchObject({
      exitCode: 0,
      archived: 1,
    })
  },
  TIMEOUT,
)

it(
  'orders nothing in quiet hours, and says until when',
  async () => {
    const desk = new Desk()
    const hour = new Date().getHours()
    const oClock = (later: number) => `${String((hour + later) % 24).padStart(2, '0')}:00`
    const hours = `${oClock(23)}-${oClock(3)}`
    expect(await desk.run('accounts', 'update', 'practice', '--quiet', hours)).toMatchObject({ code: 0 })
    expect((await desk.run('accounts', 'list')).stdout).toMatch(
      new RegExp(`quiet hours.*\\n.*${hours.replace('-', '–')}`),
    )
    const waiting = desk.start(['run', desk.sheet(['one']), '--archive', 'archive'])
    await waiting.printed(/The account "practice" is quiet until/)
    waiting.child.kill('SIGINT')
    expect(await waiting.ended).toMatchObject({ code: 130 })
    // Hours that never end wait for a person instead.
    await desk.run('accounts', 'update', 'practice', '--quiet', '08:00-08:00')
    const never = await desk.run('resume')
    expect(never.code).toBe(3)
    expect(never.stdout).toContain('accounts update practice --quiet none')
    expect(clipsOf(desk)).toEqual([])
    await desk.run('accounts', 'update', 'practice', '--quiet', 'none')
    expect((await desk.run('accounts', 'list')).stdout).not.toContain('quiet hours')
    expect((await desk.run('resume', '--json')).records.at(-1)).toMatchObject({ exitCode: 0, archived: 1 })
  },
  TIMEOUT,
)

it(
  'says once that a soft cap was passed, and goes on',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one', 'two'])
    const ran = await desk.run('run', sheet, '--archive', 'archive', '--cap', '7', '--soft-cap')
    expect(ran.code).toBe(0)
    expect(`${ran.stdout}${ran.stderr}`.match(/soft cap of the run "night" is passed/g)).toHaveLength(1)
  },
  TIMEOUT,
)

it.each([
  ['a soft cap without a cap', ['run', 'night.csv', '--soft-cap'], 'no cap is given'],
  ['a time that has passed', ['run', 'night.csv', '--at', '2001-01-01 10:00'], 'has passed'],
  ['failed rows of what is no manifest', ['run', 'night.csv', '--failed'], 'failed rows of a manifest'],
  ['a seed for nothing', ['check', 'night.csv', '--seed', '3'], '--seed belongs to'],
  ['a run that is not there', ['start', 'nope'], 'no run "nope"'],
  ['a time for a run that is not there', ['schedule', 'nope', '--at', '22:00'], 'no run "nope"'],
  ['hours that are none', ['accounts', 'update', 'practice', '--quiet', '25:00-07:00'], '--quiet cannot be'],
  [
    'two kinds of cap',
    ['accounts', 'update', 'practice', '--soft-cap', '--hard-cap'],
    'either --soft-cap or',
  ],
  [
    'a file host for no use',
    ['accounts', 'update', 'practice', '--file-host', 'x'],
    'There is no account "x" to hold files',
  ],
])('%s is refused with a sentence, and nothing is written', async (_what, args, sentence) => {
  const desk = new Desk()
  desk.sheet(['one'])
  const { code, stderr } = await desk.run(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(sentence)
  expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
})
