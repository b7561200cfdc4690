import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toMicros } from '../../../src/main/core/provider/amounts.ts'
import { classifyCreate, classifyRead } from '../../../src/main/core/provider/classify.ts'
import { classifyFiles } from '../../../src/main/core/provider/classify-files.ts'
import {
  estimatedMs,
  toReading as evolinkReading,
  toListed,
} from '../../../src/main/core/provider/evolink/tasks.ts'
import { parseJson } from '../../../src/main/core/provider/http-answer.ts'
import { isLoopback } from '../../../src/main/core/provider/http-route.ts'
import { asTaskId, asTime } from '../../../src/main/core/provider/reading.ts'
import { namedWait, nextMidnight, parseRetryAfter } from '../../../src/main/core/provider/retry-after.ts'
import { readTold } from '../../../src/main/core/provider/told.ts'
import { toReading as vtrixReading } from '../../../src/main/core/provider/vtrix/tasks.ts'
import { NOW } from './bench.ts'

test.each([
  [40.8, 40_800_000],
  ['40.8', 40_800_000],
  ['0.50', 500_000],
  [0.1, 100_000],
  [1.005, 1_005_000],
  ['0.0000005', 1],
  ['0.0000004', 0],
  [1e-7, 0],
  ['1e3', 1_000_000_000],
  ['9007199254.740991', 9_007_199_254_740_991],
  ['9007199254.740992', null],
  [1e21, null],
  [-1, null],
  ['1,5', null],
  ['', null],
  [Number.NaN, null],
  [null, null],
  [true, null],
])('toMicros(%j) is %j', (amount, micros) => {
  expect(toMicros(amount)).toBe(micros)
})

test('every amount of whole micros comes back exactly, as a number and as text', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (micros) => {
      const text = `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`
      expect(toMicros(text)).toBe(micros)
      expect(toMicros(JSON.parse(text))).toBe(micros)
    }),
  )
})

test.each([
  ['12', 12_000],
  ['0', 0],
  ['1.5', 1_500],
  ['Fri, 09 Oct 2026 12:00:30 GMT', 30_000],
  ['Fri, 09 Oct 2026 11:00:00 GMT', 0],
  ['999999999', 86_400_000],
  ['soon', null],
  ['-5', null],
  ['', null],
])('Retry-After %j is %j ms', (header, ms) => {
  expect(parseRetryAfter(header, NOW)).toBe(ms)
})

test.each([
  ['retry after 60 seconds', 60_000],
  ['wait 2 minutes', 120_000],
  ['use 5 or 10', null],
  ['try again later', null],
  [null, null],
])('a wait named in %j is %j ms', (sentence, ms) => {
  expect(namedWait(sentence)).toBe(ms)
})

test.each([
  ['UTC', NOW, '2026-10-10T00:00:00.000Z'],
  ['Asia/Shanghai', NOW, '2026-10-09T16:00:00.000Z'],
  ['America/New_York', NOW, '2026-10-10T04:00:00.000Z'],
  // The night in which summer time ends has 25 hours.
  ['Europe/Berlin', Date.UTC(2026, 9, 24, 22, 30), '2026-10-25T23:00:00.000Z'],
])('the next midnight in %s', (zone, now, midnight) => {
  expect(new Date(nextMidnight(zone, now) ?? 0).toISOString()).toBe(midnight)
})
test('no zone, no midnight', () => {
  expect(nextMidnight('Mars/Olympus', NOW)).toBeNull()
  expect(nextMidnight(null, NOW)).toBeNull()
})

test.each([
  ['{"error":{"code":400,"message":"a","param":"p"}}', { code: '400', message: 'a', param: 'p' }],
  ['{"error":{"code":"x","error_message":"a"}}', { code: 'x', message: 'a' }],
  ['{"error":"a","code":7}', { code: '7', message: 'a' }],
  ['{"error":"","error_description":"a"}', { code: null, message: 'a' }],
  ['{"success":false,"code":40002,"msg":"a"}', { code: '40002', message: 'a' }],
  ['{"message":"a"}', { code: null, message: 'a' }],
  ['{"status":{"code":402,"message":"a","error_code":40201}}', { code: '40201', message: 'a' }],
  ['plain words', { code: null, message: 'plain words' }],
  ['<html><body>no</body></html>', { code: null, message: '' }],
  ['[1,2]', { code: null }],
])('the error in %s', (text, told) => {
  expect(readTold({ text, json: parseJson(text) }, [])).toMatchObject(told)
})

test('texts of strangers are one line, cut, and without the query of an address', () => {
  const message = `see https://cdn.example/a.mp4?sig=abc\u202e\r\nnow ${'x'.repeat(400)}`
  const told = readTold({ text: '', json: { message } }, [])
  expect(told.message).toHaveLength(300)
  expect(told.message).toMatch(/^see https:\/\/cdn\.example\/a\.mp4 now x+…$/)
})

test('anything at all can be read without an exception, and no nonsense is taken for a task', () => {
  const manners = { family: 'evolink' as const, now: NOW, secrets: ['k'] }
  fc.assert(
    fc.property(fc.json(), fc.integer({ min: 200, max: 599 }), (text, status) => {
      const answer = { status, headers: {}, text, json: parseJson(text) }
      for (const judge of [classifyCreate, classifyRead, classifyFiles]) judge(answer, manners)
      if (status >= 300) expect(classifyCreate(answer, manners).class).not.toBe('ok')
      for (const read of [evolinkReading, vtrixReading])
        expect(['running', 'succeeded', 'failed', undefined]).toContain(read(answer.json, [])?.state)
    }),
  )
})

test('ids that would walk through an address are none', () => {
  for (const id of ['..', '.', 'a/b', '', 'a b', 'x'.repeat(129), null]) expect(asTaskId(id)).toBeNull()
  expect([asTaskId('task-unified-1-a'), asTaskId(123)]).toEqual(['task-unified-1-a', '123'])
})

test('loopback by name and number', () => {
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]', 'LOCALHOST.'])
    expect(isLoopback(host)).toBe(true)
  for (const host of ['127.0.0.1.example', 'localhost.example', '10.0.0.1', '[::2]'])
    expect(isLoopback(host)).toBe(false)
})

test('times and estimates that nothing can have are none: they would not fit into the database', () => {
  for (const time of [1e308, -1e308, 9e15, Number.NaN, Number.POSITIVE_INFINITY, '', 'soon', null, {}])
    expect(asTime(time)).toBeNull()
  expect([asTime(1_757_169_743), asTime('2025-09-06T14:42:23Z')]).toEqual([
    1_757_169_743_000, 1_757_169_743_000,
  ])
  expect(toListed({ id: 'task-1', created_at: -1e308 })).toBeNull()
  for (const estimated_time of [1e308, 1e12, -1, 'soon', null])
    expect(estimatedMs({ task_info: { estimated_time } })).toBeNull()
  expect(estimatedMs({ task_info: { estimated_time: 120 } })).toBe(120_000)
})

test('a provider that says the key back says it in no field that is kept', () => {
  const secret = 'sk-echo-5f1d0c2b9a7e'
  const json = {
    error: {
      code: secret,
      message: secret,
      param: secret,
      fallback_suggestion: secret,
      reset_timezone: secret,
    },
  }
  expect(JSON.stringify(readTold({ text: '', json }, [secret]))).not.toContain(secret)
})
