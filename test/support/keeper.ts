import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Keeper } from '../../src/main/core/references/keep.ts'
import { createReferenceStore } from '../../src/main/core/references/store.ts'
import { openStore } from '../../src/main/core/store/store.ts'
import { HandClock } from './hand-clock.ts'

/** A real database and a real store of references with a hand clock; gone when the test ends. */
export function openKeeper(): Keeper & { folder: string; clock: HandClock; home: string } {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-keeper-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const store = openStore(join(home, 'reelsheet.db'))
  onTestFinished(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const references = createReferenceStore(join(home, 'references'))
  return { store, references, clock: new HandClock(), folder, home }
}
