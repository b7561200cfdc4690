import { dirname, extname } from 'node:path'
import { ExportFormat } from '../../../shared/contract.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { type Disk, type DiskFile, realDisk } from '../archive/disk.ts'
import { systemCode } from '../archive/errors.ts'
import { nameExclusively } from '../archive/place.ts'
import { writeCsv } from './csv.ts'
import { checkFit, tooLarge } from './fits.ts'
import { writeJson } from './json.ts'
import type { Draft, Page, Table } from './table.ts'
import { writeXlsx } from './xlsx.ts'
import { TooLarge } from './zip.ts'

export interface WriteOptions {
  path: string
  format: ExportFormat
  /** Of a workbook's worksheet: plain letters, at most 31. */
  title: string
  disk?: Disk | undefined
}

/**
 * Writes a table to a file that appears whole or not at all, and never in the place of another one. Returns how
 * many rows it has. Throws `ProblemError` (`not-possible`, `folder-missing`, `folder-unwritable`, `disk-full`).
 */
export async function writeTable(table: Table, options: WriteOptions): Promise<number> {
  const { path, disk = realDisk } = options
  let draft: FileDraft | undefined
  try {
    if (await disk.stat(path)) throw alreadyThere(path)
    draft = await FileDraft.open(path, disk)
    const rows = await writeDraft(table, draft, options)
    await draft.finish()
    // The draft's name is its own: no placeholder of another write is taken for this one's.
    if ((await nameExclusively(disk, draft.path, path, draft.path)) === 'taken') throw alreadyThere(path)
    return rows
  } catch (cause) {
    throw explain(path, cause)
  } finally {
    await draft?.remove()
  }
}

async function writeDraft(
  table: Table,
  draft: Draft,
  { path, format, title }: WriteOptions,
): Promise<number> {
  let rows = 0
  async function* counted(pages: AsyncIterable<Page>) {
    for await (const page of pages) {
      rows += page.length
      yield page
    }
  }
  const fitting = checkFit({ ...table, pages: counted(table.pages) }, format, path)
  if (format === 'csv') await writeCsv(fitting, draft)
  else if (format === 'json') await writeJson(fitting, draft)
  else await writeXlsx(fitting, draft, title)
  return rows
}

/** The format that is meant: the one that was said, else the one that the file's ending says. */
export function formatOf(file: string, given: ExportFormat | undefined): ExportFormat {
  if (given !== undefined) return given
  const ending = ExportFormat.safeParse(extname(file).slice(1).toLowerCase())
  if (ending.success) return ending.data
  throw new ProblemError(
    problem(
      'wrong-use',
      `The name ${file} does not say what kind of table is meant. Nothing was written.`,
      'End it with .csv, .xlsx or .json, or say --format.',
      { file },
    ),
  )
}

let drafts = 0

/** A file beside the one that is meant, under a name of this process alone; gone in the end, whatever happens. */
class FileDraft implements Draft {
  readonly path: string
  position = 0
  private readonly disk: Disk
  private readonly file: DiskFile
  private isOpen = true

  private constructor(path: string, disk: Disk, file: DiskFile) {
    this.path = path
    this.disk = disk
    this.file = file
  }

  static async open(path: string, disk: Disk): Promise<FileDraft> {
    for (;;) {
      drafts += 1
      const draft = `${path}.${process.pid}-${drafts}.part`
      try {
        return new FileDraft(draft, disk, await disk.open(draft, 'create'))
      } catch (error) {
        // What a killed process of the same number left there stays there: it may be somebody's.
        if (systemCode(error) !== 'EEXIST') throw error
      }
    }
  }

  async write(piece: string | Uint8Array): Promise<void> {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    await this.file.write([bytes], this.position)
    this.position += bytes.byteLength
  }

  async finish(): Promise<void> {
    await this.file.sync()
    await this.close()
  }

  async remove(): Promise<void> {
    await this.close().catch(() => undefined)
    await this.disk.remove(this.path).catch(() => undefined)
  }

  private async close(): Promise<void> {
    if (!this.isOpen) return
    this.isOpen = false
    await this.file.close()
  }
}

const SAFE = 'Your clips and runs are not touched.'

const alreadyThere = (file: string): ProblemError =>
  new ProblemError(
    problem('not-possible', `${file} already exists and was left alone. ${SAFE}`, 'Give another name.', {
      file,
    }),
  )

function explain(file: string, cause: unknown): unknown {
  if (cause instanceof ProblemError) return cause
  if (cause instanceof TooLarge) return tooLarge(file)
  const code = systemCode(cause) ?? ''
  const found = IS_SYSTEM_CODE.test(code) ? diskProblem(file, code) : null
  return found ? new ProblemError(found, { cause }) : cause
}

/** `ENOSPC` and the like; the database's and Node's own codes are no trouble of this disk's. */
const IS_SYSTEM_CODE = /^E[A-Z0-9]+$/

function diskProblem(file: string, code: string): Problem {
  const place = { file }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR': {
      const what = `The folder ${dirname(file)} does not exist, so nothing was written. ${SAFE}`
      return problem('folder-missing', what, 'Make the folder first.', place)
    }
    case 'ENOSPC':
    case 'EDQUOT': {
      const what = `The disk is full, so ${file} was not written. ${SAFE}`
      return problem('disk-full', what, 'Make room, then try again.', place)
    }
    case 'ENAMETOOLONG': {
      const what = `The name ${file} is too long for this disk, so nothing was written. ${SAFE}`
      return problem('path-too-long', what, 'Give a shorter name.', place)
    }
    default: {
      const what = `${file} cannot be written (${code}). ${SAFE}`
      return problem('folder-unwritable', what, 'Choose another folder.', place)
    }
  }
}
