import { readFileSync } from 'node:fs'

/** The most memory that this process ever held, in bytes. */
export const peakBytes = (): number => linuxBytes('VmHWM') ?? process.resourceUsage().maxRSS * 1024

export const residentBytes = (): number => linuxBytes('VmRSS') ?? process.memoryUsage.rss()

function linuxBytes(field: string): number | undefined {
  if (process.platform !== 'linux') return undefined
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}
