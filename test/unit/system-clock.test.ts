import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/main/core/system.ts'

describe('the sleep of the real clock', () => {
  it('ends with the reason of whoever ended it early', async () => {
    const stop = new AbortController()
    const asleep = systemClock.sleep(60_000, stop.signal)
    stop.abort('look again')
    await expect(asleep).rejects.toBe('look again')
  })

  it('does not begin when it was ended before', async () => {
    await expect(systemClock.sleep(60_000, AbortSignal.abort('over'))).rejects.toBe('over')
  })

  it('is no matter of the signal any more once it is over', async () => {
    const stop = new AbortController()
    await systemClock.sleep(-1, stop.signal)
    expect(() => stop.abort('late')).not.toThrow()
  })

  it('does not take more than a timer holds for nothing', async () => {
    const stop = new AbortController()
    const asleep = systemClock.sleep(Number.MAX_SAFE_INTEGER, stop.signal)
    const first = await Promise.race([
      asleep,
      new Promise((resolve) => setImmediate(resolve, 'still asleep')),
    ])
    stop.abort('over')
    await expect(asleep).rejects.toBe('over')
    expect(first).toBe('still asleep')
  })
})
