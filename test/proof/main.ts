/**
 * `npm run test:crash | test:faults | test:soak [-- --long] [--seed N] [--only text]`: runs the cases of one proof,
 * two at a time, prints what broke with the words that replay it, and ends with the counts.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Proof, ProofCase } from './proof.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { long: { type: 'boolean' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const [name = ''] = positionals
if (!['crash', 'faults', 'power', 'soak', 'mutants'].includes(name)) {
  console.error('Say which: crash, faults, power, soak or mutants.')
  process.exit(2)
}
const { proof } = (await import(`./${name}.ts`)) as { proof: Proof }
const cases = (await proof.cases({ isLong: values.long ?? false, seed: values.seed ?? '1' })).filter(
  (one) => values.only === undefined || one.name.includes(values.only),
)
const totals: Record<string, number> = { cases: 0 }
/** The long forms take their time: who waits for one sees that it moves. */
const CASES_A_LINE = 100
let violations = 0
const startedAt = performance.now()

const waiting = [...cases]
// A case is two processes at most; more at once only make each other late.
await Promise.all(Array.from({ length: Math.max(1, Math.min(2, availableParallelism())) }, work))
for (const line of (await proof.close?.()) ?? []) console.log(line)
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
const counts = Object.entries(totals).map(([what, count]) => `${count} ${what}`)
console.log(`\n${name}: ${counts.join(', ')}, ${violations} violations (${minutes} minutes)`)
process.exit(violations === 0 && totals.cases ? 0 : 1)

async function work(): Promise<void> {
  for (let one = waiting.shift(); one; one = waiting.shift()) await run(one)
}

async function run(one: ProofCase): Promise<void> {
  const outcome = await one.run().catch((error: unknown) => ({
    violations: [`the case itself broke: ${String((error as Error).stack)}`],
    counts: {},
    lines: [],
  }))
  totals.cases = (totals.cases ?? 0) + 1
  if (totals.cases % CASES_A_LINE === 0) console.error(`${totals.cases} of ${cases.length} cases …`)
  for (const [what, count] of Object.entries(outcome.counts)) totals[what] = (totals[what] ?? 0) + count
  for (const line of outcome.lines ?? []) console.log(line)
  if (outcome.violations.length === 0) return
  violations += outcome.violations.length
  console.log(
    `VIOLATED ${one.name}\n  replay: npm run test:${name} -- ${values.long ? '--long ' : ''}--seed ${values.seed ?? '1'} --only '${one.name}'`,
  )
  for (const what of outcome.violations) console.log(`  ${what}`)
}
