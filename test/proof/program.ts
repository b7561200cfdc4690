import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'vite'
import { type Change, instrument, type Site } from './sites.ts'

const PROJECT = resolve(import.meta.dirname, '../..')
const requireHere = createRequire(import.meta.url)

/** Libraries with a compiled part: they stay where they are. */
const COMPILED = ['better-sqlite3', 'sharp']

/** Until the process says what to do at a site. */
const BANNER = 'globalThis.__passed ??= (site, value) => value;'

/** A core to be run as one file, with every site reporting itself. */
export interface Program {
  /** To be given to a life as its `program`. */
  path: string
  sites: Site[]
}

/**
 * Makes one file of the core as it stands now, into `folder`. A life then starts in a third of the time, and
 * thousands of lives are all of the same core, whatever is edited while they go on.
 */
export async function makeProgram(folder: string, changes: readonly Change[] = []): Promise<Program> {
  const { sites, sources } = instrument(changes)
  const threads = Object.entries(sources).flatMap(([address, source]) =>
    [...source.matchAll(BESIDE)].map(([, name = '']) => fileURLToPath(new URL(name, address))),
  )
  const core = join(import.meta.dirname, 'core.ts')
  const entries = [core, ...threads].map((path) => [basename(path, '.ts'), path])
  await build({
    configFile: false,
    logLevel: 'error',
    root: PROJECT,
    publicDir: false,
    plugins: [serve(sources, threads)],
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node24',
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(entries) as Record<string, string>,
        output: {
          format: 'es',
          banner: BANNER,
          entryFileNames: '[name].mjs',
          chunkFileNames: 'chunk-[hash].mjs',
        },
      },
    },
  })
  return { path: join(folder, 'core.mjs'), sites }
}

const THREAD = join(import.meta.dirname, 'beside.ts')

/** A module that is started by its address rather than imported, such as a worker thread's. */
const BESIDE = /new URL\('(\.\/[\w-]+\.ts)', import\.meta\.url\)/g

function serve(sources: Record<string, string>, threads: readonly string[]): Plugin {
  return {
    name: 'reelsheet-proof',
    enforce: 'pre',
    resolveId: (name) =>
      COMPILED.includes(name)
        ? { id: pathToFileURL(requireHere.resolve(name)).href, external: true }
        : undefined,
    load: (path) => {
      const source = path.endsWith('.ts') ? sources[pathToFileURL(path).href] : undefined
      const marked = source?.replace(BESIDE, (text) => text.replace(/\.ts'/, ".mjs'"))
      return marked && threads.includes(path) ? `import ${JSON.stringify(THREAD)}\n${marked}` : marked
    },
  }
}
