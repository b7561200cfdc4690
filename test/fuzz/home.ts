import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { takeFolder } from '../../src/main/core/store/owner.ts'
import { createSecrets } from '../../src/main/hosts/secrets.ts'
import { openApp } from './app.ts'
import { CANARY, type FuzzDoor, insist, insistProblemError } from './door.ts'
import { anyJsonText, nastyText, nearJson } from './hostile.ts'

const OWNER = { pid: 1, host: 'a', who: 'the command line', since: '2026-11-20T08:00:00.000Z' }
const KEYS = { version: 1, keys: { night: CANARY } }
const FILES = [
  'owner.json',
  'keys.json',
  'practice/port',
  'practice/key',
  'practice/link-secret',
  'practice/journal.jsonl',
  'logs',
  'references',
  'backups',
  'uploads',
  'keys.json.part',
] as const

interface Input {
  owner: string
  keys: string
  port: string
  more: { name: (typeof FILES)[number]; what: 'text' | 'folder'; text: string }[]
  isStarted: boolean
}

let count = 0

/** The small files of a data folder, after somebody edited them. */
export const door: FuzzDoor<Input> = {
  name: 'home',
  memoryMb: 256,
  isUnfenced: true,
  inputs: { short: 12, long: 1_200 },
  keyFiles: ['keys.json', 'keys.json.part'],
  arbitrary: fc.record({
    owner: fc.oneof(nearJson([OWNER]), anyJsonText),
    keys: fc.oneof(nearJson([KEYS]), anyJsonText, fc.constant(`{"version":1,"keys":{"night":"${CANARY}",}}`)),
    port: fc.oneof(
      fc.constantFrom('0', '-1', '65536', '1e4', '80', '99999999', '0x1F90', ' 8080 \n'),
      nastyText,
    ),
    more: fc.array(
      fc.record({
        name: fc.constantFrom(...FILES),
        what: fc.constantFrom('text', 'folder'),
        text: anyJsonText,
      }),
      { maxLength: 2 },
    ),
    isStarted: fc.boolean(),
  }),
  attack: async (input, sandbox) => {
    count += 1
    const name = `home-${count}`
    const home = join(sandbox.inside, name)
    mkdirSync(join(home, 'practice'), { recursive: true })
    writeFileSync(join(home, 'owner.json'), input.owner)
    writeFileSync(join(home, 'keys.json'), input.keys)
    writeFileSync(join(home, 'practice/port'), input.port)
    for (const { name: file, what, text } of input.more) {
      rmSync(join(home, file), { recursive: true, force: true })
      if (what === 'folder') mkdirSync(join(home, file), { recursive: true })
      else writeFileSync(join(home, file), text)
    }
    try {
      askSecrets(home)
      await live(sandbox, name, input.isStarted)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  },
}

function askSecrets(home: string): void {
  const secrets = createSecrets(home, {})
  for (const ask of [
    () => {
      const key = secrets.read('night')
      insist(key === undefined || typeof key === 'string', `a key that is a ${typeof key}`)
      for (const name of ['toString', '__proto__', 'constructor'])
        insist(typeof secrets.read(name) !== 'function', `${name} of every object passes for a key`)
    },
    () => secrets.write('other', 'sk-other'),
    () => secrets.remove('other'),
  ]) {
    try {
      ask()
    } catch (error) {
      if (!isDisk(error)) insistProblemError(error)
    }
  }
}

/** A folder where a file should be: told by the host that opened the folder, with its code. */
const isDisk = (error: unknown): boolean => /^E[A-Z]+$/.test(String((error as { code?: unknown }).code))

async function live(sandbox: Parameters<typeof openApp>[0], name: string, isStarted: boolean): Promise<void> {
  let app: ReturnType<typeof openApp>
  try {
    app = openApp(sandbox, name, createSecrets(join(sandbox.inside, name), {}))
  } catch (error) {
    sandbox.saw(error)
    if (!isDisk(error)) insistProblemError(error)
    return
  }
  try {
    // Somebody else asks for the same folder: the sentence quotes `owner.json`.
    try {
      takeFolder(join(sandbox.inside, name), 'another', 0).release()
      insist(false, 'a folder has two owners')
    } catch (error) {
      sandbox.saw(insistProblemError(error, 'undefined NaN [object '))
    }
    if (isStarted) await app.start()
    await app.client.accounts.list()
  } catch (error) {
    if (isDisk(error) || (error as Error).message.includes('journal')) return
    throw error
  } finally {
    await app.stop()
  }
}
