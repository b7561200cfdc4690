import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { MOVES } from '../../../src/main/core/jobs/machine.ts'
import { JobState } from '../../../src/shared/job.ts'
import { statesPage } from '../../support/states.ts'

const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs', 'STATES.md'), 'utf8')

test('docs/STATES.md is what the machine draws (else run "node test/support/states.ts")', () => {
  expect(page).toBe(statesPage())
})

test.each(JobState.options)('the page has every way out of %s', (state) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${state} |`)) ?? ''
  const cell = row.split('|')[2]?.trim() ?? ''
  const named = cell === '–' ? [] : cell.split('; ').map((move) => move.split(' → ')[0])
  expect(named).toEqual([...MOVES[state]])
})

test.each(JobState.options)('the page says two things about %s', (state) => {
  const told = page.split('\n').find((line) => line.startsWith(`**${state}.** `)) ?? ''
  expect(told.match(/\.(?= |$)/g)?.length ?? 0).toBeGreaterThanOrEqual(2)
})
