/** Faults that strike everything at once: accounts, the network, the disk and the clock. */
import { renameSync } from 'node:fs'
import type { DiskFault } from './disk.ts'
import type { End, Family, Fault, Stage } from './fault.ts'
import type { Rule } from './network.ts'
import {
  changed,
  DOUBLED,
  inEntry,
  instead,
  invented,
  LOST,
  ODD,
  PROMISED,
  SERVER_FAULTS,
  type Spoil,
  TOO_FAST,
  UNREADABLE,
} from './spoils.ts'
import { filesUnder } from './world.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const all = (...expected: End[]): Partial<Record<Family, readonly End[]>> => ({
  evolink: expected,
  vtrix: expected,
})
const world = (name: string, expected: Fault['ends'], more: Partial<Fault>): Fault => ({
  name,
  scope: 'world',
  ends: expected,
  ...more,
})

/** Two rows at a time, a minute each: so that there is a middle in which something can happen. */
const SLOW = {
  provider: { timing: { queueMs: 20_000, renderMsPerSecond: 20_000 } },
  limits: { inFlight: 2 },
} as const

const rule = (name: string, on: Rule['on'], strike: Rule['strike'], more: Partial<Rule> = {}): Rule => ({
  name,
  on,
  strike,
  ...more,
})

/** The rules stand from a while after the work began, for so long. */
const forAWhile =
  (rules: Rule[], fromMs: number, forMs: number) =>
  async ({ world: { network }, wait }: Stage): Promise<void> => {
    await wait(fromMs)
    network.rules = [...rules, ...network.rules]
    await wait(fromMs + forMs)
    network.rules = network.rules.filter((one) => !rules.includes(one))
  }

/* ---------- accounts */

const refusedKey = instead(
  invented(
    401,
    JSON.stringify({ error: { code: 401, message: 'invalid token', type: 'authentication_error' } }),
  ),
)
const api = ['create', 'read', 'list', 'upload'] as const
const onApi = (name: string, strike: Rule['strike']): Rule[] => api.map((on) => rule(name, on, strike))
const lowBalance = (exchange: Parameters<Rule['strike']>[0]) =>
  exchange.answer(
    exchange.path.startsWith('/v1/')
      ? invented(
          402,
          JSON.stringify({
            error: {
              code: 'insufficient_user_quota',
              message: 'balance is too low',
              type: 'insufficient_quota_error',
            },
          }),
        )
      : invented(
          402,
          JSON.stringify({
            status: { code: 402, message: 'not enough credits', error_code: 40201 },
            data: null,
          }),
        ),
  )
const coded = (status: number, code: string, more: object = {}) =>
  instead(invented(status, JSON.stringify({ error: { code, message: code, ...more } })))
const dearer = (factor: number) =>
  changed(
    inEntry(
      () => true,
      (task) => {
        const usage = task.usage as { credits_reserved?: number; cost?: string } | undefined
        if (!usage) return task
        return {
          ...task,
          usage: {
            ...usage,
            ...(usage.credits_reserved !== undefined && {
              credits_reserved: usage.credits_reserved * factor,
            }),
            ...(typeof usage.cost === 'string' && { cost: String(Number(usage.cost) * factor) }),
          },
        }
      },
    ),
  )
const fromThird = { from: 3, to: 10_000 }

