/**
 * What may be on a disk after the power went: nothing counts as written that was not synced. A file's sync makes
 * its bytes and its size last, a folder's sync makes its names last, and neither does the other's work (POSIX
 * `fsync`; https://pubs.opengroup.org/onlinepubs/9799919799/functions/fsync.html). Stricter than any one file system on purpose.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { Chance } from './chance.ts'

export const SECTOR_BYTES = 512

type Change = { seq: number } & ({ at: number; bytes: Buffer } | { sizeBytes: number })

export interface FileNode {
  kind: 'file'
  /** What would be read now. */
  live: Content
  /** What is surely on the disk. */
  durable: Content
  /** What was done since, in order. */
  pending: Change[]
}

export interface FolderNode {
  kind: 'folder'
  live: Map<string, Node>
  durable: Map<string, Node>
}

export type Node = FileNode | FolderNode

/** A name that was made or taken away (null); a rename in one folder does both at once, or neither. */
interface Naming {
  seq: number
  folder: FolderNode
  names: [name: string, node: Node | null][]
}

/** How a power loss treats what was not synced; each share is the chance that something is kept. */
export interface Loss {
  names: number
  writes: number
  /** Share of the lost writes of which some sectors are there all the same. */
  torn: number
}

/** The ways in which it goes wrong in life, and a fair coin for everything. */
export const LOSSES: readonly Loss[] = [
  { names: 0, writes: 0, torn: 0 },
  { names: 1, writes: 0, torn: 0 },
  { names: 0, writes: 1, torn: 0 },
  { names: 1, writes: 0, torn: 1 },
  { names: 0.5, writes: 0.5, torn: 0.5 },
  { names: 0.8, writes: 0.2, torn: 0.8 },
  { names: 0.2, writes: 0.8, torn: 0.2 },
]

/** A disk after the power came back: each file once, with all of its names. */
export interface Survivors {
  folders: string[]
  files: { paths: string[]; bytes: Buffer }[]
  /** Of the changes that were not synced: how many stayed, went, or stayed in part. */
  kept: number
  dropped: number
  torn: number
}

export class PowerModel {
  readonly root: string
  readonly #isTracked: (path: string) => boolean
  readonly #top: FolderNode = { kind: 'folder', live: new Map(), durable: new Map() }
  #naming: Naming[] = []
  #seq = 0

  /** Begins with the folder as it is: all of it counts as synced. `isTracked` gets paths below the root, with `/`. */
  constructor(root: string, isTracked: (path: string) => boolean = () => true) {
    this.root = root
    this.#isTracked = isTracked
    this.#load(root, this.#top, new Map())
  }

