import { turnOfLoop } from '../system.ts'

/** Hashed in one turn of the event loop, by all downloads together: about half a millisecond of work. */
const BYTES_A_TURN = 1024 * 1024

let spentBytes = 0
let nextTurn: Promise<void> | undefined

/**
 * Resolves when there is room to hash `bytes` in this turn of the event loop. Many downloads that hear of new bytes
 * in one turn would otherwise hash them all in it, and everything else would wait for that.
 */
export async function waitForHashTurn(bytes: number): Promise<void> {
  while (spentBytes >= BYTES_A_TURN) await nextTurn
  nextTurn ??= beginTurn()
  spentBytes += bytes
}

async function beginTurn(): Promise<void> {
  await turnOfLoop()
  spentBytes = 0
  nextTurn = undefined
}
