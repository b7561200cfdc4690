/** Replays what strace wrote down of one process's file calls into a model of the disk. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FileNode, Node, PowerModel } from './power-model.ts'

/** Every call that changes a file or a name, or makes one last. Locks, reads and looks do not. */
const CALLS = [
  'open,openat,openat2,creat,close,dup,dup2,dup3',
  'write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,splice',
  'fsync,fdatasync,sync_file_range,sync,syncfs,msync',
  'rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,io_uring_enter',
].join(',')

/** The command to run a process under: `-D` leaves the traced process this one's own child. */
export const traceInto = (path: string): string[] => [
  ...['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-xx', '-s', '99999999', '-e', 'signal=none'],
  ...['-e', `trace=${CALLS}`, '-o', path],
]

/** Why calls cannot be traced here; null when they can. */
export function whyNoTrace(): string | null {
  if (process.platform !== 'linux') return 'strace is for Linux'
  const tried = spawnSync('strace', [...traceInto('/dev/null').slice(1), 'true'], { encoding: 'utf8' })
  if (tried.error) return 'strace is not installed'
  return tried.status === 0 ? null : `strace may not trace here (${tried.stderr.trim().slice(0, 120)})`
}

interface Call {
  name: string
  args: string
  /** When it began, by the model's count. */
  began: number
}

interface Opened {
  path: string
  node: Node
  offset: number
  isAppending: boolean
  isSynced: boolean
}

const AT_ONCE = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)/s
const BEGUN = /^(\d+) +(\w+)\((.*?),? ?<unfinished \.\.\.>$/s
const ENDED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)/s

/**
 * `folder`: the working folder of the traced process, from which its relative paths lead. Returns the paths of calls
 * that were under way when it died: they may have been done or not.
 */
export function replayTrace(trace: string, model: PowerModel, folder = process.cwd()): Set<string> {
  const replay = new Replay(model, folder)
  const open = new Map<string, Call>()
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    const ended = ENDED.exec(line)
    if (ended) {
      const [, thread = '', , rest = '', answer = ''] = ended
      const call = open.get(thread)
      open.delete(thread)
      const all = call && { ...call, args: call.args + rest }
      if (all && answer === '?') replay.takeUnsure(all)
      else if (all) replay.take(all, Number(answer))
      continue
    }
    const begun = BEGUN.exec(line)
    if (begun) {
      const [, thread = '', name = '', args = ''] = begun
      // A file's number is free for others from the moment on when closing begins.
      if (name === 'close') replay.take({ name, args, began: 0 }, 0)
      else open.set(thread, { name, args, began: model.now() })
      continue
    }
    const whole = AT_ONCE.exec(line)
    if (!whole) continue
    const [, , name = '', args = '', answer = ''] = whole
    if (answer !== '?') replay.take({ name, args, began: model.now() }, Number(answer))
    else replay.takeUnsure({ name, args, began: model.now() })
  }
  for (const call of open.values()) replay.takeUnsure(call)
  return replay.unsure
}

class Replay {
  readonly #model: PowerModel
  readonly #folder: string
  readonly #opened = new Map<number, Opened>()
  readonly #elsewhere = new Map<number, string>()
  /** Paths of calls that were under way when the process died: done or not, nobody can tell. */
  readonly unsure = new Set<string>()

  constructor(model: PowerModel, folder: string) {
    this.#model = model
    this.#folder = folder
  }

