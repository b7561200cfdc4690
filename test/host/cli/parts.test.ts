import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Board } from '../../../src/main/hosts/cli/board.ts'
import { commandFor, moneyLines } from '../../../src/main/hosts/cli/closing.ts'
import { explainTest } from '../../../src/main/hosts/cli/commands/accounts.ts'
import { priceNotes } from '../../../src/main/hosts/cli/commands/check.ts'
import { exitCodeOf, exitCodeOfProblem } from '../../../src/main/hosts/cli/exit-code.ts'
import { defaultHome } from '../../../src/main/hosts/cli/home.ts'
import {
  formatMoney,
  formatRange,
  parseCap,
  parseMicros,
  parsePrice,
} from '../../../src/main/hosts/cli/money.ts'
import { parse } from '../../../src/main/hosts/cli/program.ts'
import {
  asTyped,
  clean,
  formatProblem,
  formatStretch,
  formatTable,
  quoted,
  shorten,
  widthOf,
  wrap,
} from '../../../src/main/hosts/cli/words.ts'
import { createFileLog } from '../../../src/main/hosts/log.ts'
import { createSecrets, keyVariable } from '../../../src/main/hosts/secrets.ts'
import type { Job } from '../../../src/shared/job.ts'
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

  it('names a row once', () => {
    const found = problem('not-possible', 'Row 3 (job 3) is done.', 'See "reelsheet jobs".', { row: 3 })
    expect(formatProblem(found)).toBe('Row 3 (job 3) is done. See "reelsheet jobs".')
    expect(formatProblem({ ...found, what: 'Row 31 is done.' })).toMatch(/^row 3: Row 31/)
  })

  it('shows commands as this person types them, and leaves names and paths alone', () => {
    const text = 'Look with "reelsheet status", then reelsheet resume; not ~/.local/share/reelsheet here.'
    expect(asTyped(text, { isNpm: false, home: undefined })).toBe(text)
    expect(asTyped(text, { isNpm: true, home: '/my data' })).toBe(
      'Look with "npm run -s cli -- --home "/my data" status", then npm run -s cli -- --home "/my data" resume; not ~/.local/share/reelsheet here.',
    )
  })

  it('breaks sentences between words, as far in as they begin', () => {
    expect(wrap('  one two three', 9)).toBe('  one two\n  three')
    expect(wrap('a-word-that-is-longer-than-the-line b', 5)).toBe('a-word-that-is-longer-than-the-line\nb')
  })

  it('quotes a name for the shell and says stretches of time', () => {
    expect(quoted('night')).toBe('night')
    expect(quoted('my $night')).toBe('"my \\$night"')
    expect([35_000, 300_000, 83_400_000].map(formatStretch)).toEqual(['35 s', '5 min', '23 h 10 min'])
  })
})

describe('live board', () => {
  it('takes a row that was not read before for a queued one', () => {
    const job = { id: 1, state: 'queued', linkExpiresAt: null } as unknown as Job
    const board = new Board()
    expect(board.take(job)).toBeNull()
    expect(board.take({ ...job, state: 'generating' })).toMatchObject({ from: 'queued' })
    expect(board.take({ ...job, id: 2, state: 'done' })).toMatchObject({ from: 'queued' })
  })
})

describe('prices and charges', () => {
  it('says of which models a price note speaks when there are several', () => {
    const line = { account: 'main', model: 'm', note: 'Published.' }
    expect(priceNotes([line, line])).toEqual(['Published.'])
    expect(priceNotes([line, { account: 'other', model: 'n', note: 'Not known.' }])).toEqual([
      'm on main: Published.',
      'n on other: Not known.',
    ])
  })

  it('never calls an unknown estimate nothing, and practice money by its name', () => {
    const sum = {
      run: 'night',
      day: null,
      account: 'main',
      model: 'm',
      currency: 'usd' as const,
      standing: 'charged' as const,
      jobs: 1,
      estimateMicros: null,
      reservedMicros: null,
      chargedMicros: 1_750_000,
      countedMicros: 1_750_000,
    }
    expect(moneyLines([sum], [])).toEqual(['charged $1.75 (no estimate: not every price is known)'])
    expect(moneyLines([{ ...sum, estimateMicros: 2_000_000 }], ['main'])).toEqual([
      'charged $1.75 (estimated $2.00), all of it practice: no money',
    ])
  })

  it('does not say that nothing is to be done of an address that lacks a call', () => {
    const found = problem('not-possible', 'It lacks “credits”.', 'Nothing to do.', {}, 'info')
    expect(explainTest(found, 'main')).toMatchObject({ level: 'error', code: 'provider-fault' })
    expect(explainTest(found, 'main').next).toMatch(/another path.*--base URL.*--offline/)
  })
})

describe('command line', () => {
  it('helps with a command that is named after "help"', async () => {
    expect(await parse(['help', 'run'])).toMatchObject({ help: expect.stringContaining('--strict') })
    expect(await parse(['help', 'run'])).toMatchObject({
      help: expect.not.stringContaining('default: false'),
    })
  })

  it('points at the help of the very command', async () => {
    const wrong = await parse(['accounts', 'add', 'main'])
    expect(wrong).toMatchObject({ wrong: { next: 'See "reelsheet accounts add --help".' } })
    expect(await parse(['accounts'])).toMatchObject({ wrong: { next: 'See "reelsheet accounts --help".' } })
  })

  it.each(['serve', 'practice'])('refuses a port that cannot be one: %s', async (command) => {
    expect(await parse([command, '--port', '65536'])).toMatchObject({ wrong: { code: 'wrong-use' } })
    expect(await parse([command, '--port', '65535'])).toMatchObject({ home: undefined })
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
      'reelsheet resume "my night"   (or reelsheet cancel JOB…)',
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

  it('has no key for an account that is called like something every object has', () => {
    const secrets = createSecrets(folder, {})
    secrets.write('main', 'kept')
    for (const name of ['constructor', 'toString', '__proto__']) expect(secrets.read(name)).toBeUndefined()
    secrets.write('constructor', 'its-own')
    expect(createSecrets(folder, {}).read('constructor')).toBe('its-own')
    secrets.remove('constructor')
    expect(secrets.read('constructor')).toBeUndefined()
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