  /** Whether a path (absolute) is one that this model follows. */
  tracks(path: string): boolean {
    const below = relative(this.root, path).split(sep).join('/')
    return below !== '..' && !below.startsWith('../') && (below === '' || this.#isTracked(below))
  }

  /** A moment: what is done later is not covered by a sync that began here. */
  now(): number {
    return this.#seq
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.#top
    for (const name of this.#names(path)) node = node?.kind === 'folder' ? node.live.get(name) : undefined
    return node
  }

  createFile(path: string): FileNode {
    const file: FileNode = { kind: 'file', live: new Content(), durable: new Content(), pending: [] }
    this.#name(path, file)
    return file
  }

  makeFolder(path: string): void {
    this.#name(path, { kind: 'folder', live: new Map(), durable: new Map() })
  }

  write(file: FileNode, at: number, bytes: Buffer): void {
    file.live.write(at, bytes)
    file.pending.push({ seq: ++this.#seq, at, bytes })
  }

  truncate(file: FileNode, sizeBytes: number): void {
    file.live.resize(sizeBytes)
    file.pending.push({ seq: ++this.#seq, sizeBytes })
  }

  /** A sync has returned; it covers what was done up to `upTo`, the moment when it was called. */
  sync(node: Node, upTo = this.#seq): void {
    if (node.kind === 'folder') {
      for (const naming of this.#naming) if (naming.folder === node && naming.seq <= upTo) settle(naming)
      this.#naming = this.#naming.filter((naming) => naming.folder !== node || naming.seq > upTo)
      return
    }
    for (const change of node.pending) if (change.seq <= upTo) applyTo(node.durable, change)
    node.pending = node.pending.filter((change) => change.seq > upTo)
  }

  link(from: string, to: string): void {
    const node = this.find(from)
    if (!node) throw new Error(`nothing is at ${from} to be linked`)
    this.#name(to, node)
  }

  rename(from: string, to: string): void {
    const node = this.find(from)
    if (!node) throw new Error(`nothing is at ${from} to be renamed`)
    const [fromFolder, fromName] = this.#place(from)
    const [toFolder, toName] = this.#place(to)
    if (fromFolder === toFolder) {
      this.#change(toFolder, [
        [fromName, null],
        [toName, node],
      ])
    } else {
      this.#change(toFolder, [[toName, node]])
      this.#change(fromFolder, [[fromName, null]])
    }
  }

  remove(path: string): void {
    const [folder, name] = this.#place(path)
    this.#change(folder, [[name, null]])
  }

  /** Every file now, by path below the root: to be held against the real disk. */
  liveFiles(): Map<string, Buffer> {
    const files = new Map<string, Buffer>()
    collect(
      this.#top,
      (folder) => folder.live,
      '',
      (path, node) => {
        if (node.kind === 'file') files.set(path, node.live.bytes())
      },
    )
    return files
  }

  /** One disk that may be found when the power comes back. Changes nothing here. */
  lose(chance: Chance, loss: Loss = chance.pick(LOSSES)): Survivors {
    const survivors: Survivors = { folders: [], files: [], kept: 0, dropped: 0, torn: 0 }
    const names = this.#loseNames(chance, loss, survivors)
    const files = new Map<FileNode, string[]>()
    collect(
      this.#top,
      (folder) => names.get(folder) ?? folder.durable,
      '',
      (path, node) => {
        if (node.kind === 'folder') survivors.folders.push(path)
        else files.set(node, [...(files.get(node) ?? []), path])
      },
    )
    for (const [file, paths] of files)
      survivors.files.push({ paths, bytes: loseBytes(file, chance, loss, survivors) })
    return survivors
  }

  /** What happened to a name stays in order: with a later change of it, all earlier ones are kept. */
  #loseNames(chance: Chance, loss: Loss, survivors: Survivors): Map<FolderNode, Map<string, Node>> {
    const kept = new Set(this.#naming.filter(() => chance.isSo(loss.names)))
    const needed = new Map<FolderNode, Set<string>>()
    for (const naming of this.#naming.toReversed()) {
      const of = needed.get(naming.folder) ?? new Set()
      if (naming.names.some(([name]) => of.has(name))) kept.add(naming)
      if (kept.has(naming)) needed.set(naming.folder, new Set([...of, ...naming.names.map(([name]) => name)]))
    }
    const names = new Map<FolderNode, Map<string, Node>>()
    for (const naming of this.#naming) {
      survivors[kept.has(naming) ? 'kept' : 'dropped'] += 1
      if (!kept.has(naming)) continue
      const of = names.get(naming.folder) ?? new Map(naming.folder.durable)
      names.set(naming.folder, of)
      rename(of, naming)
    }
    return names
  }

  #load(path: string, folder: FolderNode, known: Map<bigint, FileNode>): void {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const below = join(path, entry.name)
      if (!this.tracks(below)) continue
      const node = entry.isDirectory() ? newFolder() : loadFile(below, known)
      folder.live.set(entry.name, node)
      folder.durable.set(entry.name, node)
      if (node.kind === 'folder') this.#load(below, node, known)
    }
  }

  #names(path: string): string[] {
    return relative(this.root, path).split(sep).filter(Boolean)
  }

  #place(path: string): [folder: FolderNode, name: string] {
    const folder = this.find(dirname(path))
    const name = this.#names(path).at(-1)
    if (folder?.kind !== 'folder' || name === undefined) throw new Error(`no folder is there for ${path}`)
    return [folder, name]
  }

  #name(path: string, node: Node): void {
    const [folder, name] = this.#place(path)
    this.#change(folder, [[name, node]])
  }

  #change(folder: FolderNode, names: Naming['names']): void {
    const naming = { seq: ++this.#seq, folder, names }
    rename(folder.live, naming)
    this.#naming.push(naming)
  }
}

/** Makes the real folder what is left after the loss. What the model does not follow stays as it is. */
export function materialise(model: PowerModel, survivors: Survivors): void {
  for (const path of listTracked(model)) rmSync(path, { force: true })
  for (const path of listTracked(model, 'folders').toReversed())
    if (readdirSync(path).length === 0) rmSync(path, { recursive: true })
  for (const path of survivors.folders) mkdirSync(join(model.root, path), { recursive: true })
  for (const { paths, bytes } of survivors.files) {
    const [first, ...more] = paths.map((path) => join(model.root, path))
    if (first === undefined) continue
    writeFileSync(first, bytes)
    for (const path of more) linkSync(first, path)
  }
}

