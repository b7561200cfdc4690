import { join } from 'node:path'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import { systemClock, systemRandom } from '../../../core/system.ts'
import { keyVariable } from '../../secrets.ts'
import { EXIT } from '../exit-code.ts'
import { PRACTICE_CLIPS, type Session, withOwner } from '../session.ts'

const SPEED = 20

/** `practice`: the practice provider alone, for both families, until it is stopped. */
export async function practice(session: Session, given: { port?: number; speed?: number }): Promise<number> {
  const { out, home, signal } = session
  // biome-ignore lint/plugin: this command is the practice provider's own door; the core has no part in it.
  const { startPractice } = await import('../../../../practice/index.ts')
  const provider = await startPractice({
    // Its own folder: the practice account's provider may run at the same time.
    folder: join(home, 'practice-alone'),
    clock: systemClock,
    random: systemRandom,
    resources: PRACTICE_CLIPS,
    speed: given.speed ?? session.practiceSpeed ?? SPEED,
    ...(given.port !== undefined && { port: given.port }),
  }).catch((error: NodeJS.ErrnoException) => {
    throw isPortFault(error) ? portTaken(given.port) : error
  })
  out.record('practice', { base: provider.url, key: provider.key })
  out.say(`The practice provider listens on ${provider.url}. Ctrl-C stops it.`)
  out.say()
  out.say('To use it like a real provider, in another terminal:')
  for (const [name, family] of [
    ['near-evolink', 'evolink'],
    ['near-vtrix', 'vtrix'],
  ] as const) {
    const files = family === 'evolink' ? ` --files ${provider.url}` : ''
    out.say(`  export ${keyVariable(name)}=${provider.key}`)
    out.say(`  reelsheet accounts add ${name} --family ${family} --base ${provider.url}${files}`)
  }
  await stopped(signal)
  await provider.stop()
  return EXIT.archived
}

const portTaken = (port: number | undefined): ProblemError =>
  new ProblemError(
    problem(
      'wrong-use',
      `The port ${port ?? ''} cannot be used: something else has it, or it is not allowed.`,
      'Choose another with --port.',
    ),
  )

const stopped = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    // An abort signal alone does not keep the process; a server does, and so does this.
    const awake = setInterval(() => undefined, 60_000)
    const end = (): void => {
      clearInterval(awake)
      resolve()
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })

/** `serve`: the browser host, until it is stopped. Unfinished rows go on meanwhile. */
export function serve(session: Session, given: { port?: number }): Promise<number> {
  const { out, signal } = session
  return withOwner(session, async (app) => {
    // Loaded here, so that no other command waits for it.
    const { startServe } = await import('../../serve.ts')
    await app.start()
    const serving = await startServe(app, { ...(given.port !== undefined && { port: given.port }) }).catch(
      (error: NodeJS.ErrnoException) => {
        throw isPortFault(error) ? portTaken(given.port) : error
      },
    )
    out.record('serving', { url: serving.url, port: serving.port })
    out.say(`Open this in a browser on this machine: ${serving.url}`)
    out.say('Ctrl-C stops it.')
    await stopped(signal)
    await serving.stop()
    return EXIT.archived
  })
}

const isPortFault = ({ code }: NodeJS.ErrnoException): boolean => code === 'EADDRINUSE' || code === 'EACCES'
