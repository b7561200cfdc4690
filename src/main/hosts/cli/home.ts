import { join } from 'node:path'

export interface Machine {
  platform: string
  environment: NodeJS.ProcessEnv
  /** The person's own folder. */
  userFolder: string
}

/** Where the data folder is when nobody names one: the platform's place for an app's own data. */
export function defaultHome({ platform, environment, userFolder }: Machine): string {
  if (platform === 'win32') {
    return join(environment.APPDATA ?? join(userFolder, 'AppData', 'Roaming'), 'Reelsheet')
  }
  if (platform === 'darwin') return join(userFolder, 'Library', 'Application Support', 'Reelsheet')
  const data = environment.XDG_DATA_HOME
  // A relative one is invalid and ignored (source: https://specifications.freedesktop.org/basedir-spec/latest/).
  return join(data?.startsWith('/') ? data : join(userFolder, '.local', 'share'), 'reelsheet')
}