export const ACCOUNT_FAULTS: Fault[] = [
  world('account: the key is refused for two hours, then works again', all('done'), {
    script: SLOW,
    staysMs: 5 * HOUR,
    act: forAWhile(onApi('key refused', refusedKey), 30 * SECOND, 2 * HOUR),
  }),
  world('account: the key is refused for good', all('done', 'waits key-refused'), {
    script: SLOW,
    staysMs: 2 * HOUR,
    act: forAWhile(onApi('key refused', refusedKey), 30 * SECOND, YEAR),
  }),
  world('account: one answer calls the key wrong', all('done'), {
    staysMs: HOUR,
    rules: () => onApi('key refused', refusedKey).map((one) => ({ ...one, times: { from: 2, to: 2 } })),
  }),
  world('account: the balance is gone in mid-run', all('done', 'waits balance-low'), {
    script: SLOW,
    rules: () => [rule('balance', 'create', lowBalance, { times: fromThird })],
  }),
  world(
    'account: the provider’s purse is really empty',
    { evolink: ['done', 'waits balance-low'], vtrix: ['done', 'waits balance-low'] },
    {
      script: { provider: { limits: { balanceCredits: 20, balanceUsd: 0.5 } } },
    },
  ),
  world(
    'account: the key’s own limit',
    { evolink: ['done', 'waits key-limit'], vtrix: ['done', 'waits key-limit'] },
    {
      script: SLOW,
      rules: () => [rule('key limit', 'create', coded(402, 'key_quota_exhausted'), { times: fromThird })],
    },
  ),
  world(
    'account: the key’s daily limit, until midnight in Shanghai',
    { evolink: ['done'], vtrix: ['done'] },
    {
      script: SLOW,
      staysMs: 2 * DAY,
      rules: () => [
        rule(
          'daily limit',
          'create',
          coded(429, 'key_daily_quota_exhausted', { reset_timezone: 'Asia/Shanghai' }),
          {
            times: fromThird,
            during: { fromMs: 0, toMs: 8 * HOUR },
          },
        ),
      ],
    },
  ),
  world(
    'account: the key is disabled',
    { evolink: ['done', 'waits not-permitted'] },
    {
      rules: () => [rule('disabled', 'create', coded(403, 'key_disabled'), { times: fromThird })],
    },
  ),
  world(
    'account: the model is retired in mid-run',
    all('done', 'failed model-retired', 'waits model-retired'),
    {
      script: SLOW,
      rules: () => [
        rule(
          'retired',
          'create',
          instead(
            invented(404, JSON.stringify({ error: { code: 'model_not_found', message: 'no such model' } })),
          ),
          { times: fromThird },
        ),
      ],
    },
  ),
  world(
    'account: the price doubles in mid-run',
    { evolink: ['done', 'waits price-changed'], vtrix: ['done', 'waits price-changed'] },
    {
      script: SLOW,
      rules: () => [
        rule('dearer', 'create', dearer(2), { times: fromThird }),
        rule('dearer', 'read', dearer(2)),
      ],
    },
  ),
  world('account: the price falls in mid-run', all('done'), {
    script: SLOW,
    rules: () => [
      rule('cheaper', 'create', dearer(0.5), { times: fromThird }),
      rule('cheaper', 'read', dearer(0.5)),
    ],
  }),
  world('account: too fast for 40 minutes', all('done'), {
    act: forAWhile(onApi('429', instead(invented(429))), 0, 40 * MINUTE),
  }),
  world('account: maintenance for six hours, with a time to come back', all('done'), {
    act: forAWhile(
      [
        rule(
          'maintenance',
          'any',
          instead(invented(503, '', { 'retry-after': '900', 'content-type': 'text/plain' })),
        ),
      ],
      0,
      6 * HOUR,
    ),
  }),
  world('account: maintenance for six hours, without a word', all('done', 'waits outcome-unknown'), {
    script: SLOW,
    act: forAWhile(
      [
        rule(
          'maintenance',
          'any',
          instead(invented(503, '<h1>Back soon</h1>', { 'content-type': 'text/html' })),
        ),
      ],
      10 * SECOND,
      6 * HOUR,
    ),
  }),
  world(
    'account: no route to the model for an hour',
    { evolink: ['done'] },
    {
      act: forAWhile([rule('no route', 'create', coded(503, 'no_available_channel'))], 0, HOUR),
    },
  ),
  world(
    'account: the file service is full',
    { evolink: ['waits upload-refused'] },
    {
      rules: () => [
        rule(
          'full',
          'upload',
          instead(invented(200, JSON.stringify({ success: false, code: 40003, msg: 'quota exceeded' }))),
        ),
      ],
    },
  ),
  world(
    'account: the file service takes no pictures',
    { evolink: ['failed upload-refused', 'failed reference-needs-address'] },
    {
      rules: () => [
        rule(
          'kind',
          'upload',
          instead(
            invented(400, JSON.stringify({ success: false, code: 40002, msg: 'file type not supported' })),
          ),
        ),
      ],
    },
  ),
  world(
    'account: requests may not be as large as they are',
    { vtrix: ['failed request-refused', 'failed reference-needs-address'] },
    {
      script: { provider: { limits: { vtrixBodyBytes: 10_000 } } },
    },
  ),
  world('account: tasks forgotten after a day', all('failed task-forgotten'), {
    script: { provider: { timing: { queueMs: 20_000, renderMsPerSecond: 20_000 } } },
    mayMiss: true,
    act: stopOnceAccepted,
    after: [({ world: { clock } }) => clock.skipTo(clock.skippedMs + 50 * HOUR)],
  }),
  world('account: links live two hours, and there is no network for five', all('done'), {
    script: { provider: { timing: { queueMs: 20_000, renderMsPerSecond: 20_000, linkLifeMs: 2 * HOUR } } },
    act: async ({ world: { network }, wait }) => {
      await wait(40 * SECOND)
      network.rules = [rule('no link', 'link', (exchange) => exchange.cut())]
      await wait(3 * MINUTE)
      await network.goDown()
      await wait(5 * HOUR)
      network.rules = []
      await network.comeUp()
    },
  }),
  ...inChunks(
    [...TOO_FAST, ...UNREADABLE, ...ODD.filter(({ name }) => !name.includes('clean'))].filter(
      ({ name }) => !/in ten years|huge|silence|late/.test(name),
    ),
    6,
  ).map((spoils, index) => listFault(index + 1, spoils)),
  ...inChunks([...LOST, ...SERVER_FAULTS, PROMISED, ...TOO_FAST, ...UNREADABLE, ...ODD, DOUBLED], 8).map(
    (spoils, index) => batchFault(index + 1, spoils),
  ),
  world(
    'list: it is not there',
    { evolink: ['done', 'waits outcome-unknown'] },
    {
      rules: () => [lostTwice(), rule('no list', 'list', instead(invented(404)))],
    },
  ),
  ...inChunks([...UNREADABLE, ...ODD], 5).map((spoils, index) => priceFault(index + 1, spoils)),
  priceFault(0, [
    { name: 'silence', means: 'doubt', strike: (exchange) => exchange.hang() },
    { name: 'cut', means: 'doubt', strike: (exchange) => exchange.cut() },
    { name: '500', means: 'doubt', strike: instead(invented(500)) },
    { name: '429', means: 'doubt', strike: instead(invented(429, undefined, { 'retry-after': '86400' })) },
    { name: '401', means: 'doubt', strike: refusedKey },
  ]),
]

