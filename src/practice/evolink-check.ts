import type { Desk } from './desk.ts'
import { isRecord } from './desk.ts'
import { EVOLINK_MODELS, type EvolinkModel, type FieldRule, type MediaRule } from './evolink-models.ts'
import { isInternalHost, type Probe, resolveAddress } from './media.ts'

/** Why a request is refused with 400: the field, the reason, and a code where a string code is documented. */
export interface Refusal {
  param: string
  message: string
  code?: string
  allowed?: readonly (string | number)[]
}

/** The media of a request by field; `undefined` stands for an address nobody could look into. */
export type FoundMedia = Record<string, (Probe | undefined)[]>

/** Checks a create body against its model. Returns the first refusal, or what its media are. */
export function checkEvolink(
  desk: Desk,
  model: EvolinkModel,
  body: Record<string, unknown>,
): { refusal: Refusal } | { media: FoundMedia } {
  const { model: _name, ...fields } = body
  const refusal = checkFields(fields, model.fields, '')
  if (refusal) return { refusal }
  const media: FoundMedia = {}
  for (const [name, rule] of Object.entries(model.fields)) {
    const value = body[name]
    if (value === undefined || (rule.type !== 'address' && rule.type !== 'addresses')) continue
    const mediaRule = model.media[rule.media]
    const found: (Probe | undefined)[] = []
    for (const address of rule.type === 'address' ? [value] : (value as unknown[])) {
      const checked = checkAddress(desk, name, String(address), mediaRule)
      if ('refusal' in checked) return checked
      found.push(checked.probe)
    }
    media[name] = found
  }
  const broken = checkTogether(body, media)
  return broken ? { refusal: broken } : { media }
}

function checkFields(
  body: Record<string, unknown>,
  rules: Readonly<Record<string, FieldRule>>,
  prefix: string,
): Refusal | undefined {
  for (const name of Object.keys(body)) {
    if (!Object.hasOwn(rules, name))
      return {
        param: `${prefix}${name}`,
        message: `${prefix}${name} is not a field of this model`,
        code: 'unsupported_parameters',
      }
  }
  for (const [name, rule] of Object.entries(rules)) {
    const refusal = checkField(`${prefix}${name}`, body[name], rule)
    if (refusal) return refusal
  }
  return undefined
}

function checkField(param: string, value: unknown, rule: FieldRule): Refusal | undefined {
  const no = (message: string, allowed?: readonly (string | number)[]): Refusal =>
    allowed ? { param, message: `${param} ${message}`, allowed } : { param, message: `${param} ${message}` }
  if (value === undefined) return 'isRequired' in rule && rule.isRequired ? no('is required') : undefined
  switch (rule.type) {
    case 'text': {
      if (typeof value !== 'string') return no('must be a text')
      if (rule.isRequired && value.trim() === '') return no('must not be empty')
      const isLong = rule.maximumLength !== undefined && value.length > rule.maximumLength
      return isLong && !rule.isCutWhenLonger
        ? no(`is longer than ${rule.maximumLength} characters`)
        : undefined
    }
    case 'choice':
      return typeof value === 'string' && rule.values.includes(value)
        ? undefined
        : no('is not allowed for this model', rule.values)
    case 'integer': {
      if (typeof value !== 'number' || !Number.isInteger(value)) return no('must be a whole number')
      if (rule.values && !rule.values.includes(value)) return no('is not allowed for this model', rule.values)
      const isInside = value >= rule.minimum && value <= rule.maximum
      return isInside ? undefined : no(`must be between ${rule.minimum} and ${rule.maximum}`)
    }
    case 'boolean':
      return typeof value === 'boolean' ? undefined : no('must be true or false')
    case 'address':
      return typeof value === 'string' ? undefined : no('must be an address')
    case 'addresses':
      return checkList(value, rule, no)
    case 'callback':
      return isCallback(value) ? undefined : no('must be a public https address of at most 2048 characters')
    case 'object':
      return isRecord(value) ? checkFields(value, rule.fields, `${param}.`) : no('must be an object')
    case 'voices':
      return isVoices(value) ? undefined : no('must name at most five voices by imageN or videoN')
    default:
      return undefined
  }
}

function checkList(
  value: unknown,
  rule: Extract<FieldRule, { type: 'addresses' }>,
  no: (message: string) => Refusal,
): Refusal | undefined {
  if (!Array.isArray(value)) return no('must be a list of addresses')
  if (value.length < 1) return no('must not be empty')
  if (value.length > rule.maximumItems) return no(`takes at most ${rule.maximumItems} items`)
  return value.every((item) => typeof item === 'string') ? undefined : no('must hold addresses only')
}

function isCallback(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 2048 || !URL.canParse(value)) return false
  const url = new URL(value)
  return url.protocol === 'https:' && !isInternalHost(url.hostname)
}

