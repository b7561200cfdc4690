import { createHash } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { App } from '../../src/main/core/app.ts'
import { serveClip } from '../../src/main/core/media/clip.ts'
import { insistCallProblem, openApp } from './app.ts'
import { type FuzzDoor, insist, insistProblem, type Sandbox } from './door.ts'
import { anyJsonText, nastyText, nearJson, oddValue } from './hostile.ts'

const BYTES = Buffer.from('a clip that is short')
const sidecarWith = (file: string) => ({
  reelsheet: 1,
  prompt: 'a lake',
  model: 'wan2.6-image-to-video-flash',
  family: 'evolink',
  account: 'night',
  task: { id: 'task-1', output: 0 },
  order: { duration: 5, quality: '720p' },
  references: [
    { position: 1, role: 'first', name: 'lake.jpg', kind: 'image', sha256: 'a'.repeat(64), address: null },
  ],
  run: { id: 1, name: 'night' },
  job: { id: 1, row: 1, rowKey: null, name: null, take: 1 },
  times: {
    createdAt: '2026-11-20T08:00:00.000Z',
    submittedAt: null,
    finishedAt: null,
    archivedAt: '2026-11-20T08:10:00.000Z',
  },
  price: { currency: 'credits', estimatedMicros: 1, reservedMicros: null, chargedMicros: 2 },
  clip: {
    file,
    sha256: createHash('sha256').update(BYTES).digest('hex'),
    sizeBytes: BYTES.length,
    container: 'mp4',
    codec: 'avc',
    width: 480,
    height: 832,
    durationMs: 5_000,
    framesPerSecond: 30,
    hasSound: false,
  },
  problem: null,
  appVersion: '0.1.0',
})

const NAMES = [
  'clip.mp4',
  '../outside/bystander.txt',
  '../../bystander.txt',
  '/etc/passwd',
  '..',
  '.',
  '',
  'a\0b.mp4',
  'CON',
  'nul.mp4',
  'link.mp4',
  'folder.mp4',
  'x'.repeat(3_000),
  'CLIP.MP4',
  './clip.mp4',
  'clip.mp4/',
  'clip.mp4.json',
  '__proto__',
]

interface Input {
  sidecars: string[]
  /** What else lies in the folder. */
  beside: (
    | 'link-file'
    | 'link-folder'
    | 'link-loop'
    | 'link-sidecar'
    | 'sparse'
    | 'folder'
    | 'deep'
    | 'hidden'
    | 'hard-link'
  )[]
  names: string[]
  range: string
}

let app: App
let count = 0
/** Of the clips of earlier inputs, whose folders are gone. */
let lastId = 0