async function stopOnceAccepted({ practice, send, wait }: Stage): Promise<void> {
  for (let passedMs = 0; passedMs < 2 * MINUTE; passedMs += SECOND) {
    await wait(passedMs)
    if (practice().ledger.tasks().length >= 8) break
  }
  send({ stop: true })
}

function inChunks<T>(from: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(from.length / size) }, (_, at) =>
    from.slice(at * size, (at + 1) * size),
  )
}

/** The first row's order and its repeat are lost on their way back: it is looked for in the list. */
function lostTwice(): Rule {
  let key: string | null = null
  return rule(
    'lost twice',
    'create',
    async (exchange) => {
      const own = String(exchange.headers['idempotency-key'] ?? '')
      key ??= own
      const answered = await exchange.forward()
      if (own === key) exchange.cut()
      else exchange.answer(answered, { isClean: true })
    },
    { when: ({ path }) => path.startsWith('/v1/') },
  )
}

/** Each read of several tasks at once gets the next bad answer, then right ones. */
function batchFault(number: number, spoils: readonly Spoil[]): Fault {
  return world(
    `batch ${number}: ${spoils.map(({ name }) => name).join('; ')}`,
    { evolink: ['done'] },
    {
      script: { provider: { timing: { queueMs: 20_000, renderMsPerSecond: 20_000 } } },
      rules: () =>
        spoils.map((spoil, index) => {
          const isNext = counting(index + 1)
          return rule(spoil.name, 'read', spoil.strike, {
            when: ({ path }) => path.endsWith('/batch') && isNext(),
          })
        }),
    },
  )
}

/** Each look at the list gets the next bad answer, then right ones. */
function listFault(number: number, spoils: readonly Spoil[]): Fault {
  return world(
    `list ${number}: ${spoils.map(({ name }) => name).join('; ')}`,
    { evolink: ['done'] },
    {
      // A little apart, so that no other row could have made the task.
      script: { limits: { inFlight: 1 } },
      rules: () => [
        lostTwice(),
        ...spoils.map((spoil, index) =>
          rule(spoil.name, 'list', spoil.strike, { when: counting(index + 1) }),
        ),
      ],
    },
  )
}

/** True for the n-th exchange that it is asked about. */
function counting(nth: number): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count === nth
  }
}

