import { type Answer, type Desk, isRecord, json } from './desk.ts'
import { breachOf } from './evolink-check.ts'
import type { MediaRule } from './evolink-models.ts'
import { decodeDataUri, type Probe, probeMedia, resolveAddress } from './media.ts'

/** A checked `wan26_r2v` request with its defaults filled in (https://doc.vtrix.ai/docs/api/qwen/wan26-r2v). */
export interface VtrixRequest {
  prompt: string
  width: number
  height: number
  seconds: number
  sound: boolean
}

export const VTRIX_MODEL = 'wan26_r2v'
const SIZES = [
  '1280*720',
  '720*1280',
  '960*960',
  '1088*832',
  '832*1088',
  '1920*1080',
  '1080*1920',
  '1440*1440',
  '1632*1248',
  '1248*1632',
]
const MB = 1_000_000
const PICTURE: MediaRule = {
  kind: 'image',
  formats: ['jpeg', 'png', 'bmp', 'webp'],
  maximumBytes: 10 * MB,
  sidePx: [360, 2000],
}
const VIDEO: MediaRule = {
  kind: 'video',
  formats: ['mp4', 'mov'],
  maximumBytes: 100 * MB,
  durationMs: [3000, 30_000],
}
const AUDIO: MediaRule = {
  kind: 'audio',
  formats: ['mp3', 'wav'],
  maximumBytes: 15 * MB,
  durationMs: [3000, 30_000],
}

const INPUT_FIELDS = new Set(['prompt', 'reference_urls', 'audio_url'])
const PARAMETER_FIELDS = new Set([
  'size',
  'duration',
  'prompt_extend',
  'watermark',
  'audio',
  'shot_type',
  'seed',
])

export const vtrixMessage = (status: number, message: string): Answer => json(status, { message })

/** A refusal with one of the model's own codes. */
const coded = (code: string, message: string): Answer => json(400, { error: { code, message } })

/** Takes the two groups out of the plain or the wrapped form, or says that the shape is not accepted. */
export function unwrap(
  desk: Desk,
  body: Record<string, unknown>,
): { input: Record<string, unknown>; parameters: Record<string, unknown> } | { refusal: Answer } {
  const no = (message: string) => ({ refusal: vtrixMessage(400, message) })
  const form = desk.settings.vtrixForm
  if (Array.isArray(body.input)) {
    if (form === 'plain') return no('input must be an object')
    const stray = Object.keys(body).find((name) => name !== 'model' && name !== 'input')
    if (stray !== undefined) return no(`unknown field ${stray}`)
    const [first] = body.input
    const params = isRecord(first) ? first.params : undefined
    if (body.input.length !== 1 || !isRecord(params)) return no('input must hold one object with params')
    return groups(params, [])
  }
  if (form === 'wrapped') return no('input must be an array')
  return groups(body, ['model'])
}

function groups(body: Record<string, unknown>, extra: readonly string[]): ReturnType<typeof unwrap> {
  const no = (message: string) => ({ refusal: vtrixMessage(400, message) })
  const known = new Set(['input', 'parameters', ...extra])
  const stray = Object.keys(body).find((name) => !known.has(name))
  if (stray !== undefined) return no(`unknown field ${stray}`)
  const parameters = body.parameters ?? {}
  if (!isRecord(body.input)) return no('input must be an object')
  if (!isRecord(parameters)) return no('parameters must be an object')
  return { input: body.input, parameters }
}

/** Checks both groups, the references last because they cost time to look into. */
export async function checkVtrix(
  desk: Desk,
  input: Record<string, unknown>,
  parameters: Record<string, unknown>,
): Promise<{ refusal: Answer } | VtrixRequest> {
  const message = checkNames(input, parameters) ?? checkValues(input, parameters)
  if (message !== undefined) return { refusal: vtrixMessage(400, message) }
  const refusal = (await checkReferences(desk, input.reference_urls)) ?? checkAudio(desk, input, parameters)
  if (refusal) return { refusal }
  const [width = 1920, height = 1080] = String(parameters.size ?? '1920*1080')
    .split('*')
    .map(Number)
  const seconds = Number(parameters.duration ?? 5)
  return { prompt: String(input.prompt), width, height, seconds, sound: parameters.audio !== false }
}

