/**
 * The floor under the engine: the same requests with nothing around them, and the same files. No database, no
 * checks, no resuming, no names to keep apart: whatever fails ends it. `argv[2]`: `BareRun` as JSON.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent } from 'undici'

export interface BareRun {
  folder: string
  family: 'evolink' | 'vtrix'
  jobs: number
  /** The body of a create without its prompt. */
  body: Record<string, unknown>
  url: string
  key: string
  createsAtOnce: number
  downloadsAtOnce: number
  isSynced: boolean
  /** How many bytes a sidecar of the engine has. */
  sidecarBytes: number
}
export interface BareRan {
  ms: number
  cpuMs: number
}

const BATCH = 50
const given = JSON.parse(process.argv[2] as string) as BareRun
const agent = new Agent({ pipelining: 1 })
const headers = { authorization: `Bearer ${given.key}`, 'content-type': 'application/json' }
const folder = join(given.folder, 'bare')
mkdirSync(folder)

const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
let next = 0
let saved = 0
const unread: string[] = []
const links: string[] = []
const isVtrix = given.family === 'vtrix'
let creating = 0
let reading = 0
let downloading = 0
const over = Promise.withResolvers<void>()
advance()
await over.promise
const ms = performance.now() - startedAt
const cpu = process.cpuUsage(cpuBefore)
await agent.close()
process.send?.({ ms, cpuMs: (cpu.user + cpu.system) / 1000 } satisfies BareRan)

function advance(): void {
  while (creating < given.createsAtOnce && next < given.jobs) {
    creating += 1
    go(create(next++), () => (creating -= 1))
  }
  const size = isVtrix ? 1 : BATCH
  // A full batch, or what is left once nothing more is made.
  while (unread.length >= size || (unread.length > 0 && creating === 0 && next === given.jobs)) {
    if (isVtrix && reading >= given.createsAtOnce) break
    reading += 1
    go(read(unread.splice(0, size)), () => (reading -= 1))
  }
  while (downloading < given.downloadsAtOnce && links.length > 0) {
    downloading += 1
    go(save(links.shift() as string, saved++), () => (downloading -= 1))
  }
  if (saved === given.jobs && downloading === 0) over.resolve()
}

function go(work: Promise<void>, end: () => void): void {
  work.then(
    () => {
      end()
      advance()
    },
    (error: unknown) => over.reject(error),
  )
}

async function create(index: number): Promise<void> {
  const body = JSON.stringify(bodyOf(`a lake at dusk ${index}`))
  const key = isVtrix
    ? {}
    : { 'idempotency-key': `rs-1-${index}-${Math.random().toString(36).padEnd(24, '0')}` }
  const path = isVtrix ? '/model/v1/generation' : '/v1/videos/generations'
  const task = (await ask('POST', path, body, key)) as { id: string }
  unread.push(task.id)
}

function bodyOf(prompt: string): Record<string, unknown> {
  const { input } = given.body as { input?: Record<string, unknown> }
  return input ? { ...given.body, input: { ...input, prompt } } : { ...given.body, prompt }
}

async function read(ids: string[]): Promise<void> {
  if (isVtrix) {
    const task = (await ask('GET', `/model/v1/generation/task/${ids[0]}`)) as {
      output: { content: { url: string }[] }[]
    }
    links.push(task.output[0]?.content[0]?.url as string)
    return
  }
  const { data } = (await ask('POST', '/v1/tasks/batch', JSON.stringify({ task_ids: ids }))) as {
    data: { results: string[] }[]
  }
  for (const task of data) links.push(task.results[0] as string)
}

async function ask(method: 'GET' | 'POST', path: string, body?: string, more = {}): Promise<unknown> {
  const answer = await agent.request({
    origin: given.url,
    path,
    method,
    headers: { ...headers, ...more },
    ...(body === undefined ? {} : { body }),
  })
  if (answer.statusCode !== 200)
    throw new Error(`${path} answered ${answer.statusCode}: ${await answer.body.text()}`)
  return await answer.body.json()
}

async function save(link: string, index: number): Promise<void> {
  const url = new URL(link)
  const answer = await agent.request({ origin: url.origin, path: url.pathname + url.search, method: 'GET' })
  if (answer.statusCode !== 200) throw new Error(`a clip answered ${answer.statusCode}`)
  const path = join(folder, `clip-${index}.mp4`)
  const file = await open(path, 'wx')
  const hash = createHash('sha256')
  for await (const chunk of answer.body) {
    hash.update(chunk as Buffer)
    await file.write(chunk as Buffer)
  }
  if (given.isSynced) await file.datasync()
  await file.close()
  const sidecar = await open(`${path}.json`, 'wx')
  await sidecar.write(hash.digest('hex').padEnd(given.sidecarBytes))
  if (given.isSynced) await sidecar.datasync()
  await sidecar.close()
}
