import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { App } from '../../src/main/core/app.ts'
import { createSecrets } from '../../src/main/hosts/secrets.ts'
import { contract } from '../../src/shared/contract.ts'
import { type Speaker, TRANSPORTS } from '../contract/transports.ts'
import { insistCallProblem, openApp, SAMPLE_MEDIA } from './app.ts'
import { CANARY, type FuzzDoor, insist, type Sandbox } from './door.ts'
import { change, type JsonEdit, jsonEdit, nastyText, oddValue, writeJson } from './hostile.ts'

const CALLS = Object.entries(contract).flatMap(([noun, verbs]) =>
  Object.keys(verbs).map((verb) => `${noun}.${verb}`),
)
const limits = { inFlight: 3, submitsPerSecond: 1, pollsPerSecond: 2, downloadsAtOnce: 4, uploadsAtOnce: 2 }
const account = {
  name: 'night',
  family: 'evolink',
  baseUrl: 'https://127.0.0.1:9',
  filesUrl: 'https://127.0.0.1:9/files',
  proxyUrl: 'http://127.0.0.1:9',
  key: CANARY,
  prices: { 'wan26_r2v:720p': 5 },
  limits,
  options: {
    extendedDurations: true,
    vtrixForm: 'plain',
    requestLimitBytes: 5,
    uploadRefusedKinds: ['image'],
    missingFeatures: ['batch'],
    retiredModels: ['a'],
  },
  capMicros: 5_000_000,
}
const ids = { ids: [1, 2] }

/** An input of the right shape for each call; those that are absent take one of the others'. */
const SAMPLES: Record<string, unknown[]> = {
  'accounts.add': [account, { name: 'second', family: 'practice' }],
  'accounts.update': [
    { ...account, family: undefined },
    { name: 'practice', limits, capMicros: null },
  ],
  'accounts.remove': [{ name: 'night' }, { name: 'second' }],
  'accounts.test': [{ name: 'practice' }],
  'accounts.pause': [{ name: 'practice' }],
  'accounts.resume': [{ name: 'absent' }],
  'sheets.check': [{ path: 'sheet.csv', accounts: ['practice'] }],
  'runs.create': [
    {
      path: 'sheet.csv',
      archiveFolder: 'clips',
      name: 'again',
      nameTemplate: '{run}/{row}',
      capMicros: 5,
      isStrict: true,
      accounts: ['practice'],
      confirmedCreditMicros: 5,
    },
    { path: 'sheet.csv', archiveFolder: 'clips' },
  ],
  'runs.resume': [{ id: 1, capMicros: 5 }],
  'runs.export': [
    { id: 1, file: 'out.csv' },
    { id: 1, file: 'out.json' },
  ],
  'jobs.page': [
    {
      runId: 1,
      states: ['held', 'queued'],
      search: 'lake "a" OR -b*',
      after: { row: 1, take: 1, id: 1 },
      limit: 5,
    },
  ],
  'jobs.counts': [{ runId: 1 }, {}],
  'jobs.moveToModel': [{ ...ids, model: 'wan2.6-text-to-video' }],
  'jobs.prioritise': [{ ...ids, priority: 5 }],
  'jobs.reconcile': [
    { id: 1, answer: { type: 'exists', remoteId: 'task-1' } },
    { id: 1, answer: { type: 'leave' } },
  ],
  'clips.page': [{ runId: 1, after: 0, limit: 5 }],
  'clips.check': [{ runId: 1 }],
  'clips.rebuild': [{ folder: 'clips' }],
  'references.list': [{ limit: 5, offset: 0 }],
  'references.add': [{ path: 'lake.jpg' }, { path: 'nowhere/*' }],
  'references.fit': [{ id: 1, model: 'wan2.7-image-to-video', background: '#336699' }],
  'references.trim': [{ id: 1, maximumMs: 2000 }],
  'references.relink': [{ folder: 'nowhere' }],
  'references.probe': [{ address: 'https://127.0.0.1/a.jpg' }],
  'ledger.summary': [{ runId: 1 }],
  'settings.set': [{ archiveFolder: 'clips', nameTemplate: '{run}/{row}', proxyUrl: 'http://127.0.0.1:9' }],
}
const OTHERS: unknown[] = [{ id: 1 }, ids, {}, undefined]
const samplesOf = (call: string): unknown[] => SAMPLES[call] ?? OTHERS

/** Values that only a caller in the same process can hand over. */
const LIVE: readonly (() => unknown)[] = [
  () => undefined,
  () => Number.NaN,
  () => 10n ** 400n,
  () => Symbol('a'),
  () => () => 1,
  () => new Date(Number.NaN),
  () => new Map([['id', 1]]),
  () => Object.create(null),
  () => new Uint8Array(5),
  () => {
    const round: Record<string, unknown> = { id: 1 }
    round.self = round
    return round
  },
  () => Array.from({ length: 100_000 }, () => 'x'),
  () => ({ ids: Array.from({ length: 100_000 }, () => 'x') }),
  () => ({ ids: Array.from({ length: 100_001 }, (_, index) => index + 1) }),
]

