import fc from 'fast-check'
import { toMicros } from '../../src/main/core/provider/amounts.ts'
import {
  acceptedId,
  classifyCreate,
  classifyRead,
  type Manners,
  type Verdict,
} from '../../src/main/core/provider/classify.ts'
import { classifyFiles } from '../../src/main/core/provider/classify-files.ts'
import * as evolink from '../../src/main/core/provider/evolink/tasks.ts'
import { type Answer, parseJson } from '../../src/main/core/provider/http-answer.ts'
import { toError } from '../../src/main/core/provider/problems.ts'
import {
  Busy,
  Refused,
  type TaskReading,
  Unconfirmed,
  Unreachable,
} from '../../src/main/core/provider/provider.ts'
import * as vtrix from '../../src/main/core/provider/vtrix/tasks.ts'
import { chargeByLiveRule, evaluate, readLiveRule } from '../../src/shared/models/live-rules.ts'
import { ratio } from '../../src/shared/models/ratio.ts'
import { CANARY, type FuzzDoor, insist, insistProblem } from './door.ts'
import { anyJsonText, ECHOES, fixtureBodies, nastyText, nearJson, oddAnswer } from './hostile.ts'

const RULE = {
  model: {
    model_id: 'wan2.6-reference-video',
    pricing_status: 'available',
    components: [
      {
        id: 'output',
        pricing_status: 'available',
        condition: {
          op: 'eq',
          args: [
            { op: 'variable', name: 'quality' },
            { op: 'constant', value: '720p' },
          ],
        },
        rate: { uc: '5000000' },
        minimum_charge: { uc: '0' },
        quantity_rule: {
          op: 'multiply',
          args: [
            { op: 'variable', name: 'duration' },
            {
              op: 'lookup',
              key: { op: 'variable', name: 'quality' },
              values: { '720p': '1', '1080p': '1.67' },
            },
            {
              op: 'divide',
              args: [
                { op: 'constant', value: '10' },
                { op: 'constant', value: '3' },
              ],
            },
            {
              op: 'if',
              args: [
                {
                  op: 'gte',
                  args: [
                    { op: 'constant', value: 2 },
                    { op: 'constant', value: 1 },
                  ],
                },
                {
                  op: 'add',
                  args: [
                    { op: 'constant', value: 1 },
                    {
                      op: 'min',
                      args: [
                        { op: 'constant', value: 1 },
                        { op: 'constant', value: 2 },
                      ],
                    },
                  ],
                },
                { op: 'constant', value: 0 },
              ],
            },
          ],
        },
        rounding: { point: 'per_component_subtotal', mode: 'half_up' },
        tiers: [{ when: { op: 'constant', value: true }, rate: { uc: '7' } }],
      },
    ],
  },
}
const MODEL = 'wan2.6-reference-video'
const VARIABLES = { duration: ratio(5), quality: '720p', audio: true }

interface Input {
  text: string
  rule: string
  status: number
  family: 'evolink' | 'vtrix'
  headers: Record<string, string>
}

const header = fc.oneof(
  nastyText,
  fc.constantFrom('0', '-1', '60', '1e9', '99999999999', 'Wed, 21 Oct 2026 07:28:00 GMT', 'soon', ...ECHOES),
)

