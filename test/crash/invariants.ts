/** Looks at what a killed command line left behind, from outside: the provider’s journal, the database, the disk. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

export interface Findings {
  tasks: { prompt: string; id: string; charged: boolean }[]
  jobs: { state: string; prompt: string; remoteId: string | null }[]
  /** Every file of the archive, relative. */
  files: string[]
  /** Everything that breaks a promise, in words. */
  broken: string[]
}

/** `rows` = how many clips were ordered. */
export function inspect(folder: string, rows: number): Findings {
  const tasks = readTasks(join(folder, 'home/practice'))
  const db = new Database(join(folder, 'home/reelsheet.db'), { readonly: true })
  const broken: string[] = []
  try {
    const jobs = db
      .prepare('SELECT state, prompt, remote_id AS remoteId FROM jobs ORDER BY id')
      .all() as Findings['jobs']
    const clips = db.prepare('SELECT path, sha256, sidecar_path AS sidecar FROM clips').all() as {
      path: string
      sha256: string
      sidecar: string
    }[]
    const files = list(join(folder, 'archive'))
    checkTasks(tasks, jobs, broken)
    checkFiles(join(folder, 'archive'), files, clips, rows, broken)
    const over = db
      .prepare('SELECT name FROM runs WHERE cap_micros IS NOT NULL AND counted_micros > cap_micros')
      .all()
    if (over.length > 0) broken.push('a cap was passed')
    if (jobs.some((job) => job.state !== 'done')) broken.push(`not done: ${JSON.stringify(jobs)}`)
    return { tasks, jobs, files, broken }
  } finally {
    db.close()
  }
}

function checkTasks(tasks: Findings['tasks'], jobs: Findings['jobs'], broken: string[]): void {
  for (const prompt of new Set(tasks.map((task) => task.prompt))) {
    const of = tasks.filter((task) => task.prompt === prompt)
    if (of.length > 1) broken.push(`${of.length} tasks were bought for "${prompt}"`)
    if (of.filter((task) => task.charged).length > 1) broken.push(`"${prompt}" was charged twice`)
  }
  for (const task of tasks) {
    if (!jobs.some((job) => job.remoteId === task.id)) broken.push(`the task ${task.id} was lost`)
  }
}

function checkFiles(
  archive: string,
  files: string[],
  clips: { path: string; sha256: string; sidecar: string }[],
  rows: number,
  broken: string[],
): void {
  const expected = new Set(clips.flatMap((clip) => [clip.path, clip.sidecar]))
  if (clips.length !== rows) broken.push(`${clips.length} clips are recorded, ${rows} were ordered`)
  for (const file of files) if (!expected.has(file)) broken.push(`left over: ${file}`)
  for (const clip of clips) {
    if (!files.includes(clip.path)) {
      broken.push(`missing: ${clip.path}`)
      continue
    }
    const hash = sha256(join(archive, clip.path))
    if (hash !== clip.sha256) broken.push(`${clip.path} is not what the database says`)
    const sidecar = JSON.parse(readFileSync(join(archive, clip.sidecar), 'utf8')) as {
      clip: { sha256: string }
    }
    if (sidecar.clip.sha256 !== hash) broken.push(`${clip.path} is not what its sidecar says`)
  }
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

function list(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** The practice provider's own journal, read without its code. */
function readTasks(folder: string): Findings['tasks'] {
  const tasks = new Map<string, Findings['tasks'][number]>()
  for (const line of readFileSync(join(folder, 'journal.jsonl'), 'utf8').split('\n')) {
    if (line === '') continue
    const entry = JSON.parse(line) as Record<string, unknown> & { kind: string }
    if (entry.kind === 'task') {
      const task = entry.task as { id: string; prompt: string }
      tasks.set(task.id, { id: task.id, prompt: task.prompt, charged: false })
    }
    if (entry.kind === 'settle') {
      const known = tasks.get(String(entry.id))
      if (known) known.charged = Number(entry.chargedMicros) > 0
    }
  }
  return [...tasks.values()]
}
