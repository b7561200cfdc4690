import { type Problem, problem } from '../../../shared/problem.ts'
import type { Column, Confidence } from '../../../shared/sheet.ts'

/** Canonical fields that a column can fill, besides `ref 1`, `ref 2`, … */
export const SHEET_FIELDS = [
  'prompt',
  'model',
  'duration',
  'aspect_ratio',
  'quality',
  'size',
  'references',
  'audio',
  'generate_audio',
  'prompt_extend',
  'shot_type',
  'watermark',
  'seed',
  'negative_prompt',
  'generation_mode',
  'callback_url',
  'name',
  'id',
  'account',
] as const
export type SheetField = (typeof SHEET_FIELDS)[number]

/** What a manifest adds to the sheet's own columns; on the way back in they are kept and fill nothing. */
export const MANIFEST_COLUMNS = [
  'state',
  'clip file',
  'clip sha256',
  'task id',
  'clip seconds',
  'estimate',
  'charged',
  'currency',
  'problem',
] as const

/** Longer headers are no names of ours, and looking closely at a hostile one would cost time. */
const LONGEST_NAME = 100

/** Written without spaces, underscores, hyphens or capitals, as `fold` leaves them. */
const SYNONYMS: Record<SheetField, readonly string[]> = {
  prompt: ['prompt', 'prompts', 'text', 'prompttext', 'description', '描述', '提示词', '提示'],
  model: ['model', 'modelid', 'modelname', '模型'],
  duration: [
    'duration',
    'seconds',
    'secs',
    'sec',
    'length',
    'durationseconds',
    'lengthseconds',
    '时长',
    '秒数',
  ],
  aspect_ratio: ['aspectratio', 'aspect', 'ratio', '画幅', '比例', '宽高比'],
  quality: ['quality', 'resolution', '清晰度', '分辨率', '画质'],
  size: ['size', 'framesize', '尺寸'],
  references: [
    'references',
    'refs',
    'referenceurls',
    'images',
    'imageurls',
    'videos',
    'videourls',
    'referenceimages',
    'referencevideos',
    '参考素材',
  ],
  audio: ['audio', 'audiofile', 'audiourl', 'audioreference', 'music', '音频', '音乐'],
  generate_audio: ['generateaudio', 'sound', 'withsound', 'hassound', 'withaudio', '声音', '有声'],
  prompt_extend: ['promptextend', 'extendprompt', 'promptextension', '提示词扩写', '扩写'],
  shot_type: ['shottype', 'shot', 'shots', '镜头', '镜头类型'],
  watermark: ['watermark', '水印'],
  seed: ['seed', '种子', '随机种子'],
  negative_prompt: ['negativeprompt', 'negative', '反向提示词', '负面提示词'],
  generation_mode: ['generationmode'],
  callback_url: ['callbackurl', 'callback', 'webhook', '回调', '回调地址'],
  name: ['name', 'title', 'takename', 'clipname', '名称', '名字', '标题'],
  id: ['id', 'rowid', 'rowkey', '编号'],
  account: ['account', 'accountname', '账号', '账户'],
}

const REFERENCE_WORDS = [
  'ref',
  'reference',
  'referenceurl',
  'referenceimage',
  'referencevideo',
  'refimage',
  'refvideo',
  'image',
  'imageurl',
  'picture',
  'photo',
  'firstframe',
  'character',
  'video',
  'videourl',
  '参考',
  '参考图',
  '参考图片',
  '参考视频',
  '图片',
  '视频',
  '角色',
] as const

const FIELD_BY_WORD = new Map(
  Object.entries(SYNONYMS).flatMap(([field, words]) => words.map((word) => [word, field] as const)),
)
const REFERENCE_WORD_SET: ReadonlySet<string> = new Set(REFERENCE_WORDS)
/** As manifests of earlier versions had them. */
const EARLIER_MANIFEST_COLUMNS = ['price'] as const
const MANIFEST_WORDS: ReadonlySet<string> = new Set(
  [...MANIFEST_COLUMNS, ...EARLIER_MANIFEST_COLUMNS].map(fold),
)