  /** A call that was under way when the process died: it may have been done, and is surely not synced. */
  takeUnsure(call: Call): void {
    const paths = this.#paths(call)
    const [from = ''] = paths
    const opened = this.#openedBy(call.args)
    for (const path of [...paths, ...(opened ? [opened.path] : [])]) this.unsure.add(path)
    if (/^(f?sync|fdatasync|dup)/.test(call.name)) return
    if (/^(open|creat)/.test(call.name)) {
      const isMaking = call.name === 'creat' || call.args.includes('O_CREAT')
      if (isMaking && this.#model.tracks(from) && !this.#model.find(from)) this.#model.createFile(from)
      return
    }
    if (/^(rename|link|unlink|rmdir)/.test(call.name) && !this.#model.find(from)) return
    if (/^(link|mkdir)/.test(call.name) && this.#model.find(paths.at(-1) ?? '')) return
    this.take(call, call.name.includes('write') ? bytesOf(call.args).length : 0)
  }

  take(call: Call, answer: number): void {
    if (answer < 0) return
    const does = this.#calls[call.name]
    if (does) does(call, answer)
    else if (this.#concernsUs(call))
      throw new Error(`the model of the disk does not know ${call.name}(${call.args.slice(0, 80)})`)
  }

  readonly #calls: Record<string, (call: Call, answer: number) => void> = {
    open: (call, answer) => this.#open(call, answer),
    openat: (call, answer) => this.#open(call, answer),
    creat: (call, answer) => this.#open(call, answer),
    close: ({ args }) => this.#close(firstNumber(args)),
    dup: ({ args }, answer) => this.#double(firstNumber(args), answer),
    dup2: ({ args }, answer) => this.#double(firstNumber(args), answer),
    dup3: ({ args }, answer) => this.#double(firstNumber(args), answer),
    write: (call, answer) => this.#write(call, answer, null),
    writev: (call, answer) => this.#write(call, answer, null),
    pwrite64: (call, answer) => this.#write(call, answer, positionOf(call)),
    pwritev: (call, answer) => this.#write(call, answer, positionOf(call)),
    pwritev2: (call, answer) => this.#write(call, answer, positionOf(call)),
    ftruncate: ({ args }) => {
      const opened = this.#openedBy(args)
      if (opened) this.#model.truncate(fileOf(opened.node), Number(args.split(', ')[1]))
    },
    fsync: (call) => this.#sync(call),
    fdatasync: (call) => this.#sync(call),
    // Begins to write, and promises nothing.
    sync_file_range: () => {},
    copy_file_range: ({ args }, answer) => {
      const [, from = '', at = '', to = ''] = /^(\d+), (\S+), (\d+), /.exec(args) ?? []
      this.#copy(Number(from), at, Number(to), answer)
    },
    sendfile: ({ args }, answer) => {
      const [, to = '', from = '', at = ''] = /^(\d+), (\d+), (\S+)/.exec(args) ?? []
      this.#copy(Number(from), at, Number(to), answer)
    },
    rename: (call) => this.#rename(call),
    renameat: (call) => this.#rename(call),
    renameat2: (call) => this.#rename(call),
    link: (call) => this.#link(call),
    linkat: (call) => this.#link(call),
    unlink: (call) => this.#remove(call),
    unlinkat: (call) => this.#remove(call),
    rmdir: (call) => this.#remove(call),
    mkdir: (call) => this.#makeFolder(call),
    mkdirat: (call) => this.#makeFolder(call),
  }

  #concernsUs(call: Call): boolean {
    return (
      this.#openedBy(call.args) !== undefined || this.#paths(call).some((path) => this.#model.tracks(path))
    )
  }

  #openedBy(args: string): Opened | undefined {
    return this.#opened.get(firstNumber(args))
  }

  #close(number: number): void {
    this.#opened.delete(number)
    this.#elsewhere.delete(number)
  }