/** Where the model and the real folder differ; empty = the model followed every call. `unsure`: paths left out. */
export function compareWithDisk(model: PowerModel, unsure: ReadonlySet<string> = new Set()): string[] {
  const files = model.liveFiles()
  const found: string[] = []
  const there = new Set(listTracked(model).map((path) => relative(model.root, path).split(sep).join('/')))
  for (const path of unsure) {
    const below = relative(model.root, path).split(sep).join('/')
    there.delete(below)
    files.delete(below)
  }
  for (const path of there) if (!files.has(path)) found.push(`${path} is on the disk and not in the model`)
  for (const [path, bytes] of files) {
    if (!there.has(path)) found.push(`${path} is in the model and not on the disk`)
    else if (!bytes.equals(readFileSync(join(model.root, path)))) found.push(`${path} differs from the model`)
  }
  return found
}

function listTracked(model: PowerModel, what: 'files' | 'folders' = 'files'): string[] {
  if (!existsSync(model.root)) return []
  return readdirSync(model.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() === (what === 'folders'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => model.tracks(path))
    .sort((one, other) => one.split(sep).length - other.split(sep).length)
}

const newFolder = (): FolderNode => ({ kind: 'folder', live: new Map(), durable: new Map() })

function loadFile(path: string, known: Map<bigint, FileNode>): FileNode {
  const { ino } = lstatSync(path, { bigint: true })
  const bytes = readFileSync(path)
  const file = known.get(ino) ?? {
    kind: 'file' as const,
    live: new Content(bytes),
    durable: new Content(bytes),
    pending: [],
  }
  known.set(ino, file)
  return file
}

function rename(names: Map<string, Node>, naming: Naming): void {
  for (const [name, node] of naming.names) {
    if (node) names.set(name, node)
    else names.delete(name)
  }
}

const settle = (naming: Naming): void => rename(naming.folder.durable, naming)

function applyTo(content: Content, change: Change): void {
  if ('bytes' in change) content.write(change.at, change.bytes)
  else content.resize(change.sizeBytes)
}

function collect(
  folder: FolderNode,
  namesOf: (folder: FolderNode) => Map<string, Node>,
  above: string,
  found: (path: string, node: Node) => void,
): void {
  for (const [name, node] of namesOf(folder)) {
    const path = above === '' ? name : `${above}/${name}`
    found(path, node)
    if (node.kind === 'folder') collect(node, namesOf, path, found)
  }
}

function loseBytes(file: FileNode, chance: Chance, loss: Loss, survivors: Survivors): Buffer {
  const content = new Content(file.durable.bytes())
  for (const change of file.pending) {
    if (chance.isSo(loss.writes)) {
      applyTo(content, change)
      survivors.kept += 1
    } else if ('bytes' in change && chance.isSo(loss.torn)) {
      tear(content, change, chance)
      survivors.torn += 1
    } else {
      // The size may have reached the disk without the bytes: they read as zeros.
      const end = 'bytes' in change ? change.at + change.bytes.length : 0
      if (end > content.sizeBytes && chance.isSo(loss.torn)) content.resize(end)
      survivors.dropped += 1
    }
  }
  if (content.sizeBytes > file.durable.sizeBytes && file.pending.length > 0 && chance.isSo(loss.torn / 4))
    content.resize(chance.between(file.durable.sizeBytes, content.sizeBytes))
  return content.bytes()
}

/** Some sectors of a write are there; the others hold what was there before. */
function tear(content: Content, { at, bytes }: { at: number; bytes: Buffer }, chance: Chance): void {
  for (let from = 0; from < bytes.length; ) {
    const end = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES))
    if (chance.isSo(0.5)) content.write(at + from, bytes.subarray(from, end))
    from = end
  }
}

/** Bytes that grow in place; what was never written reads as zeros. */
class Content {
  #bytes: Buffer
  sizeBytes: number

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = Buffer.from(bytes)
    this.sizeBytes = bytes.length
  }

  write(at: number, bytes: Buffer): void {
    const end = at + bytes.length
    if (end > this.sizeBytes) this.resize(end)
    bytes.copy(this.#bytes, at)
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(sizeBytes, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.sizeBytes)
      this.#bytes = larger
    }
    if (sizeBytes < this.sizeBytes) this.#bytes.fill(0, sizeBytes, this.sizeBytes)
    this.sizeBytes = sizeBytes
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.sizeBytes))
  }
}