function isVoices(value: unknown): boolean {
  if (!isRecord(value)) return false
  const names = Object.keys(value)
  return names.length <= 5 && names.every((name) => /^(image|video)\d+$/.test(name))
}

function checkAddress(
  desk: Desk,
  param: string,
  text: string,
  rule: MediaRule | undefined,
): { refusal: Refusal } | { probe: Probe | undefined } {
  const address = resolveAddress(desk, text)
  if (address.kind === 'invalid')
    return {
      refusal: { param, message: 'The media address could not be read', code: 'invalid_media_url' },
    }
  if (address.kind === 'foreign' || !rule) return { probe: undefined }
  const message = breachOf(address.upload, address.upload.sizeBytes, rule)
  if (message) return { refusal: { param, message: `${param}: ${message}` } }
  return { probe: address.upload }
}

/** The first media limit that a file breaks, in words. Shared by both families, each with its own limits. */
export function breachOf(probe: Probe, sizeBytes: number, rule: MediaRule): string | undefined {
  if (probe.kind !== rule.kind || !rule.formats.includes(probe.format))
    return `the file is no ${rule.kind} of the forms ${rule.formats.join(', ')}`
  if (sizeBytes > rule.maximumBytes) return `the file is larger than ${rule.maximumBytes} bytes`
  if (rule.kind === 'image' && probe.hasAlpha && probe.format === 'png') return 'the picture is transparent'
  const { width, height, durationMs } = probe
  if (rule.sidePx && width !== undefined && height !== undefined) {
    const [low, high] = rule.sidePx
    if (Math.min(width, height) < low || Math.max(width, height) > high)
      return `both sides must be ${low} to ${high} px, this is ${width}x${height}`
    const ratio = width / height
    if (rule.ratio && (ratio < rule.ratio[0] || ratio > rule.ratio[1])) return 'the picture is too narrow'
  }
  if (rule.durationMs && durationMs !== undefined) {
    const [low, high] = rule.durationMs
    if (durationMs < low || durationMs > high)
      return `the length must be ${low / 1000} to ${high / 1000} s, this is ${durationMs / 1000} s`
  }
  return undefined
}

/** Rules across fields. */
function checkTogether(body: Record<string, unknown>, media: FoundMedia): Refusal | undefined {
  const name = String(body.model)
  const parameters = isRecord(body.model_params) ? body.model_params : {}
  const hasExtendField = Object.hasOwn(EVOLINK_MODELS[name]?.fields ?? {}, 'prompt_extend')
  if (hasExtendField && parameters.shot_type === 'multi' && body.prompt_extend === false)
    return { param: 'model_params.shot_type', message: 'multi needs prompt_extend' }
  if (body.generate_audio === false && body.audio_url !== undefined)
    return { param: 'audio_url', message: 'audio_url does not go with generate_audio false' }
  if (name === 'wan2.5-text-to-video' && body.quality === '480p') {
    if (!['16:9', '9:16', '1:1', undefined].includes(body.aspect_ratio as string | undefined))
      return { param: 'aspect_ratio', message: 'aspect_ratio is not allowed at 480p' }
  }
  if (name === 'wan2.7-reference-video') return checkReferences27(body)
  if (name === 'wan2.7-image-to-video') return checkFrames27(body, media)
  return undefined
}

function checkReferences27(body: Record<string, unknown>): Refusal | undefined {
  const count = (value: unknown) => (Array.isArray(value) ? value.length : 0)
  const references = count(body.image_urls) + count(body.video_urls)
  if (references < 1 || references > 5)
    return { param: 'image_urls', message: 'between 1 and 5 references are required' }
  if (count(body.video_urls) > 0 && Number(body.duration ?? 5) > 10)
    return { param: 'duration', message: 'duration is at most 10 with reference videos' }
  return undefined
}

function checkFrames27(body: Record<string, unknown>, media: FoundMedia): Refusal | undefined {
  const has = (name: string) => body[name] !== undefined
  const guessed = has('video_urls')
    ? 'video_continuation'
    : has('image_end')
      ? 'first_last_frame'
      : 'first_frame'
  const mode = body.generation_mode ?? guessed
  const needs = (param: string, message: string): Refusal => ({
    param,
    message: `${param} ${message} in ${mode}`,
  })
  if (mode === 'video_continuation') {
    if (!has('video_urls')) return needs('video_urls', 'is required')
    for (const name of ['image_start', 'audio_urls']) if (has(name)) return needs(name, 'is not allowed')
    const clipMs = media.video_urls?.[0]?.durationMs ?? 0
    return Number(body.duration ?? 5) * 1000 < clipMs ? needs('duration', 'must cover the clip') : undefined
  }
  if (!has('image_start')) return needs('image_start', 'is required')
  if (has('video_urls')) return needs('video_urls', 'is not allowed')
  if (mode === 'first_last_frame' && !has('image_end')) return needs('image_end', 'is required')
  return mode === 'first_frame' && has('image_end') ? needs('image_end', 'is not allowed') : undefined
}
