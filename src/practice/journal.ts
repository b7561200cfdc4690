import { type FileHandle, mkdir, open, readFile, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'

/** One line of the journal; `kind` says which. */
export interface JournalEntry {
  kind: string
}

export interface Journal<Entry extends JournalEntry> {
  /** Queues an entry. `isCritical` asks the next flush to reach the disk itself, not only the system's cache. */
  append(entry: Entry, isCritical: boolean): void
  /** Resolves when everything appended so far is written; concurrent calls share one write. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface JournalOptions {
  path: string
  /** False leaves critical entries to the system's cache: enough for SIGKILL, not for a power cut. */
  syncWrites: boolean
}

/**
 * Opens an append-only JSON-Lines file and returns what it holds. A last line without its newline is what a
 * killed process leaves: it is dropped and cut off. Damage anywhere else is an error that names the line.
 */
export async function openJournal<Entry extends JournalEntry>(
  options: JournalOptions,
): Promise<{ journal: Journal<Entry>; entries: Entry[] }> {
  await mkdir(dirname(options.path), { recursive: true })
  const bytes = await readFile(options.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  const wholeBytes = bytes.lastIndexOf(10) + 1
  if (wholeBytes < bytes.length) await truncate(options.path, wholeBytes)
  const entries = parseLines<Entry>(bytes.toString('utf8', 0, wholeBytes), options.path)
  const file = await open(options.path, 'a', 0o600)
  return { journal: createJournal<Entry>(file, options.syncWrites), entries }
}

function parseLines<Entry>(text: string, path: string): Entry[] {
  const entries: Entry[] = []
  let number = 0
  for (const line of text.split('\n')) {
    number += 1
    if (line === '') continue
    try {
      entries.push(JSON.parse(line) as Entry)
    } catch (cause) {
      throw new Error(`Line ${number} of ${path} is damaged. Move the file away to start afresh.`, { cause })
    }
  }
  return entries
}

function createJournal<Entry extends JournalEntry>(file: FileHandle, syncWrites: boolean): Journal<Entry> {
  let waiting: string[] = []
  let mustSync = false
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined

  async function writeWaiting(): Promise<void> {
    const text = waiting.join('')
    const isSynced = mustSync && syncWrites
    waiting = []
    mustSync = false
    if (text !== '') await file.appendFile(text)
    if (isSynced) await file.datasync()
  }

  function flush(): Promise<void> {
    if (next) return next
    if (waiting.length === 0) return running
    const turn = running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        running = turn
        return writeWaiting()
      })
    next = turn
    return turn
  }

  return {
    append(entry, isCritical) {
      waiting.push(`${JSON.stringify(entry)}\n`)
      mustSync ||= isCritical
    },
    flush,
    async close() {
      await flush()
      await file.close()
    },
  }
}
