import { randomBytes } from 'node:crypto'
import { startPractice } from '../../src/practice/index.ts'
import { RESOURCES, START } from './fixed.ts'

/** A provider in a process of its own, for the test that kills it. Prints its address and key. */
const practice = await startPractice({
  folder: process.argv[2] ?? '',
  resources: RESOURCES,
  clock: { now: () => START, sleep: () => new Promise(() => undefined) },
  random: { next: () => 0.5, id: (length) => randomBytes(length).toString('hex').slice(0, length) },
})
process.stdout.write(`${JSON.stringify({ url: practice.url, key: practice.key })}\n`)
