/** The core over a library that a benchmark made. */
import { join, resolve } from 'node:path'
import { type App, createApp } from '../../src/main/core/app.ts'
import type { Ports } from '../../src/main/core/ports.ts'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'

const quiet = (): void => undefined

const PORTS: Ports = {
  clock: systemClock,
  random: systemRandom,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  secrets: { read: () => undefined, write: () => 'nowhere', remove: quiet },
  checkpoint: quiet,
}

/** `isOwner` false: only looking, nothing is started. */
export const openCore = (home: string, isOwner: boolean): App =>
  createApp(PORTS, {
    home,
    version: '0.0.0-bench',
    who: 'a benchmark',
    isOwner,
    practice: { resources: join(resolve(import.meta.dirname, '../..'), 'resources/practice') },
  })
