/**
 * Every fault that the core must bear, as data: its name, what it strikes, what it does, and what must have come of
 * each row. A fault of one row shares its world with those of other rows; one of the world has a world to itself.
 */
import type { Aim, End, Fault } from './fault.ts'
import type { Errand, Exchange, Rule } from './network.ts'
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
  withBody,
} from './spoils.ts'
import { ACCOUNT_FAULTS, CLOCK_FAULTS, DISK_FAULTS, NETWORK_FAULTS } from './world-faults.ts'

const DONE: readonly End[] = ['done']
const BOTH = { evolink: DONE, vtrix: DONE }
const IN_DOUBT: readonly End[] = ['waits outcome-unknown']
const ends = (evolink: End, vtrix: End = evolink) => ({ evolink: [evolink], vtrix: [vtrix] })

const ruleOf = (
  name: string,
  on: Errand | 'any',
  aim: Aim,
  strike: (exchange: Exchange) => Promise<void> | void,
  times: { from: number; to: number } | null = { from: 1, to: 1 },
): Rule => ({ name, on, when: (exchange) => aim.isMine(exchange), strike, ...(times && { times }) })

/* ---------- when a clip is ordered */

const SPOILS: Spoil[] = [...LOST, ...TOO_FAST, PROMISED, ...SERVER_FAULTS, ...UNREADABLE, ...ODD]

/** EvoLink honours a key, so one doubt is cleared by the one repeat; at Vtrix it needs a person. */
const afterOne = ({ means }: Spoil) => (means === 'doubt' ? { evolink: DONE, vtrix: IN_DOUBT } : BOTH)

const onCreate = (spoil: Spoil): Fault => ({
  name: `create: ${spoil.name}`,
  scope: 'row',
  ends: afterOne(spoil),
  rules: (aim) => [ruleOf(spoil.name, 'create', aim, spoil.strike)],
})

/** Whether the task is found in the list depends on the rows beside it; without it a person must look. */
const FOUND_OR_NOT: readonly End[] = ['done', 'waits outcome-unknown']
const onCreateTwice = (spoil: Spoil): Fault => ({
  name: `create, and its repeat: ${spoil.name}`,
  scope: 'row',
  ends: { evolink: spoil.means === 'doubt' ? FOUND_OR_NOT : DONE },
  rules: (aim) => [ruleOf(spoil.name, 'create', aim, spoil.strike, { from: 1, to: 2 })],
})

const createChange = (
  name: string,
  change: (task: Record<string, unknown>) => unknown,
  isDoubt: boolean,
): Fault => ({
  name: `create: ${name}`,
  scope: 'row',
  ends: isDoubt ? { evolink: DONE, vtrix: IN_DOUBT } : BOTH,
  rules: (aim) => [ruleOf(name, 'create', aim, changed(inEntry(() => true, change)))],
})

const CREATE_CHANGES: Fault[] = [
  createChange('no id', ({ id: _, ...rest }) => rest, true),
  createChange('an id that is null', (task) => ({ ...task, id: null }), true),
  createChange('an id that is an object', (task) => ({ ...task, id: { value: task.id } }), true),
  createChange('an id that is a list', (task) => ({ ...task, id: [task.id] }), true),
  createChange('an id that leads out of its path', (task) => ({ ...task, id: '../../v1/credits' }), true),
  createChange('an id of 5,000 letters', (task) => ({ ...task, id: 'x'.repeat(5000) }), true),
  createChange('an id with a line break', (task) => ({ ...task, id: `${task.id}\r\nx: y` }), true),
  createChange('its id under the other name', ({ id, ...task }) => ({ ...task, task_id: id }), false),
  createChange('numbers as texts', (task) => asTexts(task), false),
  createChange(
    'texts where numbers are',
    (task) => ({ ...task, created: 'today', created_at: 'today', progress: 'none' }),
    false,
  ),
  createChange(
    'wrong types all over',
    (task) => ({ id: task.id, status: [], progress: {}, usage: 'free', task_info: 7, model: null }),
    false,
  ),
  createChange('a state that nobody knows', (task) => ({ ...task, status: 'in_a_strange_mood' }), false),
  createChange('nothing but its id', ({ id }) => ({ id }), false),
]

function asTexts(value: unknown): unknown {
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(asTexts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asTexts(one)]))
}

