/** Orders one video with a stored reference inside the request, through the adapter, and tells what it took. */
import { createProvider } from '../../src/main/core/provider/index.ts'
import { createReferenceStore } from '../../src/main/core/references/store.ts'
import { systemClock } from '../../src/main/core/system.ts'
import { peakBytes, residentBytes } from './memory.ts'

export interface SentReference {
  elapsedMs: number
  /** What the server says it received, in its task's id. */
  remoteId: string
  idleBytes: number
  peakBytes: number
}

const [baseUrl = '', folder = '', body = ''] = process.argv.slice(2)
const silent = () => undefined
const provider = createProvider(
  {
    name: 'bench',
    family: 'vtrix',
    baseUrl,
    filesUrl: null,
    proxyUrl: null,
    key: () => 'bench-key-000000',
    options: () => ({ vtrixForm: 'plain', requestLimitBytes: 1024 ** 3, missingFeatures: [] }),
  } as unknown as Parameters<typeof createProvider>[0],
  {
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    userAgent: 'Reelsheet/bench',
    environment: {},
  } as Parameters<typeof createProvider>[1],
)
const references = createReferenceStore(folder)
const order = async (text: string): Promise<string> => {
  const { remoteId } = await provider.create(
    {
      body: JSON.parse(text) as Record<string, unknown>,
      idempotencyKey: 'bench',
      openReference: (sha256) => references.open(sha256),
    },
    new AbortController().signal,
  )
  return remoteId
}
// An app that runs has sent an order before: loading the network's code is no part of sending bytes.
await order('{"model":"bench-model"}')
const idleBytes = residentBytes()
const start = performance.now()
const remoteId = await order(body)
const sent: SentReference = {
  elapsedMs: performance.now() - start,
  remoteId,
  idleBytes,
  peakBytes: peakBytes(),
}
await provider.close()
if (process.send) process.send(sent)
else console.log(sent)
process.disconnect?.()
