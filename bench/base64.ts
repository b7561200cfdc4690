/**
 * A stored reference as base64 inside the JSON of an order, sent through the adapter to a server that swallows it.
 * curl posts the same bytes ready made; its time is the one it measures itself, without reading the file.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { jsonWithInline } from '../src/main/core/references/inline.ts'
import { createReferenceStore } from '../src/main/core/references/store.ts'
import { alternate, type Bench, type BenchRow, type Spread, show, spreadOf } from './harness.ts'
import { fillBlock } from './programs/bytes.ts'
import { hasTool, runProgram, runTool, startByteServer } from './programs/other-tools.ts'
import type { SentReference } from './programs/send-reference.ts'

const LARGE_BYTES = 100_000_000
const ROUNDS = 7
const MEMORY_BAR_BYTES = 64_000_000
/** Of curl's speed. */
const SPEED_BAR = 0.7

export const bench: Bench = { name: 'base64', run }

async function run(say: (line: string) => void): Promise<BenchRow[]> {
  const hasCurl = hasTool('curl')
  if (!hasCurl) say('curl is not here: nothing to compare the speed with')
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-'))
  const server = await startByteServer()
  try {
    const rows: BenchRow[] = []
    for (const sizeBytes of [LARGE_BYTES, LARGE_BYTES / 10])
      rows.push(...rowsOf(await measure(folder, server.base, sizeBytes, hasCurl, say)))
    return rows
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Measured {
  sizeBytes: number
  ours: Spread
  curl: Spread | null
  ratio: Spread | null
  growthMegabytes: Spread
}

async function measure(
  folder: string,
  base: string,
  sizeBytes: number,
  hasCurl: boolean,
  say: (line: string) => void,
): Promise<Measured> {
  const references = join(folder, 'references')
  const store = createReferenceStore(references)
  const { sha256 } = await store.addBytes(bytesOf(sizeBytes))
  const body = {
    model: 'bench-model',
    content: [
      { type: 'text', text: 'A fox in the snow.' },
      { type: 'video_url', video_url: { url: `data:video/mp4;sha256=${sha256}` } },
    ],
  }
  const ready = join(folder, 'body.json')
  const built = jsonWithInline(body, (hash) => store.open(hash))
  await pipeline(built.stream(), createWriteStream(ready))

  const sent: SentReference[] = []
  const curlMs: number[] = []
  const times = await alternate(ROUNDS, {
    ours: async () => {
      const one = await runProgram<SentReference>('send-reference', [base, references, JSON.stringify(body)])
      if (one.remoteId !== `task-${built.length}`) throw new Error(`The server got ${one.remoteId}.`)
      sent.push(one)
      return one.elapsedMs
    },
    curl: async () => {
      if (!hasCurl) return Number.NaN
      const headers = ['-H', 'content-type: application/json', '-H', 'Expect:']
      const args = ['-sf', '-o', '/dev/null', '-w', '%{time_total}', ...headers, '--data-binary', `@${ready}`]
      const elapsedMs = Number((await runTool('curl', [...args, `${base}/post`])).output) * 1000
      curlMs.push(elapsedMs)
      return elapsedMs
    },
  })
  for (const [name, spread] of Object.entries(times))
    say(`${sizeBytes / 1e6} MB, ${name}: ${show(spread, 'ms', 0)}`)
  return {
    sizeBytes,
    ours: times.ours,
    curl: hasCurl ? times.curl : null,
    ratio: hasCurl ? spreadOf(curlMs.map((ms, round) => ms / (sent[round]?.elapsedMs ?? Number.NaN))) : null,
    growthMegabytes: spreadOf(sent.map((one) => (one.peakBytes - one.idleBytes) / 1e6)),
  }
}

function rowsOf({ sizeBytes, ours, curl, ratio, growthMegabytes }: Measured): BenchRow[] {
  const isBar = sizeBytes === LARGE_BYTES
  const what = `${sizeBytes / 1e6} MB reference as base64 JSON`
  return [
    {
      what: `${what}: memory grows by`,
      bar: isBar ? `less than ${MEMORY_BAR_BYTES / 1e6} MB` : 'none',
      measured: show(growthMegabytes, 'MB', 1),
      isMet: isBar ? growthMegabytes.most < MEMORY_BAR_BYTES / 1e6 : null,
    },
    {
      what: `${what}: speed`,
      bar: isBar ? `at least ${SPEED_BAR} x curl with a ready body` : 'none',
      measured:
        ratio && curl
          ? `${show(ratio, 'x curl')}; ours ${show(ours, 'ms', 0)}, curl ${show(curl, 'ms', 0)}`
          : `${show(ours, 'ms', 0)}; skipped: curl is not here`,
      isMet: isBar && ratio ? ratio.median >= SPEED_BAR : null,
    },
  ]
}

function bytesOf(sizeBytes: number): Buffer {
  const block = fillBlock()
  return Buffer.concat(Array.from({ length: Math.ceil(sizeBytes / block.length) }, () => block)).subarray(
    0,
    sizeBytes,
  )
}