const words = (given: string, expected: Fault['ends'], more: Partial<Fault> = {}): Fault => ({
  name: `practice: ${given}`,
  scope: 'row',
  ends: expected,
  words: given,
  ...more,
})

const CREATE_WORDS: Fault[] = [
  ...['[429 after=2]', '[429]', '[429 x5]', '[503 after=1]'].map((one) => words(one, BOTH)),
  ...[500, 502, 503, 504].flatMap((status) => [
    words(`[${status}]`, { evolink: DONE, vtrix: IN_DOUBT }),
    words(`[${status} created]`, { evolink: DONE, vtrix: IN_DOUBT }),
  ]),
  ...[
    '[502 html]',
    '[accept then-cut]',
    '[accept half]',
    '[accept no-id]',
    '[accept html]',
    '[hang]',
    '[cut]',
    '[cut-early]',
  ].map((one) => words(one, { evolink: DONE, vtrix: IN_DOUBT })),
  words('[502 created x2]', { evolink: FOUND_OR_NOT }),
  words('[409 code=paid_outcome_unknown]', { evolink: DONE, vtrix: IN_DOUBT }),
  words('[400]', ends('failed request-refused')),
  words('[422]', ends('failed request-refused')),
  words('[413]', { evolink: ['failed request-refused'] }),
  words('[400 code=content_policy_violation]', ends('failed content-refused')),
  words('[403 code=key_model_not_allowed]', ends('failed not-permitted')),
]

/* ---------- while it is made */

const onRead = (spoil: Spoil): Fault => ({
  name: `read: ${spoil.name}`,
  scope: 'row',
  ends: BOTH,
  rules: (aim) => [ruleOf(spoil.name, 'read', aim, spoil.strike)],
})

const readChange = (
  name: string,
  change: (task: Record<string, unknown>) => unknown,
  more: Partial<Fault> & { times?: { from: number; to: number } | null; isEnd?: boolean } = {},
): Fault => {
  const { times = { from: 1, to: 2 }, isEnd = false, ...rest } = more
  return {
    name: `read: ${name}`,
    scope: 'row',
    ends: BOTH,
    rules: (aim) => {
      let count = 0
      const isMeant = (task: Record<string, unknown>) => {
        if (!aim.isMyTask(task.id)) return false
        if (isEnd && task.status !== 'completed') return false
        count += 1
        return times === null || (count >= times.from && count <= times.to)
      }
      return [ruleOf(name, 'read', aim, changed(inEntry(isMeant, change)), null)]
    },
    ...rest,
  }
}

const READ_CHANGES: Fault[] = [
  readChange('a state that nobody knows', (task) => ({ ...task, status: 'dreaming' })),
  readChange('no state', ({ status: _, ...task }) => task),
  readChange('a state that is a number', (task) => ({ ...task, status: 3 })),
  readChange('a state that is a list', (task) => ({ ...task, status: [task.status] })),
  readChange('a state in capitals', (task) => ({ ...task, status: String(task.status).toUpperCase() }), {
    times: null,
  }),
  readChange('no id', ({ id: _, ...task }) => task),
  readChange('the id of another task', (task) => ({ ...task, id: 'task-unified-1-somebody' })),
  readChange('progress as text', (task) => ({ ...task, progress: '50' }), { times: null }),
  readChange('progress beyond all', (task) => ({ ...task, progress: 1e300 }), { times: null }),
  readChange('negative progress', (task) => ({ ...task, progress: -7 }), { times: null }),
  readChange('progress that goes back', (task) => ({ ...task, progress: 1 }), { times: { from: 2, to: 3 } }),
  readChange('created as text', (task) => ({ ...task, created: '2026-11-20', created_at: 'yesterday' }), {
    times: null,
  }),
  readChange('numbers as texts', (task) => asTexts(task), { times: null }),
  readChange('wrong types all over', (task) => ({
    ...task,
    task_info: 'soon',
    usage: [],
    error: 5,
    billing: 'none',
  })),
  readChange('done, and no link', ({ results: _, output: __, ...task }) => task, { isEnd: true }),
  readChange(
    'done, and links that are none',
    (task) => ({ ...task, results: ['clip.mp4', 7, null], output: 'clip.mp4' }),
    { isEnd: true },
  ),
  readChange(
    'done, and a link to a file of this computer',
    (task) => ({
      ...task,
      results: ['file:///etc/passwd'],
      output: [{ content: [{ type: 'video', url: 'file:///etc/passwd' }] }],
    }),
    { isEnd: true },
  ),
  readChange(
    'done, and a link into a private network',
    (task) => ({
      ...task,
      results: ['https://10.0.0.1/clip.mp4'],
      output: [{ content: [{ type: 'video', url: 'https://10.0.0.1/clip.mp4' }] }],
    }),
    { isEnd: true, times: { from: 1, to: 1 } },
  ),
  readChange(
    'done, and null where lists are',
    (task) => ({ ...task, results: null, result_data: null, output: null }),
    { isEnd: true },
  ),
]