  #double(number: number, as: number): void {
    const opened = this.#opened.get(number)
    this.#close(as)
    if (opened) this.#opened.set(as, opened)
  }

  #sync({ args, began }: Call): void {
    const opened = this.#openedBy(args)
    if (opened) this.#model.sync(opened.node, began)
  }

  #rename(call: Call): void {
    const [from = '', to = ''] = this.#paths(call)
    if (this.#model.tracks(from)) this.#model.rename(from, to)
  }

  #link(call: Call): void {
    const [from = '', to = ''] = this.#paths(call)
    if (this.#model.tracks(to)) this.#model.link(from, to)
  }

  #remove(call: Call): void {
    const [path = ''] = this.#paths(call)
    if (this.#model.tracks(path)) this.#model.remove(path)
  }

  #makeFolder(call: Call): void {
    const [path = ''] = this.#paths(call)
    if (this.#model.tracks(path)) this.#model.makeFolder(path)
  }

  #open(call: Call, number: number): void {
    const [path = ''] = this.#paths(call)
    this.#opened.delete(number)
    this.#elsewhere.set(number, path)
    if (!this.#model.tracks(path)) return
    const flags = call.name === 'creat' ? 'O_CREAT|O_TRUNC' : call.args
    if (flags.includes('O_TMPFILE'))
      throw new Error('the model of the disk does not know files without a name')
    let node = this.#model.find(path)
    if (!node) {
      if (!flags.includes('O_CREAT'))
        throw new Error(`the model of the disk has missed how ${path} came about`)
      node = this.#model.createFile(path)
    } else if (flags.includes('O_TRUNC') && node.kind === 'file') this.#model.truncate(node, 0)
    this.#opened.set(number, {
      path,
      node,
      offset: 0,
      isAppending: flags.includes('O_APPEND'),
      isSynced: /O_D?SYNC/.test(flags),
    })
  }

  #write(call: Call, length: number, position: number | null): void {
    const opened = this.#opened.get(firstNumber(call.args))
    if (!opened) return
    const file = fileOf(opened.node)
    const at = opened.isAppending ? file.live.sizeBytes : (position ?? opened.offset)
    this.#model.write(file, at, bytesOf(call.args).subarray(0, length))
    if (position === null) opened.offset = at + length
    if (opened.isSynced) this.#model.sync(file)
  }

  /** `from` is read at the place in brackets, or where it stands. */
  #copy(from: number, at: string, to: number, length: number): void {
    const opened = this.#opened.get(to)
    if (!opened || length === 0) return
    const source = this.#opened.get(from)
    const bytes = source ? fileOf(source.node).live.bytes() : readFileSync(this.#elsewhere.get(from) ?? '')
    const begin = Number(/^\[(\d+)/.exec(at)?.[1] ?? source?.offset ?? opened.offset)
    this.#model.write(fileOf(opened.node), opened.offset, bytes.subarray(begin, begin + length))
    opened.offset += length
  }

  /** The paths of a call, absolute; each may follow a folder's number. */
  #paths({ args }: Call): string[] {
    const found: string[] = []
    for (const [, folder, text = ''] of args.matchAll(/(?:(AT_FDCWD|\d+), )?"((?:\\x[0-9a-f]{2})*)"/g)) {
      const above =
        folder === undefined || folder === 'AT_FDCWD' ? this.#folder : this.#elsewhere.get(Number(folder))
      found.push(resolve(above ?? this.#folder, decode(text).toString('utf8')))
    }
    return found
  }
}

function fileOf(node: Node): FileNode {
  if (node.kind !== 'file') throw new Error('a folder cannot be written to')
  return node
}

const firstNumber = (args: string): number => Number(/^\d+/.exec(args)?.[0] ?? -1)

/** `pwrite64(n, "…", length, position)`, `pwritev(n, […], count, position[, flags])`. */
function positionOf({ args }: Call): number {
  const tail = args.slice(Math.max(args.lastIndexOf('"'), args.lastIndexOf(']')) + 1)
  return Number(tail.split(', ')[2])
}

/** Everything between quotes: one buffer, or those of a list in their order. */
function bytesOf(args: string): Buffer {
  const parts = args.match(/"(?:\\x[0-9a-f]{2})*"/g) ?? []
  return Buffer.concat(parts.map((part) => decode(part.slice(1, -1))))
}

const decode = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')