export interface ColumnMap {
  /** In the order of the headers. */
  columns: Column[]
  /** Header → canonical field; a header that is absent is unknown and kept. */
  mapping: Record<string, string>
  /** `error`: two headers want one field. `warning`: looks like a typing error. `info`: kept, fills nothing. */
  problems: Problem[]
}

/** A person's words: header → field, or '' for a column that fills nothing. */
export type Wishes = Readonly<Record<string, string>>

/**
 * Says which header fills which field: by a person's words, now or remembered, then by name and synonym; case,
 * spaces, `_` and `-` do not matter. A field that a person gave to one column is not taken by another's name.
 */
export function mapColumns(
  headers: readonly string[],
  chosen: Wishes = {},
  remembered: Wishes = {},
): ColumnMap {
  const problems: Problem[] = []
  const words = [readWishes(remembered, 'remembered'), readWishes(chosen, 'chosen')]
  const wishes = headers.map((header): Wish => {
    const said = words.map((each) => each.get(fold(header))).findLast((each) => each !== undefined)
    if (!said) return { header, ...readHeader(header) }
    return { header, field: said.field, confidence: said.confidence }
  })
  problems.push(...explainWishes(chosen, headers))
  letGo(wishes)
  numberReferences(wishes)
  const mapping: Record<string, string> = Object.create(null)
  const owner = new Map<string, string>()
  for (const { header, field, confidence } of wishes) {
    if (field === undefined) {
      if (confidence === undefined) problems.push(...explainUnknown(header))
      continue
    }
    const first = owner.get(field)
    if (first !== undefined) {
      problems.push(ambiguous(first, header, field))
      continue
    }
    owner.set(field, header)
    mapping[header] = field
  }
  const columns = wishes.map(({ header, field, confidence }): Column => {
    const isOwner = field !== undefined && mapping[header] === field
    return { header, field: isOwner ? field : null, confidence: confidence ?? 'none' }
  })
  return { columns, mapping, problems }
}

interface Said {
  field: string | undefined
  confidence: Confidence
}

function readWishes(wishes: Wishes, confidence: Confidence): Map<string, Said> {
  const read = new Map<string, Said>()
  for (const [header, field] of Object.entries(wishes)) {
    const known = fieldNamed(field)
    if (field === '' || known !== undefined) read.set(fold(header), { field: known, confidence })
  }
  return read
}

/** A field by any of its names; `ref 2` for the second reference. */
export function fieldNamed(name: string): string | undefined {
  const read = readHeader(name)
  return read.field ?? (read.word === undefined ? undefined : 'ref 1')
}

/** What a person says of columns must be of columns and fields that there are. */
function explainWishes(chosen: Wishes, headers: readonly string[]): Problem[] {
  const known = new Set(headers.map(fold))
  return Object.entries(chosen).flatMap(([header, field]) => {
    const column = header.slice(0, LONGEST_NAME)
    if (!known.has(fold(header)))
      return [
        problem(
          'column-unknown',
          `The sheet has no column "${column}", which was to fill ${field || 'nothing'}. Nothing was started and nothing was spent.`,
          `Its columns are ${headers
            .slice(0, 12)
            .map((each) => `"${each.slice(0, 40)}"`)
            .join(', ')}.`,
          { column },
        ),
      ]
    if (field === '' || fieldNamed(field) !== undefined) return []
    return [
      problem(
        'column-unknown',
        `"${field}" is no field, so the column "${column}" cannot fill it. Nothing was started and nothing was spent.`,
        `Fields are ${SHEET_FIELDS.join(', ')} and ref 1, ref 2, …`,
        { column },
      ),
    ]
  })
}

/** What a person gave to one column is not wanted by another's name any more. */
function letGo(wishes: Wish[]): void {
  const given = new Set(wishes.filter(isSaid).map(({ field }) => field))
  for (const wish of wishes) {
    if (isSaid(wish) || wish.field === undefined || !given.has(wish.field)) continue
    wish.field = undefined
    wish.confidence = 'none'
  }
}

const isSaid = ({ confidence }: Wish): boolean => confidence === 'chosen' || confidence === 'remembered'