/** An answer that was held back on its way: the state of a moment ago, after a newer one. */
const OLDER_AFTER_NEWER: Fault = {
  name: 'read: an older state after a newer one (done, then running)',
  scope: 'row',
  ends: BOTH,
  rules: (aim) => {
    let older: Exchange['body'] | null = null
    let ended = 0
    return [
      ruleOf(
        'link refused',
        'link',
        aim,
        instead(invented(403, '<Error/>', { 'content-type': 'application/xml' })),
      ),
      ruleOf(
        'an older answer',
        'read',
        aim,
        async (exchange) => {
          const answered = await exchange.forward()
          const isEnd = answered.body.includes('"completed"')
          if (!isEnd) older = answered.body
          ended += isEnd ? 1 : 0
          const isOld = ended >= 2 && ended <= 3 && older !== null
          exchange.answer(isOld ? withBody(answered, older as Buffer) : answered, { isClean: !isOld })
        },
        null,
      ),
    ]
  },
}

const OTHER_ORDER: Fault = {
  name: 'read: tasks of a batch in another order, one twice',
  scope: 'row',
  ends: { evolink: DONE },
  rules: (aim) => [
    ruleOf(
      'another order',
      'read',
      aim,
      changed((answered) => {
        const body = JSON.parse(answered.body.toString('utf8')) as { data?: unknown }
        if (!Array.isArray(body.data)) return answered
        return withBody(answered, JSON.stringify({ ...body, data: [...body.data, ...body.data].reverse() }))
      }),
      null,
    ),
  ],
}

const forEver = (
  name: string,
  status: number,
  expected: Fault['ends'],
  more: Partial<Fault> = {},
): Fault => ({
  name: `read, for ever: ${name}`,
  scope: 'row',
  ends: expected,
  rules: (aim) => [ruleOf(name, 'read', aim, instead(invented(status)), null)],
  ...more,
})

const READ_WORDS: Fault[] = [
  ...[
    '[running x3]',
    '[status=strange]',
    '[slow=2m]',
    '[read 500]',
    '[read 502]',
    '[read 503]',
    '[read 504]',
    '[read 429 after=1]',
    '[read html]',
    '[read 404]',
    '[read no-link]',
  ].map((one) => words(one, BOTH)),
  words('[result-data]', { evolink: DONE }),
  words('[forget]', ends('failed task-forgotten'), { mayMiss: true }),
  words('[read no-link x1000]', ends('failed task-without-output'), { mayMiss: true }),
  words('[fail code=service_error]', ends('failed task-failed')),
  words('[fail code=content_policy_violation]', ends('failed task-failed')),
  words('[cancelled]', ends('failed task-failed')),
]

/* ---------- uploads: free, so all of it is simply done again */

const onUpload = (spoil: Spoil): Fault => ({
  name: `upload: ${spoil.name}`,
  scope: 'row',
  ends: { evolink: DONE },
  hasOwnPicture: true,
  rules: (aim) => [ruleOf(spoil.name, 'upload', aim, spoil.strike)],
})

const uploadChange = (name: string, change: (data: Record<string, unknown>) => unknown): Fault => ({
  name: `upload: ${name}`,
  scope: 'row',
  ends: { evolink: DONE },
  hasOwnPicture: true,
  rules: (aim) => [
    ruleOf(
      name,
      'upload',
      aim,
      changed((answered) => {
        const body = JSON.parse(answered.body.toString('utf8')) as { data: Record<string, unknown> }
        return withBody(answered, JSON.stringify({ ...body, data: change(body.data) }))
      }),
    ),
  ],
})

