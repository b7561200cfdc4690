import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { openBooks } from '../../src/practice/books.ts'
import { reference } from './harness.ts'

let child: ChildProcess | undefined
let folder = ''
afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

async function startChild(): Promise<{ url: string; key: string }> {
  const started = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = started
  for await (const line of createInterface({ input: started.stdout })) return JSON.parse(line)
  throw new Error('The child ended without a word.')
}

/** Creates tasks one after the other until the provider is gone; gives the ids it was promised. */
async function createUntilDead(url: string, key: string, name: string, seen: string[]): Promise<void> {
  try {
    for (let turn = 0; ; turn += 1) {
      const response = await fetch(`${url}/v1/videos/generations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'idempotency-key': `job-${name}-${turn}-0123456789` },
        body: JSON.stringify(reference({ prompt: `${name} ${turn}` })),
      })
      seen.push(((await response.json()) as { id: string }).id)
    }
  } catch {
    // Killed, as meant.
  }
}

test('after SIGKILL in the middle of work no task that was answered is lost', async () => {
  folder = await mkdtemp(join(tmpdir(), 'practice-kill-'))
  const { url, key } = await startChild()
  const seen: string[] = []
  const clients = ['a', 'b', 'c', 'd'].map((name) => createUntilDead(url, key, name, seen))
  while (seen.length < 60) await new Promise((resolve) => setImmediate(resolve))
  child?.kill('SIGKILL')
  await Promise.all(clients)
  const books = await openBooks(folder, true)
  expect(seen.filter((id) => !books.tasks.has(id))).toEqual([])
  expect(books.totals.credits.reservedMicros).toBe(books.tasks.size * 47_600_000)
  await books.close()
}, 20_000)
