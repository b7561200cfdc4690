import { chmodSync, existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { BOAT, Desk } from './cli.ts'

const TIMEOUT = 40_000
const MODEL = 'wan2.6-image-to-video-flash'

/** Wherever it goes wrong: one or two sentences and no stack. */
function expectSentence(text: string): void {
  expect(text).not.toMatch(/\n\s+at |node:internal|Error:/)
  expect(text.trim()).not.toBe('')
}

it.each([
  ['a missing sheet', ['run', 'nowhere.csv'], 'nowhere.csv does not exist'],
  ['a folder as sheet', ['check', '.'], 'is a folder, not a sheet'],
  ['an unknown command', ['nonsense'], "Unknown command 'nonsense'"],
  ['an unknown option', ['status', '--wat=sk-canary'], "Unknown option '--wat'"],
  [
    'a key as argument',
    ['accounts', 'add', 'x', '--family', 'evolink', '--key', 'sk-canary'],
    'A key is never given',
  ],
  ['an account without its key', ['accounts', 'add', 'x', '--family', 'evolink'], 'Set REELSHEET_KEY_X'],
  ['a bad account name', ['accounts', 'add', 'X_y', '--family', 'vtrix'], 'cannot be the name of an account'],
  ['a price of no model', ['accounts', 'add', 'x', '--family', 'vtrix', '--price', 'no=1'], 'the model "no"'],
  ['an unknown account', ['run', 'sheet.csv', '--account', 'nobody'], 'no account "nobody"'],
  ['a wrong cap', ['run', 'sheet.csv', '--cap', 'much'], '--cap cannot be "much"'],
  ['a job that is no number', ['job', 'x'], '"x" is not the number of a job'],
  ['a run that is not there', ['export', 'nope', '--out', 'x.csv'], 'no run "nope"'],
  ['a missing argument', ['check'], 'See "reelsheet check --help"'],
  ['a database that is whole', ['repair'], 'no database'],
])('%s is refused with a sentence', async (_what, args, sentence) => {
  const desk = new Desk()
  desk.sheet(['one'], 'sheet.csv')
  const { code, stdout, stderr } = await desk.run(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(sentence)
  expect(stdout).toBe('')
  expect(stderr).not.toContain('canary')
  expectSentence(stderr)
})

it(
  'names every bad row by row and column, and runs the good one',
  async () => {
    const desk = new Desk()
    desk.write('empty.png', '')
    desk.write('text.mp4', 'only words')
    const rows = [
      'id,model,prompt,duration,quality,ref 1',
      `a,${MODEL},p,2,720p,empty.png`,
      `b,${MODEL},p,2,720p,text.mp4`,
      `c,${MODEL},p,99,720p,${BOAT}`,
      `d,no-such-model,p,2,720p,${BOAT}`,
      `e,${MODEL},p,2,720p,gone.png`,
      `f,${MODEL},p,2,720p,${BOAT}`,
    ]
    const sheet = desk.write('mixed.csv', rows.join('\n'))
    const checked = await desk.run('check', sheet)
    expect(checked.code).toBe(2)
    expect(checked.stdout).toMatch(/^ +1 {2}ref 1 .*\n.*empty \(0 bytes\)/m)
    expect(checked.stdout).toMatch(/^ +2 {2}ref 1 .*\n.*text file/m)
    expect(checked.stdout).toMatch(/^ +3 {2}duration {2}99 .*Use 15 s/m)
    expect(checked.stdout).toMatch(/^ +4 {2}model .*no-such-model/m)
    expect(checked.stdout).toMatch(/^ +5 {2}ref 1 .*\n.*gone\.png does not exist/m)
    expect(checked.stdout).toContain('6 rows: 1 ready, 5 with problems')
    const strict = await desk.run('run', sheet, '--strict', '--archive', 'archive')
    expect(strict).toMatchObject({ code: 2 })
    expect(existsSync(desk.archive)).toBe(false)
    const ran = await desk.run('run', sheet, '--archive', 'archive', '--json')
    expect(ran.records.at(-1)).toMatchObject({ exitCode: 2, archived: 1, created: 1, withProblems: 5 })
  },
  TIMEOUT,
)

it(
  'names a wrong column and reads UTF-16',
  async () => {
    const desk = new Desk()
    const rows = `id,modle,prompt\na,${MODEL},é\n`
    const wrong = await desk.run('check', desk.write('wrong.csv', rows))
    expect(wrong.code).toBe(2)
    expect(wrong.stdout).toMatch(/column modle: .*looks like "model"/)
    const good = `id,model,prompt,duration,quality,ref 1\na,${MODEL},é,2,720p,${BOAT}\n`
    const utf16 = await desk.run('check', desk.write('wide.csv', Buffer.from(`\ufeff${good}`, 'utf16le')))
    expect(utf16).toMatchObject({ code: 0, stderr: '' })
  },
  TIMEOUT,
)

it(
  'orders nothing for an archive that is a file or that may not be written',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one'])
    desk.write('afile', 'x')
    const file = await desk.run('run', sheet, '--archive', 'afile')
    expect(file).toMatchObject({ code: 2 })
    expect(file.stderr).toContain('afile is a file')
    expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
  },
  TIMEOUT,
)

it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
  'orders nothing for a read-only archive (not as root, who may write anywhere)',
  async () => {
    const desk = new Desk()
    const sheet = desk.sheet(['one'])
    desk.write('closed/x', '')
    chmodSync(`${desk.folder}/closed`, 0o500)
    onTestFinished(() => chmodSync(`${desk.folder}/closed`, 0o700))
    expect(await desk.run('run', sheet, '--archive', 'closed')).toMatchObject({ code: 2 })
    expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
  },
  TIMEOUT,
)

