import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach } from 'vitest'
import { openClipShelf } from '../../src/practice/clips.ts'
import { type Practice, type PracticeOptions, startPractice } from '../../src/practice/index.ts'
import { RESOURCES, START } from './fixed.ts'

export { RESOURCES }

/** Time that only moves when told. Sleepers wake as it passes them. */
export class HandClock {
  #now = START
  #sleepers = new Set<{ at: number; wake: () => void }>()
  slept: number[] = []

  now = () => this.#now

  sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((wake, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      this.slept.push(ms)
      const sleeper = { at: this.#now + ms, wake }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })

  pass(ms: number): void {
    this.#now += ms
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.at > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}

export interface Bench {
  practice: Practice
  clock: HandClock
  folder: string
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  /** A whole EvoLink life: creates, lets the time pass, reads. */
  finish(body: Record<string, unknown>): Promise<Reply>
  restart(options?: Partial<PracticeOptions>): Promise<void>
}

export interface Reply {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
  body: any
}

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

let counter = 0
const random = {
  next: () => 0.5,
  id: (length: number) => (counter++).toString(36).padStart(length, '0').slice(-length),
}

/** A provider in its own folder, ended with the test. */
export async function openBench(options: Partial<PracticeOptions> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'practice-'))
  const clock = new HandClock()
  const given = { folder, clock, random, resources: RESOURCES, ...options }
  const bench: Bench = {
    practice: await startPractice(given),
    clock,
    folder,
    get: (path, headers = {}) => call(bench, 'GET', path, undefined, headers),
    post: (path, body, headers = {}) => call(bench, 'POST', path, JSON.stringify(body), headers),
    async finish(body) {
      const created = await bench.post('/v1/videos/generations', body)
      clock.pass(600_000)
      return bench.get(`/v1/tasks/${created.body.id}`)
    },
    async restart(more = {}) {
      await bench.practice.stop()
      bench.practice = await startPractice({ ...given, ...more })
    },
  }
  cleanups.push(async () => {
    await bench.practice.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return bench
}

async function call(
  bench: Bench,
  method: string,
  path: string,
  body: string | undefined,
  more: Record<string, string>,
): Promise<Reply> {
  const headers: Record<string, string> = { authorization: `Bearer ${bench.practice.key}`, ...more }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const url = path.startsWith('http') ? path : bench.practice.url + path
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

/** A request that must die: gives the error's name or code. */
export async function failing(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.message,
  )
}

export const reference = (more: Record<string, unknown> = {}) => ({
  model: 'wan2.6-reference-video',
  prompt: 'character1 dances in the rain',
  video_urls: ['https://media.example.com/a.mp4'],
  aspect_ratio: '16:9',
  quality: '720p',
  duration: 5,
  ...more,
})

export const flash = (more: Record<string, unknown> = {}) => ({
  ...reference(),
  model: 'wan2.6-reference-video-flash',
  ...more,
})

export const picture = (more: Record<string, unknown> = {}) => ({
  model: 'wan2.6-image-to-video-flash',
  prompt: 'The cat plays the piano',
  image_urls: ['https://media.example.com/cat.png'],
  quality: '720p',
  duration: 5,
  ...more,
})

export const vtrix = (
  prompt = 'character1 waves',
  parameters: Record<string, unknown> = { size: '1280*720', duration: 5 },
  input: Record<string, unknown> = {},
) => ({
  model: 'wan26_r2v',
  input: { prompt, reference_urls: ['https://media.example.com/a.jpg'], ...input },
  parameters,
})

/** A real MP4 of so many seconds. */
export async function makeVideo(seconds: number): Promise<Buffer> {
  const shelf = await openClipShelf(RESOURCES)
  return shelf.take({ width: 624, height: 624, seconds, sound: true }, 'reference')
}

export function makePicture(width: number, height: number, hasAlpha = false, format: 'png' | 'jpeg' = 'png') {
  const background = { r: 90, g: 20, b: 200, alpha: hasAlpha ? 0.5 : 1 }
  const channels = hasAlpha ? 4 : 3
  return sharp({ create: { width, height, channels, background } }).toFormat(format).toBuffer()
}

/** Silence as an MP3 of about so many seconds (MPEG-1 layer III frames of 26 ms). */
export function makeMp3(seconds: number): Buffer {
  const frame = Buffer.alloc(417)
  frame.set([0xff, 0xfb, 0x90, 0x64])
  return Buffer.concat(Array.from({ length: Math.ceil((seconds * 44_100) / 1152) }, () => frame))
}

/** Sends a file to the Files service the way browsers and undici do. */
export async function upload(
  bench: Bench,
  bytes: Buffer,
  name: string,
  type: string,
  fields: Record<string, string> = {},
): Promise<Reply> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)], { type }), name)
  for (const [field, value] of Object.entries(fields)) form.set(field, value)
  const response = await fetch(`${bench.practice.url}/api/v1/files/upload/stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bench.practice.key}` },
    body: form,
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
