import { describe, expect, it } from 'vitest'
import { commandFor } from '../../../src/main/hosts/cli/closing.ts'
import { sumUp } from '../../../src/main/hosts/cli/commands/start.ts'
import { differenceTable, listDifference, pickGone } from '../../../src/main/hosts/cli/difference.ts'
import {
  jobsLine,
  listRisks,
  priceRange,
  priceWords,
  uploadLines,
} from '../../../src/main/hosts/cli/spending.ts'
import { countDown } from '../../../src/main/hosts/cli/take-back.ts'
import type { CheckedRow, PriceLine } from '../../../src/shared/check.ts'
import type { Job } from '../../../src/shared/job.ts'
import { type Problem, problem } from '../../../src/shared/problem.ts'

const row = (given: Partial<CheckedRow> = {}): CheckedRow => ({
  row: 1,
  variant: 1,
  rowKey: null,
  name: null,
  model: 'wan2.7-image-to-video',
  prompt: 'a lake',
  account: 'main',
  isReady: true,
  estimate: null,
  problems: [],
  standing: 'new',
  jobId: null,
  ...given,
})

const price = (given: Partial<PriceLine> = {}): PriceLine => ({
  account: 'main',
  model: 'm',
  jobs: 1,
  billableMs: 5_000,
  currency: 'credits',
  lowMicros: 2_000_000,
  highMicros: 2_000_000,
  note: '',
  ...given,
})

describe('what is said before spending', () => {
  it('counts rows and what they make', () => {
    const plan = { rowCount: 12, jobCount: 96, fresh: 90, withProblems: 4, same: 2 }
    expect(jobsLine(plan)).toBe('12 rows make 96 jobs: 90 to order, 4 with problems, 2 ordered before.')
    const one = { rowCount: 1, jobCount: 12_000, fresh: 12_000, withProblems: 0, same: 0 }
    expect(jobsLine(one)).toBe('1 row makes 12,000 jobs: 12,000 to order.')
    expect(jobsLine({ ...one, jobCount: 1, fresh: 1 })).toBe('1 row: 1 to order.')
  })

  it('says a range when unsure, dollars as credits, and never a part for the whole', () => {
    expect(priceWords([price(), price()])).toBe('up to 4 credits')
    expect(priceWords([price({ lowMicros: 1_000_000 }), price()])).toBe('3 – 4 credits')
    expect(priceRange([price({ currency: 'usd' })])).toEqual({
      lowMicros: 136_000_000,
      highMicros: 136_000_000,
    })
    expect(priceWords([price(), price({ lowMicros: null, highMicros: null })])).toBe(
      'a price that is not known',
    )
  })

  it('says what is uploaded, and what the file service still takes', () => {
    const plan = { account: 'main', files: 14, sizeBytes: 12_300_000, remainingFiles: 1_500 }
    expect(uploadLines([plan, { ...plan, files: 0 }])).toEqual([
      'Uploads to main: 14 files, 12.3 MB; its file service still takes 1,500 files.',
    ])
    expect(uploadLines([{ ...plan, remainingFiles: null }])).toEqual(['Uploads to main: 14 files, 12.3 MB.'])
  })

  it('names the risks by kind, with how many jobs', () => {
    const warned = problem('reference-limit', 'The picture is small.', 'Fit it.', {}, 'warning')
    const bad = problem('value-invalid', 'No.', 'Mend it.')
    const rows = [
      row({ problems: [warned, warned] }),
      row({ problems: [warned] }),
      row({ model: 'wan2.6-reference-video' }),
      row({ isReady: false, problems: [bad] }),
      row({ standing: 'same', problems: [warned] }),
    ]
    const uploads = [{ account: 'main', files: 5, sizeBytes: 1, remainingFiles: 3 }]
    const prices = [price({ jobs: 3, lowMicros: null, highMicros: null })]
    const risks = listRisks({ rows, prices, uploads, withProblems: 1 })
    expect(risks.map(({ kind, jobs }) => [kind, jobs])).toEqual([
      ['rows-left-out', 1],
      ['price-unknown', 3],
      ['upload-refused', 2],
      ['reference-limit', 2],
      ['model-retired', 1],
    ])
    expect(risks.map(({ what }) => what).join('\n')).toMatch(
      /1 with a value that cannot be[\s\S]*3 jobs is not known[\s\S]*only 3 of the 5 files[\s\S]*2 jobs: The picture[\s\S]*wan2.6-reference-video \(then wan2.7-reference-video\)/,
    )
    expect(listRisks({ rows: [row()], prices: [price()], uploads: [], withProblems: 0 })).toEqual([])
  })

  it('adds up what held rows may cost, by currency and account', () => {
    const jobs = [
      { estimateMicros: 1_000_000, currency: 'credits', accountName: 'a' },
      { estimateMicros: 2_000_000, currency: 'usd', accountName: 'b' },
    ] as const
    expect(sumUp(jobs)).toMatchObject({ words: 'up to 1 credits and up to $2.00', isKnown: true })
    expect(sumUp(jobs).needs.get('b')).toBe(2_000_000)
    expect(sumUp([...jobs, { ...jobs[0], estimateMicros: null }]).words).toBe('a price that is not known')
  })
})