function checkNames(input: Record<string, unknown>, parameters: Record<string, unknown>): string | undefined {
  const strayInput = Object.keys(input).find((name) => !INPUT_FIELDS.has(name))
  if (strayInput !== undefined) return `unknown field input.${strayInput}`
  const stray = Object.keys(parameters).find((name) => !PARAMETER_FIELDS.has(name))
  return stray === undefined ? undefined : `unknown field parameters.${stray}`
}

function checkValues(
  input: Record<string, unknown>,
  parameters: Record<string, unknown>,
): string | undefined {
  // A prompt over 1500 characters is cut without notice, so it is no fault here.
  if (typeof input.prompt !== 'string' || input.prompt.trim() === '') return 'input.prompt is required'
  const { size, duration, shot_type: shot, seed } = parameters
  if (size !== undefined && !SIZES.includes(size as string)) return 'parameters.size is not allowed'
  if (duration !== undefined && !isWhole(duration, 2, 15)) return 'parameters.duration must be 2 to 15'
  if (seed !== undefined && !isWhole(seed, 0, 2_147_483_647)) return 'parameters.seed is out of range'
  for (const name of ['prompt_extend', 'watermark', 'audio']) {
    if (parameters[name] !== undefined && typeof parameters[name] !== 'boolean')
      return `parameters.${name} must be true or false`
  }
  if (shot !== undefined && shot !== 'single' && shot !== 'multi')
    return 'parameters.shot_type is not allowed'
  if (shot === 'multi' && parameters.prompt_extend === false)
    return 'parameters.shot_type multi needs prompt_extend'
  return undefined
}

function isWhole(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
}

async function checkReferences(desk: Desk, references: unknown): Promise<Answer | undefined> {
  const isList = Array.isArray(references) && references.length >= 1 && references.length <= 5
  if (!isList) return coded('001028001', 'between 1 and 5 references are required')
  let videos = 0
  for (const [index, reference] of references.entries()) {
    const found = await lookAt(desk, reference, index)
    if ('refusal' in found) return found.refusal
    if (found.kind === 'video') videos += 1
  }
  return videos > 3 ? coded('001028003', 'more than 3 videos') : undefined
}

type Found = { refusal: Answer } | { kind: 'image' | 'video' | 'unknown' }

async function lookAt(desk: Desk, reference: unknown, index: number): Promise<Found> {
  const wrongForm = { refusal: coded('001028004', `reference ${index + 1} has a wrong form`) }
  if (typeof reference !== 'string') return wrongForm
  if (reference.startsWith('data:')) {
    const data = decodeDataUri(reference)
    if (!data) return wrongForm
    return weigh(await probeMedia(data.bytes), data.bytes.length, index)
  }
  const address = resolveAddress(desk, reference)
  if (address.kind === 'invalid') return wrongForm
  if (address.kind === 'own') return weigh(address.upload, address.upload.sizeBytes, index)
  return { kind: kindByName(address.url.pathname) }
}

function weigh(probe: Probe | undefined, sizeBytes: number, index: number): Found {
  const place = `reference ${index + 1}`
  if (!probe || probe.kind === 'audio')
    return { refusal: vtrixMessage(400, `${place}: neither a picture nor a video that can be read`) }
  const message = breachOf(probe, sizeBytes, probe.kind === 'video' ? VIDEO : PICTURE)
  return message ? { refusal: vtrixMessage(400, `${place}: ${message}`) } : { kind: probe.kind }
}

/** Nobody can look into a foreign address here, so its name decides what it counts as. */
function kindByName(pathname: string): 'image' | 'video' | 'unknown' {
  if (/\.(mp4|mov)$/i.test(pathname)) return 'video'
  return /\.(jpe?g|png|bmp|webp)$/i.test(pathname) ? 'image' : 'unknown'
}

function checkAudio(
  desk: Desk,
  input: Record<string, unknown>,
  parameters: Record<string, unknown>,
): Answer | undefined {
  if (input.audio_url === undefined) return undefined
  if (parameters.audio === false)
    return vtrixMessage(400, 'input.audio_url does not go with parameters.audio false')
  const address = typeof input.audio_url === 'string' ? resolveAddress(desk, input.audio_url) : undefined
  if (!address || address.kind === 'invalid') return vtrixMessage(400, 'input.audio_url must be an address')
  if (address.kind === 'foreign') return undefined
  const message = breachOf(address.upload, address.upload.sizeBytes, AUDIO)
  return message ? vtrixMessage(400, `input.audio_url: ${message}`) : undefined
}