/** What providers answer, read by pure functions: every shape of create, task, list, files and price answers. */
export const door: FuzzDoor<Input> = {
  name: 'readings',
  memoryMb: 256,
  inputs: { short: 250, long: 20_000 },
  arbitrary: fc.record({
    text: fc.oneof(
      nearJson(fixtureBodies(), oddAnswer),
      nearJson(fixtureBodies(), oddAnswer),
      anyJsonText,
      fc.constantFrom(...ECHOES),
    ),
    rule: fc.oneof(nearJson([RULE, RULE.model.components[0]]), anyJsonText),
    status: fc.oneof(
      fc.constantFrom(
        200,
        201,
        202,
        204,
        302,
        400,
        401,
        402,
        403,
        404,
        409,
        413,
        422,
        429,
        500,
        502,
        503,
        504,
      ),
      fc.integer({ min: 100, max: 999 }),
    ),
    family: fc.constantFrom('evolink', 'vtrix'),
    headers: fc.dictionary(
      fc.constantFrom('retry-after', 'content-type', 'idempotency-replayed', '__proto__'),
      header,
    ),
  }),
  attack: async (input, { saw }) => {
    const json = parseJson(input.text)
    const answer: Answer = { status: input.status, headers: input.headers, text: input.text, json }
    const manners: Manners = { family: input.family, now: Date.UTC(2026, 9, 9), secrets: [CANARY] }
    insistVerdict(classifyCreate(answer, manners), 'create', saw)
    insistVerdict(classifyRead(answer, manners), 'read', saw)
    insistVerdict(classifyRead(answer, manners, true), 'read', saw)
    insistVerdict(classifyFiles(answer, manners), 'files', saw)
    const id = acceptedId(json)
    insist(id === null || /^[A-Za-z0-9._:-]{1,128}$/.test(id), `a task id like ${id}`)
    for (const reading of [evolink.toReading(json, [CANARY]), vtrix.toReading(json, [CANARY])])
      insistReading(reading, saw)
    const listed = evolink.toListed(json)
    if (listed) insist(Number.isSafeInteger(listed.createdAt), `created at ${listed.createdAt}`)
    insistMicros(toMicros(input.text.slice(0, 200)))
    insistRule(parseJson(input.rule))
    insist(({} as { polluted?: unknown }).polluted === undefined, 'every object was changed')
  },
}

function insistVerdict(
  verdict: Verdict,
  doing: 'create' | 'read' | 'files',
  saw: (thing: unknown) => void,
): void {
  saw(verdict)
  const wait = 'retryAfterMs' in verdict.reaction ? verdict.reaction.retryAfterMs : null
  insist(wait === null || (wait >= 0 && wait <= 86_400_000), `a wait of ${wait} ms`)
  if (verdict.class === 'ok') return
  const error = toError(verdict, {
    provider: 'EvoLink',
    account: 'a',
    host: 'api.example.com',
    doing,
    model: MODEL,
  })
  saw(error)
  const isKnown = [Refused, Busy, Unreachable, Unconfirmed].some((known) => error instanceof known)
  insist(isKnown, `an error of no kind: ${error.name}`)
  insistProblem((error as Refused).problem, JSON.stringify(verdict.told))
}

export function insistReading(reading: TaskReading | null, saw: (thing: unknown) => void): void {
  // Links may hold anything: they are kept from eyes anyway.
  saw(reading?.state === 'succeeded' ? { ...reading, urls: [] } : reading)
  if (reading === null || reading.state === 'forgotten') return
  if (reading.state === 'running') {
    const { progress, estimatedMs } = reading
    insist(progress === null || (progress >= 0 && progress <= 1), `a progress of ${progress}`)
    insist(
      estimatedMs === null || (Number.isSafeInteger(estimatedMs) && estimatedMs >= 0),
      `an estimate of ${estimatedMs} ms`,
    )
    return
  }
  insistMicros(reading.chargedMicros)
  if (reading.state === 'failed')
    insist(reading.message.length <= 300 && reading.code.length <= 80, 'a long message')
  else for (const url of reading.urls) insist(/^https?:/i.test(url), `a link like ${url}`)
}

export function insistMicros(micros: number | null): void {
  insist(micros === null || (Number.isSafeInteger(micros) && micros >= 0), `an amount of ${micros}`)
}

function insistRule(rule: unknown): void {
  const read = readLiveRule(rule, MODEL)
  const charge = read && chargeByLiveRule(read, VARIABLES)
  insist(charge === undefined || charge >= 0n, `a charge of ${charge}`)
  evaluate(rule, VARIABLES)
}