describe('a sheet beside its earlier import', () => {
  it('shows the first twenty of each kind, and how many more', () => {
    const rows = Array.from({ length: 25 }, (_, index) => row({ row: index + 1, rowKey: `r${index + 1}` }))
    const text = differenceTable(
      listDifference([...rows, row({ row: 26, standing: 'changed', jobId: 7 })], []),
    )
    expect(text.split('\n')).toHaveLength(1 + 20 + 1 + 1)
    expect(text).toContain('… and 5 more new')
    expect(text).toMatch(/changed +26 +7 +a lake/)
  })

  it('tells the jobs of one row apart, and takes codes out of a cell', () => {
    const rows = [row({ prompt: 'a\u001b[31mb' }), row({ variant: 2, isReady: false })]
    const text = differenceTable(listDifference(rows, []))
    expect(text).toMatch(/1#1 +ab\n.*1#2 .*has problems/)
  })

  it('calls gone what no row stands for, and not what was replaced', () => {
    const job = (id: number, given: Partial<Job> = {}) =>
      ({ id, rowKey: null, state: 'queued', problem: null, ...given }) as Job
    const replaced = problem('row-repeated', 'x', 'y') as Problem
    const jobs = [
      job(1),
      job(3, { state: 'cancelled', problem: replaced }),
      job(2),
      job(4, { rowKey: 'kept', state: 'done' }),
    ]
    const check = { rows: [row({ jobId: 1 }), row({ jobId: 9, rowKey: 'kept' })], gone: 1 }
    expect(pickGone(jobs, check).map(({ id }) => id)).toEqual([2])
  })
})

describe('five seconds to take it back', () => {
  it('counts down to nothing', async () => {
    const shown: number[] = []
    const waits: number[] = []
    const isKept = await countDown({
      seconds: 5,
      show: (left) => shown.push(left),
      signal: new AbortController().signal,
      wait: async (ms) => waits.push(ms),
    })
    expect({ isKept, shown }).toEqual({ isKept: true, shown: [5, 4, 3, 2, 1] })
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(5_000)
  })

  it('is stopped at any second, the last one too', async () => {
    for (const at of [5, 1]) {
      const stop = new AbortController()
      const shown: number[] = []
      const isKept = await countDown({
        seconds: 5,
        show: (left) => {
          shown.push(left)
          if (left === at) stop.abort()
        },
        signal: stop.signal,
        wait: async () => undefined,
      })
      expect(isKept).toBe(false)
      expect(shown.at(-1)).toBe(at)
    }
  })
})

describe('what is waited for', () => {
  const run = { id: 4, name: 'my night' }

  it('names the command that ends each wait for a person', () => {
    expect(commandFor(problem('start-missed', 'x', 'y', { runId: 4 }), run)).toBe(
      'reelsheet resume "my night"   (or reelsheet schedule "my night" --at TIME)',
    )
    expect(commandFor(problem('price-changed', 'x', 'y', { runId: 4 }), run)).toContain(
      'reelsheet resume "my night"',
    )
    expect(commandFor(problem('quiet-hours', 'x', 'y', { account: 'main' }), run)).toBe(
      'reelsheet accounts update main --quiet none, then reelsheet resume "my night"',
    )
    expect(commandFor(problem('not-possible', 'x', 'y', { jobId: 1, row: 1 }), run)).toBe(
      'reelsheet start "my night"',
    )
  })
})
