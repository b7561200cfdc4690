import fc from 'fast-check'
import {
  checkPathLength,
  type NameFacts,
  nameCandidates,
  nameKey,
  parseTemplate,
  renderName,
  safePart,
  slugOf,
  takenFrom,
  uniqueName,
} from '../../src/main/core/archive/names.ts'
import { type FuzzDoor, insist, insistProblem } from './door.ts'
import { nastyText } from './hostile.ts'

const PIECES = [
  '{run}',
  '{row:000}',
  '{slug}',
  '{take}',
  '{name}',
  '{id}',
  '{seed}',
  '{mood}',
  '{}',
  '{:}',
  '{row:}',
  '{',
  '}',
]
const part = fc.oneof(
  fc.constantFrom(...PIECES, '/', '..', '.', ' ', '-', '.mp4', '\\', 'clips', 'CON', 'aux.', 'a:b', '~'),
  nastyText,
)
/** No longer than the contract takes. */
const template = fc.array(part, { maxLength: 8 }).map((parts) => parts.join('').slice(0, 200))

interface Input {
  template: string
  columns: [string, string][]
  facts: Omit<NameFacts, 'columns'>
}

const maybe = (text: fc.Arbitrary<string>) => fc.option(text, { nil: null })
const arbitrary: fc.Arbitrary<Input> = fc.record({
  template,
  columns: fc.array(fc.tuple(fc.oneof(fc.constant('mood'), nastyText), nastyText), { maxLength: 4 }),
  facts: fc.record({
    run: nastyText,
    row: fc.oneof(fc.nat(), fc.constant(1_000_000)),
    take: fc.nat(),
    prompt: nastyText,
    model: nastyText,
    seed: maybe(fc.constant('1')).map((seed) => (seed === null ? null : Number(seed))),
    date: nastyText,
    name: maybe(nastyText),
    id: maybe(nastyText),
    account: nastyText,
  }),
})

/** Written anew from https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file, the strictest of the three. */
const DEVICES = /^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(\.|$)/i

function insistPart(one: string, where: string): void {
  const say = (what: string) => `${where}: ${JSON.stringify(one.slice(0, 80))} ${what}`
  insist(one !== '' && one !== '.' && one !== '..', say('is no name'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no system takes
  insist(!/[<>:"/\\|?*\u0000-\u001f\u007f]/.test(one), say('holds a letter that Windows refuses'))
  insist(!/[. ]$/.test(one) && !/^ /.test(one), say('begins or ends in a way that Windows changes'))
  insist(!one.startsWith('-') && !one.startsWith('.'), say('is hidden or looks like an option'))
  insist(!DEVICES.test(one), say('is a device'))
  insist(!/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/.test(one), say('turns the direction of text'))
  insist(one.isWellFormed() && one.normalize('NFC') === one, say('is spelled differently on another system'))
  insist(Buffer.byteLength(one) <= 255 - '.part.json.tmp'.length, say('is too long'))
}

/** Names of clips: a template that a person wrote and values that a sheet, a model or a stranger gave. */
export const door: FuzzDoor<Input> = {
  name: 'names',
  memoryMb: 128,
  inputs: { short: 300, long: 20_000 },
  arbitrary,
  attack: async ({ template, columns, facts }, { saw }) => {
    const cells = Object.fromEntries(columns)
    const parsed = parseTemplate(template, Object.keys(cells))
    for (const found of parsed.problems) saw(insistProblem(found, `${template} ${columns.join(' ')}`))
    const rendered = renderName(parsed.template ?? { parts: [[{ text: 'a' }]] }, { ...facts, columns: cells })
    insistName(rendered)
    slugOf(facts.prompt)
    safePart(facts.run)
    checkPathLength('/clips', rendered, 'win32')
    const taken = new Set<string>()
    for (let count = 0; count < 12; count += 1) {
      const next = uniqueName(rendered, takenFrom(taken))
      insist(
        !taken.has(next) && ![...taken].some((one) => nameKey(one) === nameKey(next)),
        `${next} is taken`,
      )
      insistName(next)
      taken.add(next)
    }
    const candidates = nameCandidates(rendered)
    for (let count = 0; count < 3; count += 1) insistName(candidates.next().value)
  },
}

function insistName(name: string): void {
  insist(name.endsWith('.mp4'), `${name} is no clip`)
  const parts = name.split('/')
  parts.forEach((one, index) => {
    insistPart(one, name.slice(0, 120))
    if (index === parts.length - 1) insistPart(one.slice(0, -'.mp4'.length), name.slice(0, 120))
  })
}