interface Wish {
  header: string
  field?: string | undefined
  /** A reference column without a number of its own. */
  word?: string
  /** Absent for a header that nobody knows. */
  confidence?: Confidence | undefined
}

function readHeader(header: string): Omit<Wish, 'header'> {
  const folded = fold(header)
  const known = FIELD_BY_WORD.get(folded)
  if (known !== undefined) return { field: known, confidence: folded === fold(known) ? 'name' : 'synonym' }
  const match = /^(.*?)0*(\d{0,2})$/u.exec(folded)
  const word = match?.[1] ?? ''
  if (!REFERENCE_WORD_SET.has(word)) return {}
  const number = match?.[2] ?? ''
  const confidence = word === 'ref' ? 'name' : 'synonym'
  if (folded === word) return { word, confidence }
  return number === '' ? {} : { field: `ref ${Number(number)}`, word, confidence }
}

/** `image, video` become `ref 1, ref 2` in their order; a number that is written is kept. */
function numberReferences(wishes: Wish[]): void {
  const taken = new Set(wishes.map((wish) => wish.field))
  const firstWords = new Set(wishes.filter((wish) => wish.field === 'ref 1').map((wish) => wish.word))
  let next = 1
  for (const wish of wishes) {
    if (wish.field !== undefined || wish.word === undefined) continue
    // `image` beside `image 1`: nobody can say which comes first, so both claim the place and are refused.
    if (firstWords.has(wish.word)) {
      wish.field = 'ref 1'
      continue
    }
    while (taken.has(`ref ${next}`)) next += 1
    wish.field = `ref ${next}`
    taken.add(wish.field)
  }
}

function ambiguous(first: string, second: string, field: string): Problem {
  const what = `The columns "${first}" and "${second}" both stand for ${field}, and guessing could order the wrong clip.`
  return problem('sheet-unreadable', what, `Rename or remove one of them; the plain name is "${field}".`, {
    column: second,
  })
}

function explainUnknown(column: string): Problem[] {
  const folded = fold(column)
  const header = column.slice(0, LONGEST_NAME)
  if (MANIFEST_WORDS.has(folded)) return []
  const near = nearestKnown(folded)
  if (near !== undefined) {
    const what = `The column "${header}" is unknown and fills nothing; it looks like "${near}".`
    const next = `If "${near}" is meant, rename the column before running; else leave it, it is kept.`
    return [problem('column-unknown', what, next, { column }, 'warning')]
  }
  const what = `The column "${header}" is not one that Reelsheet knows; it changes no clip.`
  return [
    problem('column-unknown', what, 'Nothing to do: it is kept and exported again.', { column }, 'info'),
  ]
}

/** Plain name of the field whose spelling is nearest to this header; undefined when none is near. */
export function nearestField(header: string): string | undefined {
  return nearestKnown(fold(header))
}

function nearestKnown(folded: string): string | undefined {
  const length = folded.length
  if (length < 3) return undefined
  const allowed = length < 5 ? 1 : 2
  let best: { name: string; distance: number } | undefined
  for (const [word, name] of [...FIELD_BY_WORD, ...REFERENCE_WORDS.map((word) => [word, 'ref 1'] as const)]) {
    if (word.length < 3 || Math.abs(word.length - length) > allowed) continue
    const distance = editDistance(folded, word)
    if (distance <= allowed && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { name, distance }
  }
  return best?.name
}

/** Letters and digits only: `Aspect_Ratio`, `aspect ratio` and `ASPECT-RATIO (16:9)` are one name. */
export function fold(header: string): string {
  if (header.length > LONGEST_NAME) return ''
  return header
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\([^)]*\)|\[[^\]]*\]/gu, '')
    .replace(/[\s_\-.:#*]+/gu, '')
}

/** Letters to insert, delete, replace or swap with a neighbour to get from one word to the other. */
export function editDistance(left: string, right: string): number {
  let before: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + same)
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (row > 1 && column > 1 && isSwap) cost = Math.min(cost, at(before, column - 2) + 1)
      current.push(cost)
    }
    before = last
    last = current
  }
  return at(last, right.length)
}

function at(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0
}
