import { describe, expect, it } from 'vitest'
import { meaningOf, showNumber } from '../../../src/main/core/sheets/reading/number-formats.ts'

describe('what a number format means', () => {
  it.each([
    ['General', 'number'],
    ['0.00', 'number'],
    ['#,##0 "days"', 'number'],
    ['[Red]0;[Blue]-0', 'number'],
    ['0.00E+00', 'number'],
    ['_-* #,##0.00\\ [$€-407]_-', 'number'],
    ['0\\d', 'number'],
    ['@', 'number'],
    ['0.0%', 'percent'],
    ['yyyy-mm-dd', 'date'],
    ['d-mmm', 'date'],
    ['yyyy"年"m"月"d"日"', 'date'],
    ['[$-804]mmmm d, yyyy', 'date'],
    ['m/d/yy h:mm', 'date-time'],
    ['h:mm AM/PM', 'time'],
    ['mm:ss.0', 'time'],
    ['[h]:mm:ss', 'duration'],
    ['[mm]:ss', 'duration'],
  ])('%s: %s', (code, meaning) => {
    expect(meaningOf(200, code)).toBe(meaning)
  })

  it('knows the formats that have only a number', () => {
    const built = [0, 1, 9, 14, 20, 22, 31, 46, 49].map((id) => meaningOf(id, undefined))
    expect(built).toEqual('number number percent date time date-time date duration number'.split(' '))
  })
})

describe('how a number is shown', () => {
  it.each([
    ['5', 'number', '5'],
    ['5.0', 'number', '5'],
    ['0.30000000000000004', 'number', '0.3'],
    ['5.0999999999999996', 'number', '5.1'],
    ['2147483647', 'number', '2147483647'],
    ['-1.5E-2', 'number', '-0.015'],
    ['no number', 'number', 'no number'],
    ['7.0000000000000007E-2', 'percent', '7%'],
    ['1', 'date', '1900-01-01'],
    ['59', 'date', '1900-02-28'],
    ['61', 'date', '1900-03-01'],
    ['46346', 'date', '2026-11-20'],
    ['46346.999999', 'date', '2026-11-21'],
    ['46346.895833333336', 'date-time', '2026-11-20T21:30:00'],
    ['0.28125', 'time', '06:45:00'],
    ['-1', 'date', '-1'],
    ['99999999', 'date', '99999999'],
    ['1.5', 'duration', '36:00:00'],
    ['-0.5', 'duration', '-12:00:00'],
  ] as const)('%s as %s: %s', (written, meaning, shown) => {
    expect(showNumber(written, meaning, false)).toBe(shown)
  })

  it('counts from 1904 where the workbook does', () => {
    expect(showNumber('44884', 'date', true)).toBe('2026-11-20')
  })
})
