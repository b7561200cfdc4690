import { describe, expect, it } from 'vitest'
import type { Sample } from './sample.ts'
import { ALLOWED, judgeUse, soakCase } from './soak.ts'

it('three hundred jobs leave nothing open', async () => {
  const { violations, counts } = await soakCase({ jobs: 300, seed: '1', isLong: false }).run()
  expect(violations).toEqual([])
  expect(counts).toMatchObject({ jobs: 300, lives: 1, kills: 0 })
  expect(counts['jobs done']).toBeGreaterThan(280)
})

describe('the measure', () => {
  const sample = (changes: Partial<Sample> = {}): Sample => ({
    atMs: 0,
    heapBytes: 30e6,
    externalBytes: 10e6,
    rssBytes: 200e6,
    resources: { PipeWrap: 3 },
    openFiles: 30,
    delayP99Ms: 5,
    delayMostMs: 9,
    delaySoFarP99Ms: 5,
    ...changes,
  })
  const judge = (of: (at: number) => Partial<Sample>, left: Partial<Sample> = {}) => {
    const asked = Array.from({ length: 40 }, (_, at) => sample(of(at)))
    return judgeUse({ before: sample(), asked, settled: sample(), stopped: sample(left) }, 1, true)
  }

  it('takes what is flat, and what only warms up', () => {
    expect(judge(() => ({}))).toEqual([])
    expect(judge((at) => ({ heapBytes: at < 5 ? 20e6 : 40e6, rssBytes: at < 5 ? 100e6 : 300e6 }))).toEqual([])
    expect(judge((at) => ({ rssBytes: at === 39 ? 900e6 : 200e6 }))).toEqual([])
  })

  it.each(['heapBytes', 'externalBytes', 'rssBytes', 'openFiles'] as const)('finds %s that grow', (what) => {
    // From the middle of the second quarter to that of the last are 20 samples.
    expect(judge((at) => ({ [what]: 1e6 + (at * ALLOWED[what] * 1.1) / 20 }))).toHaveLength(1)
  })

  it('finds what is left open, and a loop that is not free', () => {
    expect(judge(() => ({}), { resources: { PipeWrap: 3, Timeout: 1 } })).toHaveLength(1)
    expect(judge(() => ({ delaySoFarP99Ms: 20 }))).toHaveLength(1)
    expect(judge(() => ({ delaySoFarP99Ms: 19 }))).toEqual([])
  })

  it('says so when nothing was measured', () => {
    expect(
      judgeUse({ before: undefined, asked: [], settled: undefined, stopped: undefined }, 1, true),
    ).toEqual(['the life did not say what it uses'])
  })
})
