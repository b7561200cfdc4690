import { type Problem, problem } from '../../../shared/problem.ts'

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
  'price',
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
const MANIFEST_WORDS: ReadonlySet<string> = new Set(MANIFEST_COLUMNS.map(fold))

export interface ColumnMap {
  /** Header → canonical field; a header that is absent is unknown and kept. */
  mapping: Record<string, string>
  /** `error`: two headers want one field. `warning`: looks like a typing error. `info`: kept, fills nothing. */
  problems: Problem[]
}

/** Says which header fills which field, by name and synonym; case, spaces, `_` and `-` do not matter. */
export function mapColumns(headers: readonly string[]): ColumnMap {
  const wishes = headers.map((header) => ({ header, ...readHeader(header) }))
  const problems: Problem[] = []
  numberReferences(wishes)
  const mapping: Record<string, string> = Object.create(null)
  const owner = new Map<string, string>()
  for (const { header, field } of wishes) {
    if (field === undefined) {
      problems.push(...explainUnknown(header))
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
  return { mapping, problems }
}

interface Wish {
  header: string
  field?: string
  /** A reference column without a number of its own. */
  word?: string
}

function readHeader(header: string): { field?: string; word?: string } {
  const folded = fold(header)
  const known = FIELD_BY_WORD.get(folded)
  if (known !== undefined) return { field: known }
  const match = /^(.*?)0*(\d{0,2})$/u.exec(folded)
  const word = match?.[1] ?? ''
  if (!REFERENCE_WORD_SET.has(word)) return {}
  const number = match?.[2] ?? ''
  if (folded === word) return { word }
  return number === '' ? {} : { field: `ref ${Number(number)}`, word }
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
function fold(header: string): string {
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
