import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import readWorkbook from 'read-excel-file/node'
import { describe, expect, it } from 'vitest'
import { Desk } from './cli.ts'

const TIMEOUT = 120_000

describe('tables', () => {
  it(
    'of a run and of its money come out in every format, and a run’s can be checked again',
    async () => {
      const desk = new Desk()
      // Far enough from UTC that its calendar has another day for half of the day.
      desk.environment.TZ = 'Pacific/Kiritimati'
      const sheet = desk.sheet(['=1+1 boats', 'two'])
      expect((await desk.run('run', sheet, '--archive', 'archive', '--yes')).code).toBe(0)
      const csv = await desk.run('export', 'night', '--out', 'out.csv')
      expect(csv).toMatchObject({ code: 0, stdout: expect.stringContaining('2 rows of "night" written to') })
      const json = await desk.run('export', 'night', '--out', 'out.txt', '--format', 'json', '--json')
      expect(json.records.at(-1)).toMatchObject({
        rows: 2,
        file: join(desk.folder, 'out.txt'),
        exitCode: 0,
      })
      await desk.run('export', 'night', '--out', 'out.xlsx')
      const rows = JSON.parse(readFileSync(join(desk.folder, 'out.txt'), 'utf8'))
      expect(rows).toMatchObject([
        { prompt: '=1+1 boats', state: 'done', estimate: 6, charged: 6, currency: 'credits', problem: null },
        { prompt: 'two', state: 'done' },
      ])
      const [workbook] = await readWorkbook(join(desk.folder, 'out.xlsx'))
      expect(workbook?.sheet).toBe('Manifest')
      expect(workbook?.data[1]).toContain('=1+1 boats')
      for (const name of ['out.xlsx', 'out.txt']) {
        const check = await desk.run('check', name, '--json')
        expect([name, check.records.at(-1)]).toMatchObject([name, { rowCount: 2, ready: 2, withProblems: 0 }])
      }

      const again = await desk.run('export', 'night', '--out', 'out.csv')
      expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('already exists') })

      const sums = await desk.run('ledger', '--by', 'day,account', '--json')
      const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Kiritimati' }).format(Date.now())
      expect(sums.records[0]).toMatchObject({
        type: 'ledger',
        account: 'practice',
        run: null,
        model: null,
        standing: 'charged',
        jobs: 2,
        chargedMicros: 12_000_000,
      })
      expect(Math.abs(Date.parse(String(sums.records[0]?.day)) - Date.parse(today))).toBeLessThanOrEqual(
        86_400_000,
      )
      expect((await desk.run('ledger', '--by', 'model')).stdout).toMatch(
        /^model +standing +orders .+\nwan2.6-image-to-video-flash +charged +2 +12 credits/,
      )
      await desk.run('ledger', '--run', 'night', '--out', 'spent.csv')
      const lines = readFileSync(join(desk.folder, 'spent.csv'), 'utf8').split('\r\n')
      expect(lines).toHaveLength(4)
      expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+14:00,night,1,1,practice,wan2.6/)
    },
    TIMEOUT,
  )

  it(
    'of prices can be read by a person and by a script',
    async () => {
      const desk = new Desk()
      const { code, stdout } = await desk.run('prices', '--account', 'practice')
      expect(code).toBe(0)
      expect(stdout).toMatch(/account +model +tier +sound +a second +5 s +10 s +at least +from/)
      expect(stdout).toMatch(
        /wan2.6-image-to-video-flash +720p +without +1.19 credits +6 credits +11.9 credits +6 credits +1/,
      )
      expect(stdout).toContain('from 1: By EvoLink')
      const { records } = await desk.run('prices', '--json')
      expect(records[0]).toMatchObject({ type: 'price', account: 'practice', basis: 'practice' })
      expect(records.at(-1)).toMatchObject({ type: 'summary', prices: records.length - 1 })
    },
    TIMEOUT,
  )

  it.each([
    ['an unknown column of sums', ['ledger', '--by', 'day,week'], '"week"'],
    ['sums into a file', ['ledger', '--by', 'day', '--out', 'x.csv'], '--by sums up'],
    ['a format without a file', ['ledger', '--format', 'csv'], '--format says'],
    ['an ending that says nothing', ['ledger', '--out', 'x.txt'], '--format'],
    ['an unknown format', ['ledger', '--out', 'x', '--format', 'pdf'], 'csv, xlsx, json'],
    ['prices of nobody', ['prices', '--account', 'nobody'], '"nobody"'],
  ])(
    '%s is refused with a sentence',
    async (_what, args, sentence) => {
      const { code, stdout, stderr } = await new Desk().run(...args)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(sentence)
    },
    TIMEOUT,
  )
})
