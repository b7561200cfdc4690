import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobState } from '../../shared/job.ts'
import { problem } from '../../shared/problem.ts'
import type { Run } from '../../shared/run.ts'
import type { App } from '../core/app.ts'
import type { Refusal } from './serve-guard.ts'

const RENDERER = join(import.meta.dirname, '../../renderer')
const MOST_RUNS = 50
const MICROS = 1_000_000

/** The page at `/`: the runs of this data folder as they are now, and what to type for more. */
export async function drawPage(app: App): Promise<Response> {
  const runs = await app.client.runs.list()
  return html(200, await readRenderer('index.html'), {
    version: escapeHtml(app.core.engine.appVersion),
    dataFolder: escapeHtml(app.core.home),
    runsNote: noteOf(runs.length),
    runs: runs.length === 0 ? NO_RUNS : runs.slice(0, MOST_RUNS).map(drawRun).join('\n'),
  })
}

/** A refusal for whoever asked: a page for a person, a Problem for a program. */
export async function drawRefusal({ status, what, next }: Refusal, accept = ''): Promise<Response> {
  if (!accept.includes('text/html')) return Response.json(problem('wrong-use', what, next), { status })
  const words = { what: escapeHtml(what), next: escapeHtml(next) }
  return html(status, await readRenderer('refusal.html'), words)
}

export async function readStyle(): Promise<Response> {
  return new Response(await readRenderer('page.css'), {
    headers: { 'content-type': 'text/css; charset=utf-8' },
  })
}

const readRenderer = (name: string): Promise<string> => readFile(join(RENDERER, name), 'utf8')

const html = (status: number, template: string, words: Record<string, string>): Response =>
  new Response(
    template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => words[name] ?? ''),
    { status, headers: { 'content-type': 'text/html; charset=utf-8' } },
  )

/** SECURITY: names, paths and problems come from sheets and providers; none of them may become markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

const NO_RUNS = `<div class="empty"><b>No run yet</b>Run a sheet in the terminal and it shows here. <code>npm run demo</code> keeps its own folder, so its run is not in this list.</div>`

function noteOf(count: number): string {
  if (count === 0) return ''
  return count > MOST_RUNS ? `the newest ${MOST_RUNS} of ${count}` : `${count} in this data folder`
}

function drawRun(run: Run): string {
  const total = sum(Object.values(run.counts))
  const done = run.counts.done ?? 0
  const places = run.sheetPath === null ? run.archiveFolder : `${run.sheetPath} → ${run.archiveFolder}`
  return `<article class="run">
  <div class="line"><h2>${escapeHtml(run.name)}</h2><span class="number">run ${run.id}</span>
    <span class="money"><b>${done}</b> of ${total} archived · ${drawMoney(run)}</span></div>
  ${drawMeter(run.counts, total)}
  <ul class="counts">${drawCounts(run.counts)}</ul>
  <p class="place">${escapeHtml(places)}</p>${drawNeeds(run)}
</article>`
}

/** Archived first, then what moves, then what waits, so that the bar grows from the left. */
const ORDER = [
  'done',
  'downloading',
  'generating',
  'submitting',
  'uploading',
  'unconfirmed',
  'failed',
  'cancelled',
  'queued',
  'held',
] as const satisfies readonly JobState[]

function drawMeter(counts: Run['counts'], total: number): string {
  let left = 0
  const parts = ORDER.filter((state) => state !== 'queued' && state !== 'held').map((state) => {
    const width = total === 0 ? 0 : ((counts[state] ?? 0) / total) * 100
    const part = `<rect class="${state}" x="${left}%" width="${width}%" height="100%"/>`
    left += width
    return width === 0 ? '' : part
  })
  return `<svg class="meter" aria-hidden="true">${parts.join('')}</svg>`
}

const drawCounts = (counts: Run['counts']): string =>
  ORDER.filter((state) => counts[state])
    .map((state) => `<li class="${state}"><b>${counts[state]}</b> <span>${state}</span></li>`)
    .join('')

function drawMoney({ countedMicros, capMicros }: Run): string {
  const counted = `<b>${toCredits(countedMicros)}</b> credits counted`
  return capMicros === null ? `${counted}, no cap` : `${counted} of a cap of ${toCredits(capMicros)}`
}

const toCredits = (micros: number): string =>
  (micros / MICROS).toLocaleString('en', { maximumFractionDigits: 2 })

function drawNeeds(run: Run): string {
  const needs = [
    run.problem && `${run.problem.what} ${run.problem.next}`,
    run.isPaused && !run.problem && 'Paused: nothing is bought meanwhile.',
    run.counts.unconfirmed &&
      `${run.counts.unconfirmed} unconfirmed: may have been bought, so nothing is sent again on a guess. See npm run -s cli -- jobs --state unconfirmed`,
  ].filter((need) => typeof need === 'string')
  return needs.map((need) => `\n  <p class="needs">${escapeHtml(need)}</p>`).join('')
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
