import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBooks } from '../../src/practice/books.ts'
import { startPractice } from '../../src/practice/index.ts'
import { makePicture, openBench, reference, upload, vtrix } from './harness.ts'

const CREATE = '/v1/videos/generations'
const KEY = { 'idempotency-key': 'job-7f3c2a9e4b6d4c0a' }

test('everything is there again after a restart, on the same port with the same key', async () => {
  const bench = await openBench()
  const { url, key } = bench.practice
  const done = await bench.finish(reference())
  await fetch(done.body.results[0])
  const file = await upload(bench, await makePicture(40, 40), 'a.png', 'image/png')
  const open = await bench.post('/model/v1/generation', vtrix())
  const rows = [bench.practice.ledger.requests().length, bench.practice.ledger.tasks()]
  await bench.restart()
  expect([bench.practice.url, bench.practice.key]).toEqual([url, key])
  expect([bench.practice.ledger.requests().length, bench.practice.ledger.tasks()]).toEqual(rows)
  expect((await fetch(done.body.results[0])).status).toBe(200)
  expect((await fetch(file.body.data.file_url)).status).toBe(200)
  expect((await bench.get('/v1/credits')).body.data.user.used_credits).toBe(47.6)
  bench.clock.pass(600_000)
  const read = await bench.get(`/model/v1/generation/task/${open.body.id}`)
  expect(read.body.status).toBe('completed')
})

test('what has already happened stays happened: faults and repeat protection', async () => {
  const bench = await openBench()
  const body = reference({ prompt: '[502 created][running x2]' })
  expect((await bench.post(CREATE, body, KEY)).status).toBe(502)
  await bench.restart()
  const found = await bench.post(CREATE, body, KEY)
  expect(found.headers.get('idempotency-replayed')).toBe('true')
  bench.clock.pass(600_000)
  const read = () => bench.get(`/v1/tasks/${found.body.id}`)
  expect((await read()).body.status).toBe('processing')
  await bench.restart()
  expect((await read()).body.status).toBe('processing')
  expect((await read()).body.status).toBe('completed')
  expect(bench.practice.ledger.tasks()).toHaveLength(1)
})

test('a torn last line is dropped; a damaged line elsewhere is named', async () => {
  const bench = await openBench()
  await bench.post(CREATE, reference())
  const path = join(bench.folder, 'journal.jsonl')
  await bench.practice.stop()
  await appendFile(path, '{"kind":"task","task":{"id":"task-uni')
  await bench.restart()
  expect(bench.practice.ledger.tasks()).toHaveLength(1)
  await bench.post(CREATE, reference())
  await bench.restart()
  expect(bench.practice.ledger.tasks()).toHaveLength(2)
  await bench.practice.stop()
  const text = await readFile(path, 'utf8')
  await writeFile(path, `nonsense\n${text}`)
  await expect(openBooks(bench.folder, true)).rejects.toThrow(/^Line 1 of .*journal\.jsonl is damaged/)
})

test('what is answered is in the journal before the answer arrives', async () => {
  const bench = await openBench()
  const created = await bench.post(CREATE, reference())
  const journal = await readFile(join(bench.folder, 'journal.jsonl'), 'utf8')
  expect(journal).toContain(created.body.id)
  expect(journal).not.toContain(bench.practice.key)
})

test('ten thousand tasks are replayed well within the time of a test', async () => {
  const bench = await openBench({ syncWrites: false })
  const created = await bench.post(CREATE, reference())
  await bench.practice.stop()
  const path = join(bench.folder, 'journal.jsonl')
  const [line = ''] = (await readFile(path, 'utf8')).split('\n')
  const copies = Array.from({ length: 10_000 }, (_, n) =>
    line.replaceAll(created.body.id, `task-unified-1-${n}`),
  )
  await appendFile(path, `${copies.join('\n')}\n`)
  await bench.restart()
  expect(bench.practice.ledger.tasks()).toHaveLength(10_001)
})

test('the key file is only for its owner, a taken port is replaced, and stop can be called twice', async () => {
  const bench = await openBench()
  const port = Number(new URL(bench.practice.url).port)
  expect((await stat(join(bench.folder, 'key'))).mode & 0o077).toBe(0)
  await bench.practice.stop()
  await bench.practice.stop()
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve))
  await bench.restart()
  expect(Number(new URL(bench.practice.url).port)).not.toBe(port)
  const { folder, clock } = bench
  const random = { next: () => 0, id: (length: number) => 'x'.repeat(length) }
  const resources = join(import.meta.dirname, '../../resources/practice')
  await bench.practice.stop()
  await expect(startPractice({ folder, clock, random, resources, port })).rejects.toThrow(/EADDRINUSE/)
  await new Promise((resolve) => squatter.close(resolve))
})

test('a source of chance that repeats itself after a restart overwrites no task', async () => {
  const repeating = () => {
    let turn = 0
    return { next: () => 0, id: (length: number) => String(turn++).padStart(length, '0') }
  }
  const bench = await openBench({ random: repeating() })
  const first = await bench.post(CREATE, reference())
  await bench.restart({ random: repeating() })
  const second = await bench.post(CREATE, reference())
  expect(second.body.id).not.toBe(first.body.id)
  expect(bench.practice.ledger.tasks()).toHaveLength(2)
})
