import { expect, it } from 'vitest'
import type { Practice } from '../../../src/practice/index.ts'
import { BOAT, Desk, noTerminal, startStranger } from './cli.ts'

const TIMEOUT = 60_000
const KEY = 'sk-canary-77aa19c0d3'
const CTRL_C = '\u0003'

if (noTerminal !== null) console.warn(`take-back.test.ts is ${noTerminal}`)
const onTerminal = it.skipIf(noTerminal !== null)

/** A desk with an account that costs money. */
async function prepare(): Promise<{ desk: Desk; provider: Practice }> {
  const desk = new Desk()
  const provider = await startStranger(desk, KEY)
  desk.environment = { REELSHEET_KEY_FAR: KEY, TERM: 'xterm' }
  const url = provider.url
  const added = await desk.run('accounts', 'add', 'far', '--family', 'evolink', '--base', url, '--files', url)
  expect(added).toMatchObject({ code: 0 })
  return { desk, provider }
}

const plain = (text: string): string => text.replace(/\s+/g, ' ')

onTerminal(
  'takes a yes back on Ctrl-C: nothing is ordered, and the rows can be started later',
  async () => {
    const { desk, provider } = await prepare()
    const sheet = desk.sheet(['one', 'two'])
    const asked = desk.startOnTerminal(['run', sheet, '--account', 'far', '--archive', 'archive'])
    await asked.printed(/Order 2 clips for up to .* credits\? \[y\/N\]/)
    asked.type('y\r')
    await asked.printed(/Starting in 5 … press Ctrl-C to take it back/)
    asked.type(CTRL_C)
    const { code, stdout } = await asked.ended
    expect(code).toBe(130)
    expect(plain(stdout)).toContain('Taken back: nothing was ordered and nothing was spent. 2 rows are held')
    expect(plain(stdout)).toContain(`reelsheet --home ${desk.home} start night`)
    expect(provider.ledger.tasks()).toHaveLength(0)
    // Going on with everything is no yes to what was taken back.
    const resumed = await desk.run('resume', '--json')
    expect(resumed).toMatchObject({ code: 3 })
    expect(provider.ledger.tasks()).toHaveLength(0)
    const started = await desk.run('start', 'night', '--yes', '--json')
    expect(started.records.at(-1)).toMatchObject({ exitCode: 0, started: 2, archived: 2 })
    expect(provider.ledger.tasks()).toHaveLength(2)
  },
  TIMEOUT,
)

onTerminal(
  'orders nothing before the five seconds are over, and everything after',
  async () => {
    const { desk, provider } = await prepare()
    await desk.run('import', desk.sheet(['one']), '--account', 'far', '--archive', 'archive')
    const asked = desk.startOnTerminal(['start', 'night'])
    await asked.printed(/Order 1 clip for up to .* credits\? \[y\/N\]/)
    expect(provider.ledger.tasks()).toHaveLength(0)
    asked.type('y\r')
    await asked.printed(/Starting in 1 …/)
    expect(provider.ledger.tasks()).toHaveLength(0)
    expect(await asked.ended).toMatchObject({ code: 0 })
    expect(provider.ledger.tasks()).toHaveLength(1)
  },
  TIMEOUT,
)

onTerminal(
  'takes anything but a yes for a no',
  async () => {
    const { desk, provider } = await prepare()
    const asked = desk.startOnTerminal(['run', desk.sheet(['one']), '--account', 'far'])
    await asked.printed(/\[y\/N\]/)
    asked.type('maybe\r')
    const { code, stdout } = await asked.ended
    expect(code).toBe(130)
    expect(plain(stdout)).toContain('Nothing was ordered and nothing was spent.')
    expect(provider.ledger.tasks()).toHaveLength(0)
    expect((await desk.run('jobs', '--json')).records.at(-1)).toMatchObject({ total: 0 })
  },
  TIMEOUT,
)

onTerminal(
  'reads cells that are pasted, and asks on the same terminal afterwards',
  async () => {
    const { desk, provider } = await prepare()
    const asked = desk.startOnTerminal([
      'run',
      '-',
      '--account',
      'far',
      '--archive',
      'archive',
      '--name',
      'pasted',
    ])
    await asked.printed(/Paste the cells/)
    const cells = [
      ['model', 'prompt', 'duration', 'quality', 'ref 1', 'generate_audio'],
      ['wan2.6-image-to-video-flash', 'a "lake"', '2', '720p', BOAT, 'false'],
    ]
    asked.type(`${cells.map((row) => row.join('\t')).join('\r')}\r\u0004`)
    await asked.printed(/Order 1 clip for/)
    asked.type('n\r')
    expect(await asked.ended).toMatchObject({ code: 130 })
    expect(provider.ledger.tasks()).toHaveLength(0)
  },
  TIMEOUT,
)
