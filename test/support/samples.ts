import type { DomainEvent, EventType } from '../../src/main/core/jobs/machine.ts'
import type { JobRecord } from '../../src/main/core/store/jobs.ts'
import { isFinal, type JobState } from '../../src/shared/job.ts'
import { problem } from '../../src/shared/problem.ts'

/** A job in a state and every event there is, as plain values: the machine needs nothing else. */

const AT = 1_772_366_400_000
const TROUBLE = problem('provider-fault', 'Something broke.', 'Wait.')

export function sampleJob(state: JobState, more: Partial<JobRecord> = {}): JobRecord {
  const hasTask = state === 'generating' || state === 'downloading' || state === 'done'
  const hasLink = state === 'downloading' || state === 'done'
  return {
    id: 1,
    runId: 1,
    accountId: 1,
    parentId: null,
    row: 1,
    rowKey: null,
    take: 1,
    fingerprint: 'f'.repeat(64),
    name: null,
    state,
    pauses: 0,
    priority: 0,
    runAt: AT,
    model: 'wan2.6-text-to-video',
    prompt: 'a paper boat',
    order: {},
    cells: {},
    attempt: hasTask ? 1 : 0,
    setbacks: 2,
    progress: hasTask ? 0.5 : null,
    remoteId: hasTask ? 'task-1' : null,
    acceptedAt: hasTask ? AT : null,
    estimatedMs: null,
    link: hasLink ? 'https://files.example/1.mp4' : null,
    linkExpiresAt: hasLink ? AT + 1000 : null,
    estimateMicros: 1_000_000,
    clipName: null,
    problem: state === 'failed' || state === 'unconfirmed' ? TROUBLE : null,
    createdAt: AT,
    finishedAt: isFinal(state) ? AT : null,
    version: 7,
    ...more,
  }
}

const LATER = AT + 60_000
const MOVED = { model: 'wan2.7-text-to-video', order: { duration: 5 }, estimateMicros: 2_000_000 }

/** Each event, more than once where what is in it decides where the job goes. */
export const SAMPLE_EVENTS: { [Type in EventType]: Extract<DomainEvent, { type: Type }>[] } = {
  claimed: [
    { type: 'claimed', to: 'uploading' },
    { type: 'claimed', to: 'submitting' },
  ],
  ready: [{ type: 'ready' }],
  accepted: [{ type: 'accepted', remoteId: 'task-2', estimatedMs: 30_000, pollAt: LATER }],
  found: [{ type: 'found', remoteId: 'task-3', pollAt: LATER }],
  unclear: [{ type: 'unclear', problem: TROUBLE, repeatAt: LATER }],
  lost: [{ type: 'lost', problem: TROUBLE, lookAt: LATER }],
  looked: [{ type: 'looked', problem: TROUBLE, lookAt: LATER }],
  'still-running': [
    { type: 'still-running', progress: 0.7, pollAt: LATER },
    { type: 'still-running', progress: null, pollAt: LATER },
  ],
  rendered: [{ type: 'rendered', link: 'https://files.example/2.mp4', linkExpiresAt: LATER }],
  relinked: [
    {
      type: 'relinked',
      link: 'https://files.example/3.mp4',
      linkExpiresAt: LATER,
      problem: TROUBLE,
      retryAt: LATER,
    },
  ],
  saved: [{ type: 'saved' }],
  'set-back': [
    { type: 'set-back', problem: TROUBLE, retryAt: LATER, counts: true },
    { type: 'set-back', problem: TROUBLE, retryAt: LATER, counts: false },
  ],
  refused: [{ type: 'refused', problem: TROUBLE }],
  held: [
    { type: 'held', problem: TROUBLE },
    { type: 'held', problem: null },
  ],
  released: [{ type: 'released' }],
  refetched: [{ type: 'refetched' }],
  moved: [
    { type: 'moved', order: MOVED, isHeld: true, problem: TROUBLE },
    { type: 'moved', order: MOVED, isHeld: false, problem: null },
  ],
  cancelled: [
    { type: 'cancelled', problem: TROUBLE },
    { type: 'cancelled', problem: null },
  ],
}
