import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { Clock, Logger } from '../../../src/main/core/ports.ts'
import {
  type ClosableProvider,
  createProvider,
  type ProviderAccount,
  type ProviderAccountOptions,
  type ProviderDeps,
} from '../../../src/main/core/provider/index.ts'
import type { CreateRequest } from '../../../src/main/core/provider/provider.ts'

/** Looked for in everything that comes back or is logged. */
export const CANARY_KEY = 'canary-key-5f1d0c2b9a7e4f63'

export const NOW = Date.UTC(2026, 9, 9, 12, 0, 0)

/** Time that passes only when told. */
export interface HandClock extends Clock {
  /** Moves time on and wakes who is due, one after the other. */
  advance(ms: number): Promise<void>
}

export function handClock(start = NOW): HandClock {
  let now = start
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    advance: async (ms) => {
      now += ms
      for (const sleeper of [...sleepers].sort((one, other) => one.at - other.at)) {
        if (sleeper.at > now || !sleepers.delete(sleeper)) continue
        sleeper.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

export const lines: string[] = []
const note = (message: string, fields?: unknown): void => {
  lines.push(`${message} ${inspect(fields)}`)
}
export const log: Logger = { debug: note, info: note, warn: note, error: note }

export interface Bench {
  provider: ClosableProvider
  clock: HandClock
  missing: string[]
}

/** An adapter under a hand-driven clock, with no proxy of this machine in the way. */
export function openBench(
  account: Partial<ProviderAccount> & Pick<ProviderAccount, 'family' | 'baseUrl'>,
  more: Partial<ProviderDeps> & { options?: Partial<ProviderAccountOptions> } = {},
): Bench {
  const clock = handClock()
  const missing: string[] = []
  const { options, ...deps } = more
  const provider = createProvider(
    {
      name: 'studio',
      filesUrl: null,
      proxyUrl: null,
      key: () => CANARY_KEY,
      options: () => ({ requestLimitBytes: 20_000_000, missingFeatures: [], ...options }),
      ...account,
    },
    {
      clock,
      log,
      userAgent: 'Reelsheet/0.1.0 (+https://reelsheet.example)',
      environment: {},
      onFeatureMissing: (feature) => missing.push(feature),
      ...deps,
    },
  )
  return { provider, clock, missing }
}

export const EVOLINK_BODY = {
  model: 'wan2.6-reference-video',
  prompt: 'character1 dances in the rain',
  video_urls: ['https://media.example.com/ref1.mp4'],
  aspect_ratio: '16:9',
  quality: '720p',
  duration: 5,
}
export const VTRIX_BODY = {
  model: 'wan26_r2v',
  input: { prompt: 'character1 waves', reference_urls: ['https://media.example.com/char1.jpg'] },
  parameters: { size: '1280*720', duration: 5 },
}

export function createRequest(body: Record<string, unknown>, references: Buffer[] = []): CreateRequest {
  return {
    body,
    idempotencyKey: 'job-7f3c2a9e4b6d4c0a9f1e2d3c',
    openReference: (sha256) => {
      const found = references.find((bytes) => hashOf(bytes) === sha256)
      if (!found) throw new Error('no such reference')
      return { sizeBytes: found.length, stream: () => Readable.from([found]) }
    },
  }
}

export const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export const never = (): AbortSignal => new AbortController().signal

/** What a promise was rejected with; a resolved one fails the test. The key must be nowhere in it. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${inspect(value)}`)
    },
    (reason: unknown) => reason,
  )
  expectNoKey(error)
  return error
}

/** No part of an error holds the key: not its text, its trace, its causes, its fields or its JSON. */
export function expectNoKey(value: unknown): void {
  const all = [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value) ?? '']
  for (let error = value; error instanceof Error; error = error.cause)
    all.push(String(error), error.stack ?? '', JSON.stringify(error, Object.getOwnPropertyNames(error)))
  expect([...all, ...lines].filter((text) => text.includes(CANARY_KEY))).toEqual([])
}