it(
  'tells a wrong address from a wrong network, and orders nothing',
  async () => {
    const desk = new Desk()
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<html>a shop</html>')
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    desk.environment = { REELSHEET_KEY_SHOP: 'k', REELSHEET_KEY_GONE: 'k' }
    await desk.run('accounts', 'add', 'shop', '--family', 'evolink', '--base', base)
    await desk.run('accounts', 'add', 'gone', '--family', 'evolink', '--base', 'http://127.0.0.1:1')
    const sheet = desk.write('t.csv', 'model,prompt,duration,quality\nwan2.6-text-to-video,p,5,720p\n')
    const shop = await desk.run('run', sheet, '--account', 'shop', '--yes', '--archive', 'archive')
    expect(shop.code).toBe(3)
    expect(shop.stderr).toContain('accounts update shop --base URL')
    const gone = await desk.run('run', sheet, '--account', 'gone', '--yes', '--archive', 'archive')
    expect(gone.code).toBe(3)
    expect(gone.stderr).toMatch(/could not be reached.*--offline/)
    const waiting = desk.start([
      'run',
      sheet,
      '--account',
      'gone',
      '--yes',
      '--offline',
      '--archive',
      'archive',
      '--json',
    ])
    expect(await waiting.printed(/\{"type":"offline".*\}/)).toContain('1 row waits')
    waiting.child.kill('SIGTERM')
    const ended = await waiting.ended
    expect(ended.records.at(-1)).toMatchObject({ type: 'summary', exitCode: 130 })
  },
  TIMEOUT,
)

it.skipIf(process.platform !== 'linux')(
  'ends where no folder can be made (needs /proc, a Linux thing)',
  async () => {
    const desk = new Desk()
    const { code, stderr } = await desk.run('--home', '/proc/reelsheet', 'status')
    expect(code).toBe(2)
    expect(stderr).toContain('/proc/reelsheet cannot be used: no folder can be made there')
  },
)

it(
  'does not call a run archived whose reader went away',
  async () => {
    const desk = new Desk()
    const running = desk.start(['run', desk.sheet(['one']), '--archive', 'archive'])
    running.child.stdout?.destroy()
    expect((await running.ended).code).toBe(130)
  },
  TIMEOUT,
)

it(
  'says at the end that rows with problems were not ordered',
  async () => {
    const desk = new Desk()
    const sheet = desk.write(
      'mixed.csv',
      `model,prompt,duration,ref 1\n${MODEL},a,2,${BOAT}\n${MODEL},b,99,${BOAT}\n`,
    )
    const { code, stdout } = await desk.run('run', sheet, '--archive', 'archive')
    expect(code).toBe(2)
    expect(stdout.trim().split('\n').at(-1)).toContain('1 row of the sheet has problems (named above)')
  },
  TIMEOUT,
)

it('names the folder of clips that is not there', async () => {
  const desk = new Desk()
  const { code, stderr } = await desk.run('clips', 'rebuild', 'nowhere')
  expect(code).toBe(2)
  expect(stderr).toContain('nowhere does not exist')
})
