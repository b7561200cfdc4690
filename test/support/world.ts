import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type App, createApp } from '../../src/main/core/app.ts'
import type { CheckpointName, Fields, Ports } from '../../src/main/core/ports.ts'
import { type Practice, type PracticeOptions, startPractice } from '../../src/practice/index.ts'
import { HandClock } from './hand-clock.ts'

export const RESOURCES = resolve(import.meta.dirname, '../../resources')
export const SAMPLE_MEDIA = join(RESOURCES, 'sample/media')

/** Appears in no file, log, event or error: the canary of every flow test. */
export const STRANGER_KEY = 'sk-canary-7f3c2a9e4b6d4c0a9f1e2d3c'

export interface WorldOptions {
  practice?: Partial<PracticeOptions>
  checkpoint?: (point: CheckpointName) => void
  disk?: Ports['disk']
  secrets?: Record<string, string>
}

/**
 * One data folder with a hand-driven clock: the real core, a real SQLite file and the practice provider over
 * real HTTP. `restart` is a plain quit and start; `close` leaves nothing behind.
 */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'reelsheet-world-'))
  readonly clock = new HandClock()
  readonly logged: { level: string; message: string; fields: Fields | undefined }[] = []
  readonly archive = join(this.folder, 'archive')
  app!: App
  private readonly options: WorldOptions
  private chance = 0
  private readonly strangers: Practice[] = []

  private constructor(options: WorldOptions) {
    this.options = options
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    await world.start()
    return world
  }

  get client(): App['client'] {
    return this.app.client
  }

  /** What the provider was asked for, read from its own ledger. */
  get ledger() {
    if (!this.app.practice) throw new Error('the practice provider runs only while the app does')
    return this.app.practice.ledger
  }

  get home(): string {
    return join(this.folder, 'home')
  }

  async start(): Promise<void> {
    this.app = createApp(this.ports(), {
      home: this.home,
      version: '0.0.0-test',
      who: 'test',
      practice: {
        resources: join(RESOURCES, 'practice'),
        syncWrites: false,
        timing: { queueMs: 0, renderMsPerSecond: 1000 },
        ...this.options.practice,
      },
    })
    await this.app.start()
  }

  async restart(): Promise<void> {
    await this.app.stop()
    await this.start()
  }

  async close(): Promise<void> {
    await this.app.stop()
    for (const server of this.strangers) await server.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  ports(): Ports {
    const log = (level: string) => (message: string, fields?: Fields) =>
      void this.logged.push({ level, message, fields })
    return {
      clock: this.clock,
      random: { next: () => 0.5, id: (length) => this.nextId(length) },
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      secrets: {
        read: (account) => this.options.secrets?.[account],
        write: () => 'for this test',
        remove: () => {},
      },
      checkpoint: this.options.checkpoint ?? (() => {}),
      ...(this.options.disk && { disk: this.options.disk }),
    }
  }

  private nextId(length: number): string {
    this.chance += 1
    return String(this.chance).padStart(length, 'a')
  }

  /** Writes a sheet beside the sample media and returns its path. */
  sheet(rows: Record<string, string | number>[], name = 'sheet'): string {
    const headers = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    const cell = (value: string | number | undefined) => `"${String(value ?? '').replaceAll('"', '""')}"`
    const lines = [headers.map(cell), ...rows.map((row) => headers.map((header) => cell(row[header])))]
    mkdirSync(join(this.folder, 'sheets'), { recursive: true })
    const path = join(this.folder, 'sheets', `${name}.csv`)
    writeFileSync(path, lines.map((line) => line.join(',')).join('\n'))
    return path
  }

  /** Imports rows and returns the run's id. */
  async run(rows: Record<string, string | number>[], more: Record<string, unknown> = {}): Promise<number> {
    const created = await this.client.runs.create({
      path: this.sheet(rows, String(more.name ?? 'sheet')),
      archiveFolder: this.archive,
      ...more,
    })
    return created.runId
  }

  /** Lets time pass from one due moment to the next until nothing moves, or for `mostMs` at the longest. */
  async settle(mostMs = 6 * 60 * 60 * 1000): Promise<void> {
    const end = this.clock.now() + mostMs
    for (;;) {
      const nextAt = await this.app.core.scheduler.rest()
      if (nextAt > end) return
      if (nextAt > this.clock.now()) await this.clock.advanceTo(nextAt)
    }
  }

  async jobs(runId?: number) {
    return (await this.client.jobs.page(runId === undefined ? {} : { runId })).jobs
  }

  async states(runId?: number): Promise<string[]> {
    return (await this.jobs(runId)).map((job) => job.state)
  }

  /**
   * A second provider on loopback with its own key, as a stranger's server would be: accounts of both real
   * families speak to it by address and key, and nobody else's ledger is complete.
   */
  async stranger(options: Partial<PracticeOptions> = {}): Promise<Practice> {
    const server = await startPractice({
      folder: join(this.folder, `stranger-${this.strangers.length}`),
      resources: join(RESOURCES, 'practice'),
      clock: this.clock,
      random: this.ports().random,
      keys: [STRANGER_KEY],
      syncWrites: false,
      timing: { queueMs: 0, renderMsPerSecond: 1000 },
      ...options,
    })
    this.strangers.push(server)
    return server
  }

  /** Adds an account of a real family at a stranger's address. */
  async account(
    family: 'evolink' | 'vtrix',
    baseUrl: string,
    more: Record<string, unknown> = {},
  ): Promise<void> {
    this.options.secrets ??= {}
    this.options.secrets[`${family}-1`] = STRANGER_KEY
    await this.client.accounts.add({
      name: `${family}-1`,
      family,
      baseUrl,
      ...(family === 'evolink' && { filesUrl: baseUrl }),
      ...more,
    })
  }

  /** Tasks that the provider ever made, in order. */
  tasks() {
    return this.ledger.tasks()
  }
}

/** A cheap row for each family, with what a test wants different. */
export const i2v = (prompt: string, more: Record<string, string | number> = {}) => ({
  prompt,
  model: 'wan2.6-image-to-video-flash',
  duration: 2,
  'ref 1': join(SAMPLE_MEDIA, 'lake-at-dusk.jpg'),
  ...more,
})

export const vtrix = (prompt: string, more: Record<string, string | number> = {}) => ({
  prompt,
  model: 'wan26_r2v',
  duration: 2,
  size: '1280*720',
  'ref 1': join(SAMPLE_MEDIA, 'lake-at-dusk.jpg'),
  ...more,
})
