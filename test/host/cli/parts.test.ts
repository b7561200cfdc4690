import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandFor } from '../../../src/main/hosts/cli/closing.ts'
import { exitCodeOf, exitCodeOfProblem } from '../../../src/main/hosts/cli/exit-code.ts'
import { defaultHome } from '../../../src/main/hosts/cli/home.ts'
import {
  formatMoney,
  formatRange,
  parseCap,
  parseMicros,
  parsePrice,
} from '../../../src/main/hosts/cli/money.ts'
import {
  clean,
  formatProblem,
  formatStretch,
  formatTable,
  quoted,
  shorten,
  widthOf,
} from '../../../src/main/hosts/cli/words.ts'
import { createFileLog } from '../../../src/main/hosts/log.ts'
import { createSecrets, keyVariable } from '../../../src/main/hosts/secrets.ts'
import { problem } from '../../../src/shared/problem.ts'

describe('money', () => {
  it('reads decimals exactly and refuses what is none', () => {
    expect(parseMicros('0.1')).toBe(100_000)
    expect(parseMicros('12')).toBe(12_000_000)
    expect(parseMicros('0.000001')).toBe(1)
    for (const text of ['', '-1', '1e3', '0.0000001', '1,5', 'NaN', '99999999999']) {
      expect(parseMicros(text), text).toBeNull()
    }
  })

  it('takes a cap in credits or in dollars, at 68 credits each', () => {
    expect(parseCap('12.5')).toBe(12_500_000)
    expect(parseCap('2usd')).toBe(136_000_000)
    expect(parseCap('$0.50')).toBe(34_000_000)
    expect(() => parseCap('much')).toThrow('--cap cannot be "much"')
  })

  it('takes a price for a model, a tier and silence', () => {
    expect(parsePrice('wan26_r2v:720p:silent=0.0294')).toEqual(['wan26_r2v:720p:silent', 29_400])
    expect(parsePrice('wan26_r2v=1')).toEqual(['wan26_r2v', 1_000_000])
    for (const text of ['wan26_r2v', '=1', 'wan26_r2v:720=1', 'wan26_r2v:720p:loud=1', 'wan26_r2v=']) {
      expect(() => parsePrice(text), text).toThrow('--price cannot be')
    }
  })

  it('never shows less than is counted', () => {
    expect(formatMoney(11_900_000, 'credits')).toBe('11.9 credits')
    expect(formatMoney(1, 'credits')).toBe('0.0001 credits')
    expect(formatMoney(1_500_000, 'usd')).toBe('$1.50')
    expect(formatRange(1_000_000, 2_000_000, 'credits')).toBe('1 – 2 credits')
    expect(formatRange(null, null, 'usd')).toBe('not known')
  })
})

describe('words', () => {
  it('says where a problem is, what happened and what to do', () => {
    const found = problem('value-invalid', 'The length is 20 s.', 'Use 15 s.', { row: 7, column: 'duration' })
    expect(formatProblem(found)).toBe('row 7, column duration: The length is 20 s. Use 15 s.')
    expect(formatProblem({ ...found, level: 'warning', place: {} })).toBe(
      'warning: The length is 20 s. Use 15 s.',
    )
  })

  it('lets no sheet steer the terminal', () => {
    expect(clean('a\u001b[31mb\u001b]0;title\u0007c\nd\u202e')).toBe('abc d ')
  })

  it('sets columns by what the eye sees', () => {
    expect(widthOf('湖a')).toBe(3)
    expect(
      formatTable(
        ['name', '>n'],
        [
          ['湖', '1'],
          ['lake', '22'],
        ],
      ),
    ).toBe('name   n\n湖     1\nlake  22')
    expect(shorten('湖湖湖', 5)).toBe('湖湖…')
  })

  it('quotes a name for the shell and says stretches of time', () => {
    expect(quoted('night')).toBe('night')
    expect(quoted('my $night')).toBe('"my \\$night"')
    expect([35_000, 300_000, 83_400_000].map(formatStretch)).toEqual(['35 s', '5 min', '23 h 10 min'])
  })
})

describe('exit codes', () => {
  it('lets a person who is needed outrank a failure, and a failure a bad row', () => {
    expect(exitCodeOf({ counts: { done: 3 }, waiting: 0 })).toBe(0)
    expect(exitCodeOf({ counts: { done: 3, failed: 1 }, waiting: 0, withProblems: 1 })).toBe(1)
    expect(exitCodeOf({ counts: { done: 3 }, waiting: 0, withProblems: 1 })).toBe(2)
    expect(exitCodeOf({ counts: { failed: 1 }, waiting: 1, withProblems: 1 })).toBe(3)
  })

  it('tells a folder in use, a person and wrong use apart', () => {
    expect(exitCodeOfProblem('folder-in-use')).toBe(4)
    expect(exitCodeOfProblem('key-refused')).toBe(3)
    expect(exitCodeOfProblem('sheet-missing')).toBe(2)
  })
})

