import { DEFAULT_NAME_TEMPLATE } from '../../../shared/run.ts'
import { type NameTemplate, parseTemplate, renderName, uniqueName } from '../archive/names.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'

/** The name a job's clip will have, reserved for it: unique among all jobs and clips of the archive folder. */
export function reserveClipName(job: JobRecord, store: Store, now: number): string {
  const run = store.runs.get(job.runId)
  if (!run) throw new Error(`run ${job.runId} is gone`)
  const wanted = renderName(templateOf(run), factsOf(job, run, store, now))
  return uniqueName(wanted, (name) => isTaken(name, run, job.id, store))
}

/** Checked when the run was made; should it no longer fit, a paid clip is archived under a plain name. */
function templateOf(run: RunRecord): NameTemplate {
  const { template } = parseTemplate(run.nameTemplate, run.headers)
  const plain = template ?? parseTemplate(DEFAULT_NAME_TEMPLATE).template
  if (!plain) throw new Error('the default template is one')
  return plain
}

/** Whether a name belongs to another job or clip of the folder. */
export const isTaken = (name: string, run: RunRecord, jobId: number, store: Store): boolean =>
  store.jobs.isNameTaken(run.archiveFolder, name, jobId) ||
  store.clips.isPathTaken(run.archiveFolder, name, jobId)

function factsOf(job: JobRecord, run: RunRecord, store: Store, now: number) {
  return {
    run: run.name,
    row: job.row,
    take: job.take,
    prompt: job.prompt,
    model: job.model,
    seed: typeof job.order.seed === 'number' ? job.order.seed : null,
    date: new Date(now).toISOString().slice(0, 10),
    name: job.name,
    id: job.rowKey,
    account: store.accounts.get(job.accountId)?.name ?? '',
    columns: job.cells,
  }
}
