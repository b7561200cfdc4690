import { type Entry, fromBuffer, type ZipFile } from 'yauzl'
import { READING_LIMITS } from './limits.ts'
import { stop } from './stop.ts'

/** The files within a ZIP, by their names in small letters. */
export interface Archive {
  has(name: string): boolean
  names(): string[]
  /** The bytes of one file as they are unpacked. */
  read(name: string): AsyncIterable<Buffer>
}

/**
 * Opens a ZIP by its directory. What its files say of their size is held against the limits before anything is
 * unpacked, and what comes out is held against what they said. Throws a `ProblemError`.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function openArchive(bytes: Uint8Array, file: string): Promise<Archive> {
  const { zip, entries } = await readDirectory(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    file,
  )
  let unpackedBytes = 0
  return {
    has: (name) => entries.has(name.toLowerCase()),
    names: () => [...entries.keys()],
    read: async function* (name) {
      const entry = entries.get(name.toLowerCase())
      if (!entry) throw damaged(file, `its part “${name}” is missing`)
      unpackedBytes += entry.uncompressedSize
      refuseBomb(entry, unpackedBytes, file)
      yield* unpack(zip, entry, file)
    },
  }
}

function readDirectory(bytes: Buffer, file: string) {
  return new Promise<{ zip: ZipFile; entries: Map<string, Entry> }>((resolve, reject) => {
    const fail = (cause: unknown) => reject(damaged(file, 'its directory cannot be read', cause))
    fromBuffer(bytes, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error || !zip) return fail(error)
      if (zip.entryCount > READING_LIMITS.zipEntries) return reject(tooManyEntries(file, zip.entryCount))
      const entries = new Map<string, Entry>()
      zip.on('error', fail).on('end', () => resolve({ zip, entries }))
      zip.on('entry', (entry: Entry) => {
        const name = entry.fileName.toLowerCase()
        if (entries.has(name)) return reject(damaged(file, `its part “${name.slice(0, 80)}” is there twice`))
        entries.set(name, entry)
        zip.readEntry()
      })
      zip.readEntry()
    })
  })
}

function refuseBomb({ uncompressedSize, compressedSize }: Entry, unpackedBytes: number, file: string): void {
  const { packedLooksFromBytes, packedAtMost } = READING_LIMITS
  const isBomb = uncompressedSize > packedLooksFromBytes && uncompressedSize > compressedSize * packedAtMost
  if (!isBomb && unpackedBytes <= READING_LIMITS.unpackedBytes) return
  const size = `would unpack to ${Math.ceil(unpackedBytes / 1e6).toLocaleString('en')} MB`
  const why = isBomb ? ', far more than a sheet of its size holds' : ''
  throw stop(
    'sheet-unreadable',
    file,
    `${size}${why}.`,
    'Open it, save it as "CSV UTF-8", and use that file.',
  )
}

async function* unpack(zip: ZipFile, entry: Entry, file: string): AsyncIterable<Buffer> {
  if (entry.isEncrypted()) {
    const next = 'Save it without a password, then read it again.'
    throw stop('sheet-unreadable', file, 'is protected by a password.', next)
  }
  const stream = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) => (error || !opened ? reject(error) : resolve(opened)))
  }).catch((cause: unknown) => {
    throw damaged(file, 'one of its parts cannot be unpacked', cause)
  })
  const source = stream[Symbol.asyncIterator]()
  for (;;) {
    const next = await source.next().catch((cause: unknown) => {
      throw damaged(file, 'one of its parts cannot be unpacked', cause)
    })
    if (next.done) return
    yield next.value
  }
}

export function damaged(file: string, what: string, cause?: unknown) {
  const next = 'Open it in a spreadsheet program, save it as a new XLSX file, and use that.'
  return stop('sheet-unreadable', file, `is a damaged workbook: ${what}.`, next, { cause })
}

function tooManyEntries(file: string, count: number) {
  const what = `holds ${count.toLocaleString('en')} files; a workbook has some dozens.`
  return stop('sheet-unreadable', file, what, 'Check that it is a workbook at all.')
}