describe('what to type', () => {
  const run = { id: 4, name: 'my night' }
  it('names the command for each need', () => {
    const doubt = problem('outcome-unknown', 'x', 'y')
    expect(commandFor(doubt, run, { id: 9 })).toContain('reelsheet reconcile 9 --task ID')
    expect(commandFor(problem('cap-reached', 'x', 'y'), run)).toBe('reelsheet resume "my night" --cap N')
    expect(commandFor(problem('key-refused', 'x', 'y', { account: 'main' }), run)).toContain(
      'accounts update main --ask-key',
    )
    expect(commandFor(problem('not-possible', 'x', 'y'), run)).toContain('reelsheet release JOB')
    const model = 'wan2.6-reference-video'
    expect(commandFor(problem('model-retired', 'x', 'y', { model }), run)).toContain(
      'reelsheet move JOB… --model wan2.7-reference-video',
    )
    expect(commandFor(problem('price-changed', 'x', 'y', { jobId: 9 }), run)).toBe(
      'reelsheet resume "my night"',
    )
    expect(commandFor(problem('price-changed', 'x', 'y', { jobId: 9, row: 2 }), run)).toContain('release JOB')
    expect(commandFor(problem('disk-full', 'x', 'y'), run)).toBe('reelsheet resume "my night"')
  })
})

describe('the data folder', () => {
  it('follows each platform', () => {
    const userFolder = '/u'
    expect(defaultHome({ platform: 'linux', environment: {}, userFolder })).toBe('/u/.local/share/reelsheet')
    expect(defaultHome({ platform: 'linux', environment: { XDG_DATA_HOME: '/d' }, userFolder })).toBe(
      '/d/reelsheet',
    )
    expect(defaultHome({ platform: 'linux', environment: { XDG_DATA_HOME: 'd' }, userFolder })).toBe(
      '/u/.local/share/reelsheet',
    )
    expect(defaultHome({ platform: 'darwin', environment: {}, userFolder })).toBe(
      '/u/Library/Application Support/Reelsheet',
    )
  })
})

describe('keys and logs', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'reelsheet-keys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps keys in a file that only its owner may read; the environment wins', () => {
    const secrets = createSecrets(folder, { [keyVariable('night-shift')]: ' from-env ' })
    secrets.write('main', 'kept')
    secrets.write('night-shift', 'also-kept')
    expect(statSync(join(folder, 'keys.json')).mode & 0o777).toBe(0o600)
    expect(keyVariable('night-shift')).toBe('REELSHEET_KEY_NIGHT_SHIFT')
    expect([secrets.read('main'), secrets.read('night-shift'), secrets.read('none')]).toEqual([
      'kept',
      'from-env',
      undefined,
    ])
    secrets.remove('main')
    expect(createSecrets(folder, {}).read('main')).toBeUndefined()
    expect(createSecrets(folder, {}).read('night-shift')).toBe('also-kept')
    expect(readdirSync(folder)).toEqual(['keys.json'])
  })

  it('refuses a damaged key file without quoting or replacing it', () => {
    writeFileSync(join(folder, 'keys.json'), '{"keys": sk-canary')
    const secrets = createSecrets(folder, {})
    expect(() => secrets.write('main', 'new')).toThrow(/key file .* cannot be read/)
    expect(() => secrets.read('main')).not.toThrow(/canary/)
    expect(readFileSync(join(folder, 'keys.json'), 'utf8')).toContain('canary')
  })

  it('writes one object a line, takes secrets out and starts a new file when one is full', () => {
    const log = createFileLog(folder, () => 0, 300)
    log.info('job accepted', { jobId: 7 })
    log.error('odd', { error: 'Bearer abc.def at https://u:p@h/x?sig=1 with sk-canary123' })
    expect(readFileSync(log.path, 'utf8').split('\n')[0]).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","level":"info","message":"job accepted","jobId":7}',
    )
    expect(readFileSync(log.path, 'utf8')).not.toMatch(/abc\.def|u:p|sig=1|canary/)
    for (let line = 0; line < 40; line++) log.warn('filling the file', { line })
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual([
      'reelsheet.1.log',
      'reelsheet.2.log',
      'reelsheet.3.log',
      'reelsheet.log',
    ])
  })
})
