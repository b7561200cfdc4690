import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/**
 * Every rule between rooms, shown to fire: one file per planted violation in a tree of its own, with the
 * project's real rules over it, and beside them files that break nothing. A rule that cannot be parsed is
 * only a remark to Biome, so a rule without a test here may well be no rule at all.
 */

const ROOT = resolve(import.meta.dirname, '../..')

interface Planted {
  /** A room rule (`rooms/<rule>.grit`) or a rule of Biome's own. */
  rule: string
  /** What the message tells the reader to do instead. */
  hint: RegExp
  path: string
  /** Each line breaks the rule by itself. */
  lines: string[]
}

const load = (source: string): string[] => [
  `import '${source}'`,
  `import { one } from '${source}'`,
  `import type { Two } from '${source}'`,
  `export { three } from '${source}'`,
  `export * from '${source}'`,
  `const four = await import('${source}')`,
  `const five = require('${source}')`,
  `type Six = import('${source}').Six`,
]

const PLANTED: Planted[] = [
  { path: 'src/shared/planted.ts', lines: load('node:fs'), rule: 'shared-alone', hint: /imports only zod/ },
  {
    path: 'src/shared/models/planted.ts',
    lines: load('undici-types'),
    rule: 'shared-alone',
    hint: /only zod/,
  },
  { path: 'src/shared/planted-up.ts', lines: load('../main/x.ts'), rule: 'shared-alone', hint: /only zod/ },
  {
    path: 'src/shared/models/planted-up.ts',
    lines: load('../../practice/x.ts'),
    rule: 'shared-alone',
    hint: /only zod/,
  },
  {
    path: 'src/main/core/jobs/planted-hosts.ts',
    lines: [...load('../../hosts/serve.ts'), ...load('ws')],
    rule: 'core-knows-no-host',
    hint: /Ports/,
  },
  {
    path: 'src/main/core/planted-renderer.ts',
    lines: [
      ...load('../../renderer/app.tsx'),
      ...load('../../preload/index.ts'),
      ...load('../index.ts'),
    ].filter((line) => !line.includes("'../index.ts'")),
    rule: 'core-knows-no-host',
    hint: /Ports/,
  },
  {
    path: 'src/main/core/planted-argv.ts',
    lines: load('commander'),
    rule: 'core-knows-no-host',
    hint: /Ports/,
  },
  {
    path: 'src/main/core/planted-practice.ts',
    lines: load('../../practice/index.ts'),
    rule: 'practice-door',
    hint: /Only src\/main\/core\/app.ts/,
  },
  {
    path: 'src/main/hosts/cli/planted-practice.ts',
    lines: load('../../../practice/server.ts'),
    rule: 'practice-door',
    hint: /over HTTP/,
  },
  {
    path: 'src/main/core/app.ts',
    lines: load('../../practice/life.ts'),
    rule: 'practice-front-door',
    hint: /src\/practice\/index.ts/,
  },
  {
    path: 'src/practice/planted.ts',
    lines: [...load('../main/core/ports.ts'), ...load('../shared/models/price.ts')],
    rule: 'practice-alone',
    hint: /with its source/,
  },
  {
    path: 'src/main/core/planted-electron.ts',
    lines: load('electron'),
    rule: 'electron-doors',
    hint: /a port/,
  },
  {
    path: 'src/main/hosts/serve-planted.ts',
    lines: load('electron/main'),
    rule: 'electron-doors',
    hint: /port/,
  },
  { path: 'src/renderer/planted-electron.ts', lines: load('electron'), rule: 'electron-doors', hint: /port/ },
  {
    path: 'src/main/core/jobs/planted-sqlite.ts',
    lines: load('better-sqlite3'),
    rule: 'sqlite-in-store',
    hint: /named statement/,
  },
  {
    path: 'src/practice/planted-sqlite.ts',
    lines: load('better-sqlite3'),
    rule: 'sqlite-in-store',
    hint: /Store/,
  },
  {
    path: 'src/main/core/provider/evolink/planted-undici.ts',
    lines: load('undici'),
    rule: 'undici-doors',
    hint: /Use their functions/,
  },
  {
    path: 'src/main/core/archive/planted-undici.ts',
    lines: load('undici'),
    rule: 'undici-doors',
    hint: /redirects, addresses/,
  },
  {
    path: 'src/main/core/sheets/planted-media.ts',
    lines: [...load('sharp'), ...load('mediabunny')],
    rule: 'media-libraries',
    hint: /probe.ts/,
  },
  {
    path: 'src/main/core/provider/evolink/planted-family.ts',
    lines: load('../vtrix/tasks.ts'),
    rule: 'families-apart',
    hint: /up into src\/main\/core\/provider/,
  },
  {
    path: 'src/main/core/provider/vtrix/planted-family.ts',
    lines: load('../evolink/tasks.ts'),
    rule: 'families-apart',
    hint: /up into src\/main\/core\/provider/,
  },
  {
    path: 'src/renderer/parts/planted.tsx',
    lines: [...load('../api/connect.ts'), ...load('../pages/runs/page.tsx')],
    rule: 'parts-take-props',
    hint: /from props alone/,
  },
  {
    path: 'src/renderer/planted-core.ts',
    lines: [...load('../main/core/app.ts'), ...load('node:fs')],
    rule: 'renderer-alone',
    hint: /through the contract/,
  },
  {
    path: 'src/preload/planted.ts',
    lines: [...load('../main/core/app.ts'), ...load('node:fs')],
    rule: 'preload-alone',
    hint: /behind a call/,
  },
  {
    path: 'src/main/core/planted-test.ts',
    lines: [...load('../../../test/support/rows.ts'), ...load('vitest'), ...load('fast-check')],
    rule: 'source-not-tests',
    hint: /into src/,
  },
  { path: 'src/shared/cycle-a.ts', lines: ["import './cycle-b.ts'"], rule: 'noImportCycles', hint: /cycle/ },
  { path: 'src/shared/cycle-b.ts', lines: ["import './cycle-a.ts'"], rule: 'noImportCycles', hint: /cycle/ },
  // A type-only circle counts as well: it vanishes when run, but neither file can be understood alone.
  {
    path: 'src/shared/cycle-c.ts',
    lines: ["import type { D } from './cycle-d.ts'"],
    rule: 'noImportCycles',
    hint: /cycle/,
  },
  {
    path: 'src/shared/cycle-d.ts',
    lines: ["import type { C } from './cycle-c.ts'"],
    rule: 'noImportCycles',
    hint: /cycle/,
  },
  ...[
    'const a1 = new Date()',
    'const a2 = new Date',
    'const a3 = Date()',
    'const a4 = Date.now()',
    'const a5 = { clock: Date.now }',
    'setTimeout(run, 5)',
    'const a6 = setInterval',
    'setImmediate(run)',
    'const a7 = Math.random()',
    'const a8 = crypto.randomUUID()',
    "import { randomUUID } from 'node:crypto'",
    "import { randomUUID as id } from 'node:crypto'",
    "import { setTimeout as wait } from 'node:timers/promises'",
    "import timers from 'timers'",
    'const { now } = Date',
    'const { random } = Math',
    "console.log('x')",
    'globalThis.setTimeout(run, 1)',
    'const a9 = performance.now()',
    'const signal = AbortSignal.timeout(5)',
    'const b1 = process.hrtime.bigint()',
  ].map((line, index) => ({
    path: `src/main/core/asks-${index}.ts`,
    lines: [line],
    rule: 'core-asks-ports',
    hint: /Clock, Random and Logger/,
  })),
]

