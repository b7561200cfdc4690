import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { quietUntil } from '../../../src/main/core/jobs/quiet-hours.ts'
import { NEVER } from '../../../src/main/core/steps/submit.ts'

/** On this computer's clock, whatever its zone. */
const at = (hour: number, minute = 0, day = 10) => new Date(2026, 5, day, hour, minute).getTime()
const night = { from: '22:00', to: '07:00' }

describe('quiet hours', () => {
  it.each([
    ['before them', [night], at(21, 59), null],
    ['from their first minute', [night], at(22), at(7, 0, 11)],
    ['past midnight', [night], at(3, 30), at(7)],
    ['at their end', [night], at(7), null],
    ['by day', [{ from: '09:00', to: '17:30' }], at(9), at(17, 30)],
    ['that follow each other', [night, { from: '07:00', to: '08:00' }], at(23), at(8, 0, 11)],
    ['of the whole day', [{ from: '00:00', to: '00:00' }], at(12), NEVER],
    ['that fill the day together', [night, { from: '06:00', to: '22:30' }], at(12), NEVER],
    ['none', [], at(12), null],
  ])('%s', (_when, hours, now, until) => {
    expect(quietUntil(hours, now)).toBe(until)
  })

  it.each([
    ['are an hour shorter when the clock leaps forward', '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
    ['are an hour longer when it is set back', '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
  ])('%s', (_what, now, until) => {
    const file = fileURLToPath(new URL('../../../src/main/core/jobs/quiet-hours.ts', import.meta.url))
    const program = `
      const { quietUntil } = await import(${JSON.stringify(file)})
      console.log(new Date(quietUntil([{ from: '22:00', to: '07:00' }], Date.parse('${now}'))).toISOString())`
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, TZ: 'Europe/Berlin' },
      encoding: 'utf8',
    })
    expect(Date.parse(told.trim())).toBe(Date.parse(until))
  })
})