const UPLOAD_CHANGES: Fault[] = [
  uploadChange('no address', ({ file_url: _, ...data }) => data),
  uploadChange('an address that is none', (data) => ({ ...data, file_url: 'somewhere' })),
  uploadChange('no data', () => null),
  uploadChange('no id of the file', ({ file_id: _, ...data }) => data),
  uploadChange('no end of its life', ({ expires_at: _, ...data }) => data),
  uploadChange('an end of its life that is over', (data) => ({
    ...data,
    expires_at: '2020-01-01T00:00:00Z',
  })),
  uploadChange('an end of its life that is no date', (data) => ({ ...data, expires_at: 'never' })),
  uploadChange('numbers as texts', (data) => asTexts(data)),
]

/* ---------- when the clip is fetched */

/** What refuses a link for good is answered by a fresh one; what only breaks is gone on with. */
const onLink = (spoil: Spoil): Fault => ({
  name: `link: ${spoil.name}`,
  scope: 'row',
  ends: BOTH,
  rules: (aim) => [ruleOf(spoil.name, 'link', aim, spoil.strike)],
})

const linkAnswer = (name: string, strike: Spoil['strike'], times = { from: 1, to: 1 }): Fault => ({
  name: `link: ${name}`,
  scope: 'row',
  ends: BOTH,
  rules: (aim) => [ruleOf(name, 'link', aim, strike, times)],
})

const half = async (exchange: Exchange) => {
  const answered = await exchange.forward()
  exchange.answer(answered, { cutAfterBytes: Math.floor(answered.body.length / 2) })
}
const GONE = invented(403, '<Error><Code>AccessDenied</Code></Error>', { 'content-type': 'application/xml' })
const to = (location: string) => instead(invented(302, '', { 'content-type': 'text/plain', location }))

const LINK_FAULTS: Fault[] = [
  ...[400, 401, 402, 403, 404, 405, 408, 410, 416, 421, 425, 451].map((status) =>
    linkAnswer(String(status), instead(invented(status, '<Error/>', { 'content-type': 'application/xml' }))),
  ),
  linkAnswer(
    'turned away as a robot',
    instead(invented(403, 'error code: 1010', { 'content-type': 'text/plain' })),
  ),
  linkAnswer(
    'an empty file',
    changed((answered) => withBody(answered, '')),
  ),
  linkAnswer(
    'called a web page',
    changed((answered) => withBody(answered, answered.body, { 'content-type': 'text/html' })),
  ),
  linkAnswer(
    'called nothing',
    changed(({ headers: { 'content-type': _, ...headers }, ...answered }) => ({ ...answered, headers })),
  ),
  linkAnswer(
    'called text',
    changed((answered) => withBody(answered, answered.body, { 'content-type': 'text/plain' })),
  ),
  linkAnswer('announced as two gibibytes', async (exchange) => {
    const answered = await exchange.forward()
    const headers = { ...answered.headers, 'content-length': String(2 * 1024 ** 3) }
    exchange.answer({ ...answered, headers }, { cutAfterBytes: 1000 })
  }),
  linkAnswer('no length', async (exchange) => {
    const {
      headers: { 'content-length': _, ...headers },
      ...answered
    } = await exchange.forward()
    exchange.answer({ ...answered, headers })
  }),
  linkAnswer('a length that is no number', async (exchange) => {
    const answered = await exchange.forward()
    exchange.answer({ ...answered, headers: { ...answered.headers, 'content-length': 'many' } })
  }),
  linkAnswer(
    'another clip’s bytes cut off',
    changed((answered) => withBody(answered, answered.body.subarray(0, 5000))),
  ),
  linkAnswer(
    'noise instead of a video',
    changed((answered) => withBody(answered, Buffer.alloc(50_000, 0x9c))),
  ),
  linkAnswer('to a private address', to('https://192.168.0.1/clip.mp4')),
  linkAnswer('to the address of cloud secrets', to('http://169.254.169.254/latest/meta-data')),
  linkAnswer('to a private address in IPv6', to('https://[fd00::1]/clip.mp4')),
  linkAnswer('to a private address within IPv6', to('https://[::ffff:10.0.0.1]/clip.mp4')),
  linkAnswer('to a file', to('file:///etc/passwd')),
  linkAnswer('to nowhere', instead(invented(302, '', { 'content-type': 'text/plain' }))),
  linkAnswer('to an address with a password', to('https://me:secret@example.com/clip.mp4')),
  linkAnswer('to another page that is not encrypted', to('http://example.com/clip.mp4')),
  linkAnswer(
    'in a circle',
    (exchange) =>
      exchange.answer(invented(302, '', { 'content-type': 'text/plain', location: exchange.path })),
    { from: 1, to: 12 },
  ),
  linkAnswer('broken five times in its middle', half, { from: 1, to: 5 }),
  {
    name: 'link: it expires in mid-body, and is refused when going on',
    scope: 'row',
    ends: BOTH,
    rules: (aim) => [
      ruleOf('half', 'link', aim, half),
      ruleOf('expired', 'link', aim, instead(GONE), { from: 1, to: 2 }),
    ],
  },
  {
    name: 'link: another file under the same length and no validator',
    scope: 'row',
    ends: BOTH,
    rules: (aim) => [
      ruleOf('half, nothing to compare', 'link', aim, async (exchange) => {
        const {
          headers: { etag: _, 'last-modified': __, ...headers },
          ...answered
        } = await exchange.forward()
        exchange.answer({ ...answered, headers }, { cutAfterBytes: Math.floor(answered.body.length / 2) })
      }),
    ],
  },
  {
    name: 'link: a range that begins elsewhere',
    scope: 'row',
    ends: BOTH,
    rules: (aim) => [
      ruleOf('half', 'link', aim, half),
      ruleOf('elsewhere', 'link', aim, async (exchange) => {
        const answered = await exchange.forward()
        const size = String(answered.headers['content-range'] ?? '').split('/')[1] ?? '1'
        const range = `bytes 7-${6 + answered.body.length}/${size}`
        exchange.answer({ ...answered, headers: { ...answered.headers, 'content-range': range } })
      }),
    ],
  },
  {
    name: 'link: half of the clip called all of it when going on',
    scope: 'row',
    ends: BOTH,
    rules: (aim) => [
      ruleOf('half', 'link', aim, half),
      ruleOf(
        '416',
        'link',
        aim,
        instead(invented(416, '', { 'content-range': 'bytes */10', 'content-type': 'video/mp4' })),
      ),
    ],
  },
]