/** Files that break nothing, above all those that a rule names as its exception. */
const CLEAN: Record<string, string[]> = {
  'src/shared/clean.ts': [
    ...load('zod'),
    ...load('@orpc/contract'),
    ...load('./run.ts'),
    ...load('./models/a.ts'),
  ],
  'src/shared/models/clean.ts': load('../problem.ts'),
  'src/main/core/clean.ts': [...load('node:fs'), ...load('../../shared/run.ts'), ...load('papaparse')],
  'src/main/core/provider/clean.ts': [...load('./practice.ts'), ...load('./evolink/adapter.ts')],
  'src/main/core/provider/evolink/clean.ts': [...load('../http.ts'), ...load('./tasks.ts')],
  'src/main/core/jobs/clean.ts': [
    'const at = new Date(5).toISOString()',
    "const parsed = Date.parse('2026-01-01')",
    'const rounded = Math.round(1.5)',
    'const options = { setTimeout: 1, console: 2 }',
    'await clock.sleep(5)',
    "import { createHash } from 'node:crypto'",
  ],
  'src/main/core/system.ts': ['const at = Date.now()', 'setTimeout(run, 1)', "console.log('x')"],
  'src/main/core/store/clean.ts': load('better-sqlite3'),
  'src/main/core/provider/http.ts': load('undici'),
  'src/main/core/provider/http-route.ts': load('undici'),
  'src/main/core/archive/transfer.ts': [...load('undici'), ...load('mediabunny')],
  'src/main/core/archive/transfer-body.ts': load('undici'),
  'src/main/core/references/clean.ts': [...load('sharp'), ...load('mediabunny')],
  'src/main/index.ts': [...load('electron'), 'const at = Date.now()'],
  'src/main/hosts/electron-window.ts': load('electron'),
  'src/main/hosts/clean.ts': [
    ...load('ws'),
    ...load('commander'),
    ...load('../core/app.ts'),
    ...load('electronics'),
  ],
  'src/preload/index.ts': [...load('electron'), ...load('../shared/contract.ts')],
  'src/practice/clean.ts': [
    ...load('sharp'),
    ...load('../shared/account.ts'),
    ...load('node:http'),
    'Date.now()',
  ],
  'src/renderer/pages/clean.tsx': [...load('../api/connect.ts'), ...load('../../shared/job.ts')],
  'src/renderer/parts/clean.tsx': [...load('./badge.tsx'), ...load('../../shared/job.ts')],
  'test/unit/clean.test.ts': [...load('vitest'), ...load('undici'), ...load('../../src/main/core/app.ts')],
}

