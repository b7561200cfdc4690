/**
 * The practice provider in a process of its own, so that its work is not counted as the core's:
 * tells its address and key once it listens, and stops when the message channel closes.
 * `argv[2]`: its folder; `argv[3]`: how many bytes to add to every clip, as JSON.
 */
import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'
import { startPractice } from '../../src/practice/index.ts'

const [folder, more] = process.argv.slice(2) as [string, string]
const practice = await startPractice({
  folder,
  clock: systemClock,
  random: systemRandom,
  resources: join(import.meta.dirname, '../../resources/practice'),
  syncWrites: false,
  timing: { queueMs: 0, renderMsPerSecond: 0 },
  limits: { balanceCredits: 100_000_000, balanceUsd: 10_000_000 },
})
const { padBytes } = JSON.parse(more) as { padBytes?: number }
const door = padBytes ? await openPaddingDoor(padBytes) : null
process.send?.({ url: door?.url ?? practice.url, key: practice.key })
process.once('disconnect', () => {
  door?.close()
  void practice.stop()
})

/**
 * Hands everything on, and makes clips as large as those of a real provider: the practice clips are a plain ground
 * and have few bytes. A `free` box at the end (ISO/IEC 14496-12 section 8.1.2) changes nothing else about them.
 */
async function openPaddingDoor(bytes: number): Promise<{ url: string; close(): void }> {
  const box = Buffer.alloc(bytes)
  box.writeUInt32BE(bytes, 0)
  box.write('free', 4, 'latin1')
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url: path } = incoming
    const onward = ask(practice.url + path, { method: method ?? 'GET', headers }, (answer) => {
      void buffer(answer).then((body) => {
        const isClip = path?.startsWith('/results/') === true
        const whole = isClip ? [body, box] : [Buffer.from(body.toString().replaceAll(practice.url, url))]
        const length = whole.reduce((sum, one) => sum + one.length, 0)
        outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, 'content-length': length })
        for (const one of whole) outgoing.write(one)
        outgoing.end()
      })
    })
    incoming.pipe(onward)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
