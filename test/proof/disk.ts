import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import type { Clock } from '../../src/main/core/ports.ts'

/** A fault of the disk under the archive, by the case's script. */
export interface DiskFault {
  /** The call it strikes. */
  on: 'open' | 'write' | 'sync' | 'link' | 'rename' | 'syncFolder' | 'makeFolder' | 'freeBytes' | 'any'
  /** What the system answers, as in `ENOSPC`, `EROFS`, `EACCES`, `ENOENT`, `EIO`, `EPERM`, `ENAMETOOLONG`. */
  code: string
  /** Which of its calls it strikes, counted in this life (from 1, both included); all when left out. */
  times?: { from: number; to: number }
  /** Between which moments of the world's time (epoch ms); always when left out. */
  during?: { from: number; to: number }
}

/** The real disk, failing where the script says. Without faults it is the real disk itself. */
export function createFaultyDisk(faults: readonly DiskFault[], clock: Clock): Disk {
  if (faults.length === 0) return realDisk
  const counts = new Map<DiskFault, number>()
  const meet = (call: DiskFault['on'], path: string): void => {
    for (const fault of faults) {
      if (fault.on !== 'any' && fault.on !== call) continue
      const count = (counts.get(fault) ?? 0) + 1
      counts.set(fault, count)
      const { times, during } = fault
      if (times && (count < times.from || count > times.to)) continue
      if (during && (clock.now() < during.from || clock.now() > during.to)) continue
      throw Object.assign(new Error(`${fault.code}: by the script, ${call}`), { code: fault.code, path })
    }
  }
  return {
    ...realDisk,
    open: async (path, how) => {
      if (how !== 'read') meet('open', path)
      const file = await realDisk.open(path, how)
      return {
        ...file,
        write: async (chunks, position) => {
          meet('write', path)
          await file.write(chunks, position)
        },
        sync: async () => {
          meet('sync', path)
          await file.sync()
        },
      }
    },
    makeFolder: async (path) => {
      meet('makeFolder', path)
      await realDisk.makeFolder(path)
    },
    link: async (from, to) => {
      meet('link', to)
      await realDisk.link(from, to)
    },
    rename: async (from, to) => {
      meet('rename', to)
      await realDisk.rename(from, to)
    },
    syncFolder: async (path) => {
      meet('syncFolder', path)
      await realDisk.syncFolder(path)
    },
    freeBytes: async (path) => {
      meet('freeBytes', path)
      return await realDisk.freeBytes(path)
    },
  }
}