const MODELS = [
  'wan2.5-text-to-video',
  'wan2.6-text-to-video',
  'wan2.5-image-to-video',
  'wan2.6-image-to-video',
  'wan2.6-image-to-video-flash',
]

/** Each model's price rule comes spoiled in another way; the dated prices stand, so the cap can be kept. */
function priceFault(number: number, spoils: readonly Spoil[]): Fault {
  return world(
    `prices ${number}: ${spoils.map(({ name }) => name).join('; ')}`,
    { evolink: ['done'] },
    {
      script: { capMicros: 5_000_000_000 },
      rows: () =>
        MODELS.map((model) => ({ model, ...(/image/.test(model) ? {} : { 'ref 1': '' }), duration: 5 })),
      rules: () =>
        spoils.map((spoil, index) =>
          rule(spoil.name, 'other', spoil.strike, {
            when: ({ path }) =>
              path.includes(`/${MODELS[index]}/pricing-rules`) || path.endsWith('/v1/catalog/pricing-rules'),
          }),
        ),
    },
  )
}

/* ---------- the network */

const portal = instead(
  invented(302, '', { location: 'http://portal.example/login', 'content-type': 'text/html' }),
)
const page = instead(
  invented(200, '<html><body>Welcome to the hotel</body></html>', { 'content-type': 'text/html' }),
)
const down =
  (fromMs: number, forMs: number) =>
  async ({ world: { network }, wait }: Stage): Promise<void> => {
    await wait(fromMs)
    await network.goDown()
    await wait(fromMs + forMs)
    await network.comeUp()
  }
const names = (answers: unknown[]): Partial<Fault> => ({
  isInside: true,
  isByName: true,
  act: async ({ send }) => send({ names: answers }),
})
const IN_DOUBT = ['done', 'waits outcome-unknown'] as const

export const NETWORK_FAULTS: Fault[] = [
  world('network: connections refused for three hours from the start', all('done'), {
    act: down(0, 3 * HOUR),
  }),
  world('network: connections refused for three hours in mid-run', all(...IN_DOUBT), {
    script: SLOW,
    act: down(30 * SECOND, 3 * HOUR),
  }),
  world('network: gone for two hours in mid-run', all(...IN_DOUBT), {
    script: SLOW,
    act: down(50 * SECOND, 2 * HOUR),
    mayMiss: true,
  }),
  world('network: every exchange is cut for an hour', all(...IN_DOUBT), {
    script: SLOW,
    act: forAWhile([rule('cut', 'any', (exchange) => exchange.cut())], 30 * SECOND, HOUR),
  }),
  world('network: silence for four minutes', all(...IN_DOUBT), {
    script: SLOW,
    act: forAWhile([rule('silence', 'any', (exchange) => exchange.hang())], 30 * SECOND, 4 * MINUTE),
  }),
  world('network: a captive portal that redirects, for an hour', all(...IN_DOUBT), {
    script: SLOW,
    act: forAWhile([rule('portal', 'any', portal)], 30 * SECOND, HOUR),
  }),
  world('network: a captive portal with a page for everything, for an hour', all(...IN_DOUBT), {
    script: SLOW,
    act: forAWhile([rule('page', 'any', page)], 30 * SECOND, HOUR),
  }),
  world('network: only links are behind a portal, for an hour', all('done'), {
    act: forAWhile([rule('page', 'link', page)], 0, HOUR),
    mayMiss: true,
  }),
  world('network: links lead to a page for good', all('failed content-invalid', 'failed link-expired'), {
    mayMiss: true,
    rows: () => [{}],
    rules: () => [rule('page', 'link', page)],
  }),
  world('network: every third exchange is cut', all(...IN_DOUBT), {
    rules: () => [rule('cut', 'any', (exchange) => exchange.cut(), { when: everyThird() })],
  }),
  world(
    'network: names cannot be resolved for a while',
    all('done'),
    names([...Array(12).fill('EAI_AGAIN'), '127.0.0.1']),
  ),
  world(
    'network: names are unknown for a while',
    all('done'),
    names([...Array(8).fill('ENOTFOUND'), '127.0.0.1']),
  ),
  world(
    'network: a name changes its answer to a private address and back',
    all('done'),
    names(['127.0.0.1', '127.0.0.1', '10.0.0.1', '169.254.169.254', '127.0.0.1']),
  ),
  world(
    'network: a name answers with IPv6 where nobody listens, and IPv4',
    all('done'),
    names([['::1', '127.0.0.1']]),
  ),
  world(
    'network: a name answers with a private address among others',
    all('done'),
    names([['127.0.0.1', '10.0.0.1'], ['127.0.0.1']]),
  ),
  world('proxy: it refuses for an hour', all(...IN_DOUBT), byProxy('refuse')),
  world('proxy: it cuts within CONNECT for an hour', all(...IN_DOUBT), byProxy('cut')),
  world('proxy: it says 502 for an hour', all(...IN_DOUBT), byProxy('502')),
  world('proxy: it wants a password for an hour', all(...IN_DOUBT), byProxy('407')),
  world('proxy: it cuts its tunnels, now and then', all(...IN_DOUBT), byProxy('cut tunnels')),
]

