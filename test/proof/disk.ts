import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import type { Clock } from '../../src/main/core/ports.ts'

/** A fault of the disk under the archive, by the case's script. */
export interface DiskFault {
  /** The call it strikes. */
  on: 'open' | 'write' | 'sync' | 'link' | 'rename' | 'syncFolder' | 'makeFolder' | 'freeBytes' | 'any'
  /** What the system answers, as in `ENOSPC`, `EROFS`, `EACCES`, `ENOENT`, `EIO`, `EPERM`, `ENAMETOOLONG`. */
  code: string
  /** It works, and takes so long, world milliseconds. */
  slowMs?: number
  /** Which of its calls it strikes, counted in this life (from 1, both included); all when left out. */
  times?: { from: number; to: number }
  /** Between which moments of the world's time (epoch ms); always when left out. */
  during?: { from: number; to: number }
}

/** The real disk, failing where the script says. Without faults it is the real disk itself. */
export function createFaultyDisk(faults: readonly DiskFault[], clock: Clock): Disk {
  if (faults.length === 0) return realDisk
  const counts = new Map<DiskFault, number>()
  const meet = async (call: DiskFault['on'], path: string): Promise<void> => {
    for (const fault of faults) {
      if (fault.on !== 'any' && fault.on !== call) continue
      const count = (counts.get(fault) ?? 0) + 1
      counts.set(fault, count)
      const { times, during } = fault
      if (times && (count < times.from || count > times.to)) continue
      if (during && (clock.now() < during.from || clock.now() > during.to)) continue
      if (fault.slowMs !== undefined) {
        await clock.sleep(fault.slowMs)
        continue
      }
      throw Object.assign(new Error(`${fault.code}: by the script, ${call}`), { code: fault.code, path })
    }
  }
  return {
    ...realDisk,
    open: async (path, how) => {
      if (how !== 'read') await meet('open', path)
      const file = await realDisk.open(path, how)
      return {
        ...file,
        write: async (chunks, position) => {
          await meet('write', path)
          await file.write(chunks, position)
        },
        sync: async () => {
          await meet('sync', path)
          await file.sync()
        },
      }
    },
    makeFolder: async (path) => {
      await meet('makeFolder', path)
      await realDisk.makeFolder(path)
    },
    link: async (from, to) => {
      await meet('link', to)
      await realDisk.link(from, to)
    },
    rename: async (from, to) => {
      await meet('rename', to)
      await realDisk.rename(from, to)
    },
    syncFolder: async (path) => {
      await meet('syncFolder', path)
      await realDisk.syncFolder(path)
    },
    freeBytes: async (path) => {
      await meet('freeBytes', path)
      return await realDisk.freeBytes(path)
    },
  }
}
