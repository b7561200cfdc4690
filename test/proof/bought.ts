import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TaskRow } from '../../src/practice/index.ts'
import type { ProofWorld } from './world.ts'

/** A task as some provider of the world knows it. */
export interface Bought
  extends Pick<
    TaskRow,
    'id' | 'family' | 'prompt' | 'state' | 'currency' | 'chargedMicros' | 'reservedMicros' | 'releasedMicros'
  > {
  /** Made by the provider behind the network, or by the one that the core itself runs for practice. */
  by: 'provider' | 'practice'
}

/** Everything that was bought in a world: by the provider's ledger, and by the practice provider's journal. */
export function listBought(world: ProofWorld): Bought[] {
  const tasks = world.provider.ledger.tasks().map((task): Bought => ({ ...task, by: 'provider' }))
  return [...tasks, ...readJournal(join(world.home, 'practice/journal.jsonl'))]
}

/** Read as lines, without the code that wrote them; a line that a kill cut short was never promised. */
function readJournal(path: string): Bought[] {
  const tasks = new Map<string, Bought>()
  if (!existsSync(path)) return []
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as Record<string, unknown>
    if (entry.kind === 'task') {
      const { id, family, prompt, currency, reservedMicros } = entry.task as Bought
      const nothing = { chargedMicros: 0, releasedMicros: 0, state: 'processing', by: 'practice' } as const
      tasks.set(id, { id, family, prompt, currency, reservedMicros, ...nothing })
    }
    const known = entry.kind === 'settle' ? tasks.get(String(entry.id)) : undefined
    if (!known) continue
    known.chargedMicros = Number(entry.chargedMicros)
    known.releasedMicros = Number(entry.releasedMicros)
    known.state = known.chargedMicros > 0 ? 'completed' : 'failed'
  }
  return [...tasks.values()]
}
