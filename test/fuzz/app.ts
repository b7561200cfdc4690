import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type App, createApp } from '../../src/main/core/app.ts'
import { problemOf } from '../../src/main/core/handlers/context.ts'
import type { Ports, Secrets } from '../../src/main/core/ports.ts'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'
import { CANARY, insistProblem, type Sandbox } from './door.ts'

const ROOT = resolve(import.meta.dirname, '../..')
export const SAMPLE_MEDIA = join(ROOT, 'resources/sample/media')

export function portsFor({ saw }: Sandbox, secrets?: Secrets): Ports {
  const log = (message: string, fields?: unknown): void => {
    saw(message)
    saw(fields)
  }
  return {
    clock: systemClock,
    random: systemRandom,
    log: { debug: log, info: log, warn: log, error: log },
    secrets: secrets ?? { read: () => CANARY, write: () => 'for this test', remove: () => undefined },
    checkpoint: () => undefined,
  }
}

/** The real core on a folder inside of the sandbox; it works only when it is started. */
export function openApp(sandbox: Sandbox, home = 'home', secrets?: Secrets): App {
  mkdirSync(join(sandbox.inside, home), { recursive: true })
  return createApp(portsFor(sandbox, secrets), {
    home: join(sandbox.inside, home),
    version: '0.0.0-test',
    who: 'a test',
    practice: {
      resources: join(ROOT, 'resources/practice'),
      syncWrites: false,
      timing: { queueMs: 0, renderMsPerSecond: 1 },
    },
  })
}

/** What a call of the contract threw, as the Problem that its client shows. */
export function insistCallProblem(error: unknown, { saw }: Sandbox, given: string): void {
  saw(error)
  insistProblem(problemOf(error), given)
}