const LINK_WORDS: Fault[] = [
  ...[
    '[expire]',
    '[link 404]',
    '[html]',
    '[cut=20KB]',
    '[cut=1KB][no-range]',
    '[cut=20KB][changed]',
    '[long]',
    '[short]',
    '[wrong-size]',
    '[stall]',
    '[redirect]',
    '[redirect private]',
    '[redirect loop]',
    '[cut=1KB x4][expire]',
  ].map((one) => words(one, BOTH)),
  words('[expire x1000]', ends('failed link-expired'), { mayMiss: true }),
]

/** What stands for each kind where telling them apart again would say nothing new. */
const isTelling = (spoil: Spoil): boolean =>
  !/^5\d\d/.test(spoil.name) || /^(500|502|503|504|511|520|524|530)/.test(spoil.name)

/** Made of text: of a clip they would make another that nobody could tell from it. */
const isOnlyForJson = ({ name }: Spoil): boolean =>
  /^(two JSON texts|fields that nobody|a byte order mark|two bytes a letter)/.test(name)

export const FAULTS: readonly Fault[] = [
  ...SPOILS.map(onCreate),
  { ...onCreate(DOUBLED), ends: { evolink: DONE } },
  ...SPOILS.filter(isTelling)
    .filter(({ means }) => means === 'doubt')
    .map(onCreateTwice),
  ...CREATE_CHANGES,
  ...CREATE_WORDS,
  ...[...SPOILS, DOUBLED].map(onRead),
  ...READ_CHANGES,
  OLDER_AFTER_NEWER,
  OTHER_ORDER,
  forEver('400', 400, ends('waits request-refused')),
  forEver('405', 405, ends('failed task-forgotten', 'failed task-forgotten'), { mayMiss: true }),
  forEver('422', 422, ends('waits request-refused')),
  forEver('404', 404, ends('failed task-forgotten'), { mayMiss: true }),
  forEver('410', 410, ends('failed task-forgotten'), { mayMiss: true }),
  ...READ_WORDS,
  ...[...SPOILS, DOUBLED].filter(isTelling).map(onUpload),
  ...UPLOAD_CHANGES,
  ...[...SPOILS, DOUBLED].filter((spoil) => !isOnlyForJson(spoil)).map(onLink),
  ...LINK_FAULTS,
  ...LINK_WORDS,
  ...ACCOUNT_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...CLOCK_FAULTS,
]