interface Found {
  severity: string
  message: string
  category: string
  location: { path: string; start: { line: number } }
}

let folder: string
let found: Found[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelsheet-rooms-'))
  const settings = JSON.parse(await readFile(join(ROOT, 'biome.json'), 'utf8')) as Record<string, unknown>
  await cp(join(ROOT, 'rooms'), join(folder, 'rooms'), { recursive: true })
  await write('biome.json', [JSON.stringify({ ...settings, vcs: { enabled: false } })])
  for (const { path, lines } of PLANTED) await write(path, lines)
  for (const [path, lines] of Object.entries(CLEAN)) await write(path, lines)
  found = (await lint()).filter(({ category }) => !category.startsWith('lint/') || isCycle(category))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function write(path: string, lines: string[]): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), `${lines.join('\n')}\n`)
}

/** Everything Biome says about the planted tree. Its exit code is not asked: the tree is full of faults. */
function lint(): Promise<Found[]> {
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.']
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 26 }, (_error, stdout, stderr) => {
      try {
        done((JSON.parse(stdout) as { diagnostics: Found[] }).diagnostics)
      } catch {
        fail(new Error(`biome gave no report: ${stderr}`))
      }
    })
  })
}

const isCycle = (category: string): boolean => category === 'lint/suspicious/noImportCycles'

/** The rule that a finding belongs to; a rule that Biome could not run has a name that no test expects. */
const ruleOf = ({ category, message }: Found): string =>
  isCycle(category) ? 'noImportCycles' : category === 'plugin' ? (message.split(':')[0] as string) : category

const of = (path: string): Found[] => found.filter(({ location }) => location.path === path)

describe('a planted violation', () => {
  test.each(PLANTED)('of $rule in $path', ({ path, lines, rule, hint }) => {
    const here = of(path)
    expect([...new Set(here.map(ruleOf))]).toEqual([rule])
    expect([...new Set(here.map(({ location }) => location.start.line))].sort((a, b) => a - b)).toEqual(
      lines.map((_, index) => index + 1),
    )
    for (const one of here) {
      expect(one.severity).toBe('error')
      expect(one.message).toMatch(hint)
    }
  })
})

describe('a file that breaks nothing', () => {
  test.each(Object.keys(CLEAN))('%s', (path) => {
    expect(of(path)).toEqual([])
  })
})

test('nothing else is said about the planted tree', () => {
  const known = new Set([...PLANTED.map(({ path }) => path), ...Object.keys(CLEAN)])
  expect(found.filter(({ location }) => !known.has(location.path))).toEqual([])
})

test('every rule is switched on and has a planted violation', async () => {
  const settings = JSON.parse(await readFile(join(ROOT, 'biome.json'), 'utf8')) as {
    plugins: { path: string }[]
    linter: { rules: { suspicious: Record<string, { level: string }> } }
  }
  const files = (await readdir(join(ROOT, 'rooms'))).map((name) => basename(name, '.grit')).sort()
  const on = settings.plugins.map(({ path }) => basename(path, '.grit')).sort()
  const planted = [...new Set(PLANTED.map(({ rule }) => rule))].sort()
  expect(on).toEqual(files)
  expect(planted).toEqual([...files, 'noImportCycles'].sort())
  expect(settings.linter.rules.suspicious.noImportCycles?.level).toBe('error')
})
