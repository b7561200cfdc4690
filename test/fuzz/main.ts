/**
 * `node test/fuzz/main.ts [--long] [--seed N] [--door NAME] [--from N] [--count N]`: attacks every door, or one,
 * prints a line for each, and ends with 1 when a property did not hold.
 */
import { parseArgs } from 'node:util'
import { DOORS } from './doors.ts'
import { attackDoor, loadDoor, type Violation } from './harness.ts'

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    door: { type: 'string' },
    from: { type: 'string', default: '0' },
    count: { type: 'string' },
  },
})
const seed = Number(values.seed)
const names = values.door === undefined ? [...DOORS] : [values.door]
let inputs = 0
let violations = 0

say(`seed ${seed}, ${values.long ? 'long' : 'short'} form`)
say(row('door', 'inputs', 'violations', 'longest ms', 'peak MB', 'limit MB'))
for (const name of names) {
  const door = await loadDoor(`${name}.ts`)
  const count = Number(values.count ?? door.inputs[values.long ? 'long' : 'short'])
  const outcome = await attackDoor(`${name}.ts`, { seed, count, from: Number(values.from) })
  inputs += outcome.inputs
  violations += outcome.violations.length
  const numbers = [
    outcome.inputs,
    outcome.violations.length,
    outcome.longestMs,
    outcome.peakMb,
    door.memoryMb,
  ]
  say(row(name, ...numbers.map((number) => String(Math.round(number)))))
  for (const violation of outcome.violations) say(describe(violation))
}
say(`${names.length} doors, ${inputs} inputs, ${violations} violations`)
process.exit(violations === 0 ? 0 : 1)

function describe({ door, kind, what, index, input }: Violation): string {
  const again = `node test/fuzz/main.ts --door ${door} --seed ${seed} --from ${index} --count 1`
  return `  ${kind}: ${what.slice(0, 800)}\n  input: ${input.slice(0, 600)}\n  again: ${again}`
}

function row(name: string, ...cells: string[]): string {
  return `${name.padEnd(12)}${cells.map((cell) => cell.padStart(12)).join('')}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
