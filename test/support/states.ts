import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { advance, type EventType, MOVES } from '../../src/main/core/jobs/machine.ts'
import { isFinal, JobState } from '../../src/shared/job.ts'
import { SAMPLE_EVENTS, sampleJob } from './samples.ts'

/**
 * Draws `docs/STATES.md` from the table of moves itself. After a change of the machine run
 * `node test/support/states.ts`; a unit test holds the page to what this gives.
 */

/** What a table cannot say, two sentences a state. */
const TOLD: Record<JobState, string> = {
  held: 'Kept back until a person says otherwise, because something about the row needs a look first. Nothing is bought and no limit is used.',
  queued:
    'Waits to be bought, or to be bought again after a set-back: `run_at` says when it is next due and the problem, if there is one, says why it waits. A paused job, run or account keeps its place here, and so does a row whose run starts later or whose account is quiet.',
  uploading:
    'Its references are on their way to the provider’s file service. This is free and may be repeated as often as needed.',
  submitting:
    'The create request is written down with its key and is about to leave, is under way, or is about to be repeated once under the same key. A person can take it back before it has left and cannot cancel it after: the answer comes first, so that no task is bought and forgotten.',
  unconfirmed:
    'The request left and nobody knows what became of it, so it counts against the caps as if it had been charged. It is looked for in the provider’s list where there is one; otherwise a person says that it exists, that it does not, or lets it be.',
  generating:
    'The provider has the task, and its id is on disk. Reads spend no attempt, and patience alone never turns into failure.',
  downloading:
    'The clip is paid for and its link is known; the link that dies soonest is fetched first. Bytes that were fetched are kept over breaks, restarts and fresh links.',
  done: 'The clip lies in the archive under its final name, whole, with its hash and its sidecar. Nothing moves it any more.',
  failed:
    'Ended with a problem that says what happened and whether money was spent. Released it is bought again, after asking; refetched, a task that is known is looked at again for free.',
  cancelled:
    'Ended by a person. What was already with the provider may still finish and be charged, so a known task id is kept and can be refetched for free.',
}

/** Where an event takes a job from a state, found by trying: with and without a known task and link. */
export function targetsOf(state: JobState, type: EventType): JobState[] {
  const variants = isFinal(state)
    ? [
        { remoteId: 'task-1', link: null },
        { remoteId: 'task-1', link: 'https://files.example/1.mp4' },
      ]
    : [{}]
  const targets = variants.flatMap((facts) =>
    SAMPLE_EVENTS[type].map((event) => advance(sampleJob(state, facts), event, 0)?.state),
  )
  return [...new Set(targets.filter((target) => target !== undefined))]
}

interface Move {
  from: JobState
  type: EventType
  to: JobState[]
}

const movesOf = (from: JobState): Move[] =>
  MOVES[from].map((type) => ({ from, type, to: targetsOf(from, type) }))

const order = JobState.options

function diagram(): string {
  const arrows = new Map<string, EventType[]>()
  for (const { from, type, to } of order.flatMap(movesOf)) {
    for (const target of to) {
      const arrow = `${from} --> ${target}`
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), type])
    }
  }
  return [
    'stateDiagram-v2',
    '  [*] --> held',
    '  [*] --> queued',
    ...[...arrows].map(([arrow, types]) => `  ${arrow}: ${types.join(', ')}`),
    ...order.filter(isFinal).map((state) => `  ${state} --> [*]`),
  ].join('\n')
}

function table(): string {
  const rows = order.map((state) => {
    const leaves = movesOf(state).map(({ type, to }) => `${type} → ${to.join(' or ')}`)
    return `| ${state} | ${leaves.join('; ') || '–'} |`
  })
  return ['| state | leaves by |', '| --- | --- |', ...rows].join('\n')
}

/** The whole page. */
export function statesPage(): string {
  return `# The states of a job

Drawn from \`MOVES\` and \`advance\` in \`src/main/core/jobs/machine.ts\` by \`node test/support/states.ts\`; a unit test
compares the two, so change the machine and draw this again rather than writing here.

A state is one word that is true now. When a job is next due is not a state but a time (\`run_at\`): "tried again in
30 s" is \`queued\` with a later time and a problem attached. An event that does not stand in a state's row does not
apply there and changes nothing.

\`\`\`mermaid
${diagram()}
\`\`\`

${table()}

## What each state means

${order.map((state) => `**${state}.** ${TOLD[state]}`).join('\n\n')}

## What is counted

\`attempt\` counts create requests that may have cost money; it never goes down. \`setbacks\` counts failures in a row
and is zero again after any progress. Reads, shutdowns and rate limits count as neither.
`
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(resolve(import.meta.dirname, '../..'), 'docs', 'STATES.md'), statesPage())
}