function everyThird(): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % 3 === 0
  }
}

function byProxy(fault: string): Partial<Fault> {
  return {
    isByProxy: true,
    script: SLOW,
    act: async ({ send, wait }) => {
      await wait(20 * SECOND)
      send({ proxy: fault })
      await wait(HOUR)
      send({ proxy: 'works' })
    },
  }
}

/* ---------- the disk */

const disk = (
  name: string,
  faults: DiskFault[],
  expected: End[] = ['done'],
  more: Partial<Fault> = {},
): Fault => world(`disk: ${name}`, all(...expected), { disk: () => faults, staysMs: 3 * HOUR, ...more })
const first = (count: number) => ({ times: { from: 1, to: count } })
const full = (name: string, on: DiskFault['on'], code: string) =>
  disk(`${name} for a while`, [], ['done'], {
    disk: (startsAt) => [{ on, code, during: { from: 0, to: startsAt + 10 * MINUTE } }],
  })

export const DISK_FAULTS: Fault[] = [
  full('full when writing', 'write', 'ENOSPC'),
  full('full when opening', 'open', 'ENOSPC'),
  full('full when syncing', 'sync', 'ENOSPC'),
  full('full when making a folder', 'makeFolder', 'ENOSPC'),
  full('over quota', 'write', 'EDQUOT'),
  full('read-only', 'open', 'EROFS'),
  full('read-only when naming', 'link', 'EROFS'),
  full('not allowed', 'open', 'EACCES'),
  full('not allowed when naming', 'link', 'EACCES'),
  full('broken when writing', 'write', 'EIO'),
  full('broken when syncing', 'sync', 'EIO'),
  full('broken when syncing a folder', 'syncFolder', 'EIO'),
  full('everything gone', 'any', 'ENOENT'),
  full('too many open files', 'open', 'EMFILE'),
  disk('no hard links (exFAT)', [{ on: 'link', code: 'EPERM' }]),
  disk('no hard links, and a virus scanner holds files for a while', [
    { on: 'link', code: 'EPERM' },
    { on: 'rename', code: 'EBUSY', ...first(5) },
  ]),
  disk('a virus scanner holds files for a while', [{ on: 'rename', code: 'EPERM', ...first(6) }]),
  disk(
    'each third write fails',
    [3, 6, 9, 12].map((nth) => ({ on: 'write' as const, code: 'EIO', times: { from: nth, to: nth } })),
  ),
  disk('the naming fails, then works', [{ on: 'link', code: 'EIO', ...first(4) }]),
  disk('names are too long for it', [{ on: 'open', code: 'ENAMETOOLONG' }], ['waits path-too-long'], {
    staysMs: 0,
  }),
  disk('full for good', [{ on: 'write', code: 'ENOSPC' }], ['waits disk-full'], { staysMs: 0 }),
  disk('slow to sync', [{ on: 'sync', code: 'slow', slowMs: 20 * SECOND }]),
  disk('the folder is taken away for an hour', [], ['done'], {
    act: async ({ world: { archive }, wait }) => {
      renameSync(archive, `${archive}-away`)
      await wait(HOUR)
      renameSync(`${archive}-away`, archive)
    },
  }),
  disk('strangers have the names of clips and sidecars', [], ['done'], {
    script: {
      strangers: Object.fromEntries(
        [1, 2, 3, 4, 5, 6, 7, 8].flatMap((row) => {
          const name = `run/00${row}-${row % 2 ? 'evolink' : 'vtrix'}-${row}-a-lake-1.mp4`
          return [
            [name, `of somebody else ${row}`],
            ...(row > 3
              ? [
                  [`${name}.json`, '{"mine":1}'],
                  [name.replace('.mp4', '-2.mp4'), 'again'],
                ]
              : []),
          ]
        }),
      ),
    },
  }),
  disk('the database’s disk is full for a while', [], ['done'], {
    isInside: true,
    act: async ({ send, wait }) => {
      await wait(15 * SECOND)
      send({ isFull: true })
      await wait(3 * MINUTE)
      send({ isFull: false })
    },
    script: SLOW,
  }),
]

