import { join } from 'node:path'
import { createApp } from '../../src/main/core/app.ts'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'

/** The core of a folder as a host would open it, with one key for every account. Trouble goes to the terminal. */
export function openCore(folder: string, key: () => string) {
  const quiet = () => {}
  return createApp(
    {
      clock: systemClock,
      random: systemRandom,
      log: {
        debug: quiet,
        info: quiet,
        warn: (message, fields) => console.error(message, fields),
        error: (message, fields) => console.error(message, fields),
      },
      secrets: { read: key, write: () => 'for this run', remove: quiet },
      checkpoint: quiet,
    },
    {
      home: join(folder, 'home'),
      version: '0.0.0-bench',
      who: 'benchmark',
      practice: { resources: join(import.meta.dirname, '../../resources/practice') },
    },
  )
}