interface Input {
  call: string
  sample: number
  edits: JsonEdit[]
  live: number | null
  via: 'direct' | 'websocket'
}

let app: App
const speakers = new Map<string, Speaker>()

/** Every call of the contract, in this process and through the browser host. */
export const door: FuzzDoor<Input> = {
  name: 'contract',
  memoryMb: 512,
  isUnfenced: true,
  inputs: { short: 60, long: 8_000 },
  keyFiles: ['keys.json', 'keys.json.part', 'practice/key'],
  arbitrary: fc.record({
    call: fc.constantFrom(...CALLS),
    sample: fc.nat({ max: 3 }),
    edits: fc.array(jsonEdit(fc.oneof(oddValue, nastyText)), { maxLength: 3 }),
    live: fc.option(fc.nat({ max: LIVE.length - 1 }), { nil: null, freq: 8 }),
    via: fc.constantFrom('direct', 'direct', 'websocket'),
  }),
  open: async (sandbox) => {
    app = openApp(sandbox, 'home', createSecrets(join(sandbox.inside, 'home'), {}))
    await app.start()
    await app.client.accounts.pause({ name: 'practice' })
    const work = join(sandbox.inside, 'work')
    mkdirSync(work)
    const lake = join(SAMPLE_MEDIA, 'lake-at-dusk.jpg')
    const row = `wan2.6-image-to-video-flash,2,${lake}\n`
    writeFileSync(join(work, 'sheet.csv'), `prompt,model,duration,ref 1\na lake,${row}a hill,${row}`)
    await app.client.runs.create({
      path: join(work, 'sheet.csv'),
      archiveFolder: join(work, 'clips'),
      isHeld: true,
    })
    for (const via of ['direct', 'websocket'] as const) speakers.set(via, await TRANSPORTS[via](app))
  },
  attack: async (input, sandbox) => {
    const value = makeValue(input, sandbox)
    const [noun = '', verb = ''] = input.call.split('.')
    const client = speakers.get(input.via)?.client as unknown as Record<
      string,
      Record<string, (value: unknown) => Promise<unknown>>
    >
    const given = textOf(value)
    try {
      const answer = await client[noun]?.[verb]?.(value)
      if (isStream(answer)) await answer.return(undefined)
      else sandbox.saw(answer)
      // A new account could buy as soon as a row names it.
      if (input.call === 'accounts.add')
        await app.client.accounts.pause({ name: (answer as { name: string }).name })
    } catch (error) {
      if (input.via === 'direct' || !isUnsendable(error)) insistCallProblem(error, sandbox, given)
    }
    insist(app.practice?.ledger.tasks().length === 0, 'something was bought')
    insist(({} as { polluted?: unknown }).polluted === undefined, 'every object was changed')
    const hello = await speakers.get('websocket')?.client.app.hello()
    insist(hello?.version === '0.0.0-test', 'the host does not answer any more')
  },
  close: async () => {
    const orders = app.practice?.ledger
      .requests()
      .filter(({ method, path }) => method === 'POST' && path.includes('generation'))
    for (const speaker of speakers.values()) await speaker.end()
    await app.stop()
    insist(orders?.length === 0, 'an order was sent')
  },
}

/** What was given, as far as it can be written. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}

const isStream = (answer: unknown): answer is AsyncGenerator =>
  typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer

/** What a client cannot put into a message fails before it leaves: nobody at the door has seen it. */
const isUnsendable = (error: unknown): boolean => error instanceof TypeError || error instanceof RangeError

function makeValue({ call, sample, edits, live }: Input, { inside }: Sandbox): unknown {
  if (live !== null) return LIVE[live]?.()
  const samples = samplesOf(call)
  let value = structuredClone(samples[sample % samples.length])
  for (const edit of edits) value = change(value, edit)
  // The text of a value is what comes over a wire; raw texts become values by it.
  const plain = value === undefined ? undefined : (JSON.parse(writeJson(value)) as unknown)
  return tame(call, plain, inside)
}

/**
 * A person may write a file anywhere and release rows to be bought: that is what the calls are for. Here every
 * path stays in one folder, and rows stay held, so that whatever else happens is a fault.
 */
function tame(call: string, value: unknown, inside: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const tamed: Record<string, unknown> = { ...value }
  for (const key of ['path', 'file', 'folder', 'archiveFolder']) {
    const text = tamed[key]
    if (typeof text === 'string' && text !== '') tamed[key] = join(inside, 'work', text.replaceAll('..', '_'))
  }
  if (call === 'runs.create' && Object.keys(tamed).length > 0) tamed.isHeld = true
  if (call === 'accounts.resume' && tamed.name !== 'absent') tamed.name = 'absent'
  if (call === 'accounts.test' && tamed.name !== 'practice') tamed.name = 'absent'
  return tamed
}