/** An archive folder that somebody else filled: its sidecars are read to rebuild the library, its clips are shown. */
export const door: FuzzDoor<Input> = {
  name: 'sidecars',
  memoryMb: 256,
  inputs: { short: 40, long: 2_500 },
  isUnfenced: true,
  arbitrary: fc.record({
    sidecars: fc.array(
      fc.oneof(
        {
          weight: 5,
          arbitrary: nearJson(
            NAMES.map(sidecarWith),
            fc.oneof(oddValue, fc.constantFrom(...NAMES), nastyText),
          ),
        },
        { weight: 3, arbitrary: fc.constantFrom(...NAMES).map((name) => JSON.stringify(sidecarWith(name))) },
        { weight: 1, arbitrary: anyJsonText },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '{\n  "reelsheet": 1',
            '{\n  "reelsheet": ',
            '{"reelsheet":1}',
            '{"reelsheet":2}',
          ),
        },
      ),
      { maxLength: 4 },
    ),
    beside: fc.uniqueArray(
      fc.constantFrom(
        'link-file',
        'link-folder',
        'link-loop',
        'link-sidecar',
        'sparse',
        'folder',
        'deep',
        'hidden',
        'hard-link',
      ),
      { maxLength: 4 },
    ),
    names: fc.array(
      fc.constantFrom(
        'clip.mp4',
        'CON.mp4',
        'nul.json',
        '-rf.mp4',
        'a\nb.mp4',
        '你好.mp4',
        '\u202e4pm.exe.mp4',
        '__proto__.json',
      ),
      { maxLength: 3 },
    ),
    range: fc.oneof(nastyText, fc.constantFrom('bytes=0-', 'bytes=-1', 'bytes=5-2', 'bytes=0-0,2-2')),
  }),
  open: async (sandbox) => {
    app = openApp(sandbox)
  },
  attack: async (input, sandbox) => {
    count += 1
    const folder = join(sandbox.inside, `archive-${count}`)
    mkdirSync(folder)
    for (const kind of input.beside) plant(folder, kind, sandbox)
    for (const name of input.names) writeFileSync(join(folder, name), BYTES)
    if (!input.names.includes('clip.mp4')) writeFileSync(join(folder, 'clip.mp4'), BYTES)
    for (const [index, text] of input.sidecars.entries())
      writeFileSync(join(folder, `${index}.mp4.json`), text)
    const given = input.sidecars.join()
    try {
      const built = await app.client.clips
        .rebuild({ folder })
        .catch((error: unknown) => insistCallProblem(error, sandbox, given))
      if (built) for (const found of built.problems) insistProblem(found, given)
      const again = await app.client.clips
        .rebuild({ folder })
        .catch((error: unknown) => insistCallProblem(error, sandbox, given))
      if (again) insist(again.added === 0, `${again.added} clips were added twice`)
      await insistShown(folder, input.range, sandbox)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  close: () => app.stop(),
}

function plant(folder: string, kind: Input['beside'][number], { outside }: Sandbox): void {
  const at = (name: string): string => join(folder, name)
  const makers: Record<typeof kind, () => unknown> = {
    'link-file': () => symlinkSync(join(outside, 'bystander.txt'), at('link.mp4')),
    'link-folder': () => symlinkSync(outside, at('linked')),
    'link-loop': () => symlinkSync(at('loop'), at('loop')),
    'link-sidecar': () => symlinkSync(join(outside, 'bystander.txt'), at('stolen.mp4.json')),
    'hard-link': () => {
      writeFileSync(at('one.mp4'), BYTES)
      linkSync(at('one.mp4'), at('other.mp4'))
    },
    sparse: () => {
      const file = openSync(at('sparse.mp4.json'), 'w')
      ftruncateSync(file, 2 ** 30)
      closeSync(file)
    },
    folder: () => mkdirSync(at('folder.mp4.json')),
    deep: () => mkdirSync(at('a/b/c/d/e/f/g/h/i/j/k/l'), { recursive: true }),
    hidden: () => {
      mkdirSync(at('.hidden'))
      writeFileSync(at('.hidden/0.mp4.json'), JSON.stringify(sidecarWith('clip.mp4')))
    },
  }
  makers[kind]()
}

/** The doors for players give a clip's own bytes or a refusal, never a file of elsewhere. */
async function insistShown(folder: string, range: string, sandbox: Sandbox): Promise<void> {
  const { clips } = await app.client.clips.page({ after: lastId })
  lastId = clips.at(-1)?.id ?? lastId
  const known = [...clips.map(({ id }) => String(id)), '0', range]
  for (const id of known) {
    const answer = await serveClip(app.core, id, { method: 'GET', range, ifNoneMatch: range })
    const body = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 200 || answer.status === 206) {
      insist(BYTES.includes(body), 'bytes that are no clip of this folder were shown')
      continue
    }
    if (answer.status === 304 || answer.status === 416) continue
    sandbox.saw(body.toString())
    insistProblem(JSON.parse(body.toString()), folder)
  }
  await app.client.clips.check({}).catch((error: unknown) => insistCallProblem(error, sandbox, folder))
}