/* ---------- the clock */

const jumps = (name: string, ...given: [atMs: number, byMs: number][]): Fault =>
  world(`clock: ${name}`, all('done'), {
    script: SLOW,
    act: async ({ send, wait }) => {
      for (const [atMs, byMs] of given) {
        await wait(atMs)
        send({ jumpMs: byMs })
      }
    },
  })
const TO_1970 = -Date.UTC(2026, 10, 20, 8)

export const CLOCK_FAULTS: Fault[] = [
  ...[0, 20 * SECOND, 55 * SECOND].flatMap((atMs) => [
    jumps(`an hour forward at ${atMs} ms`, [atMs, HOUR]),
    jumps(`25 hours forward at ${atMs} ms`, [atMs, 25 * HOUR]),
    jumps(`ten years forward at ${atMs} ms`, [atMs, 10 * YEAR]),
    jumps(`an hour back at ${atMs} ms`, [atMs, -HOUR]),
    jumps(`a day back at ${atMs} ms`, [atMs, -DAY]),
    jumps(`to 1970 at ${atMs} ms`, [atMs, TO_1970]),
  ]),
  jumps('ten years forward, and right again', [10 * SECOND, 10 * YEAR], [60 * SECOND, -10 * YEAR]),
  jumps(
    'back and forth by an hour, again and again',
    [5_000, HOUR],
    [20_000, -HOUR],
    [40_000, -HOUR],
    [60_000, HOUR],
    [80_000, HOUR],
  ),
  leap('ten years forward in the first life only', 10 * YEAR),
  leap('a day back in the first life only', -DAY),
  leap('in 1970 in the first life only', TO_1970),
  ...[5, 25, 65].map((second) =>
    world(`clock: asleep for eight hours after ${second} s`, all(...IN_DOUBT), {
      script: SLOW,
      act: async ({ world: { clock }, send, wait }) => {
        await wait(second * SECOND)
        clock.skipTo(clock.skippedMs + 8 * HOUR)
        send({ skippedMs: clock.skippedMs })
      },
    }),
  ),
  world('clock: asleep for 30 hours, with links that live a day', all(...IN_DOUBT, 'failed task-forgotten'), {
    script: SLOW,
    mayMiss: true,
    act: async ({ world: { clock }, send, wait }) => {
      await wait(55 * SECOND)
      clock.skipTo(clock.skippedMs + 30 * HOUR)
      send({ skippedMs: clock.skippedMs })
    },
  }),
  summerTime('the end of summer time', Date.UTC(2026, 9, 24, 22, 50), '2026-10-24'),
  summerTime('the night hour that comes twice', Date.UTC(2026, 9, 25, 0, 59), '2026-10-25'),
  summerTime('the beginning of summer time', Date.UTC(2027, 2, 28, 0, 59), '2027-03-28'),
]

/** The clock was wrong in the first life, and is right in the second. */
function leap(name: string, byMs: number): Fault {
  return world(`clock: ${name}`, all('done', 'waits outcome-unknown'), {
    script: SLOW,
    jumps: [{ atMs: 0, byMs }],
    act: async ({ send, wait }) => {
      await wait(45 * SECOND)
      send({ stop: true })
    },
    after: [() => undefined],
  })
}

/** Times are kept in UTC: what the wall clock of a place does changes nothing, and dates in names are UTC's. */
function summerTime(name: string, at: number, date: string): Fault {
  return world(`clock: ${name} in Berlin`, all('done'), {
    script: { ...SLOW, nameTemplate: '{date}-{row}' },
    env: { TZ: 'Europe/Berlin' },
    jumps: [{ atMs: 0, byMs: at - Date.UTC(2026, 10, 20, 8) }],
    check: ({ archive }) =>
      [...filesUnder(archive).keys()]
        .filter((path) => !path.startsWith(date))
        .map((path) => `${path} is not of ${date}`),
  })
}
