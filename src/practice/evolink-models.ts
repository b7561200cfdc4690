/**
 * The fields, ranges and media rules of EvoLink's Wan models, read from its model pages
 * (https://docs.evolink.ai/en/api-manual/video-series/wan2.6/… and wan2.7) independently of the app's catalogue.
 */
export type FieldRule =
  | { type: 'text'; isRequired?: boolean; maximumLength?: number; isCutWhenLonger?: boolean }
  | { type: 'choice'; values: readonly string[] }
  | { type: 'integer'; minimum: number; maximum: number; values?: readonly number[] }
  | { type: 'boolean' }
  | { type: 'address'; media: string; isRequired?: boolean }
  | { type: 'addresses'; media: string; isRequired?: boolean; maximumItems: number }
  | { type: 'callback' }
  | { type: 'object'; fields: Readonly<Record<string, FieldRule>> }
  | { type: 'voices' }

export interface MediaRule {
  kind: 'image' | 'video' | 'audio'
  formats: readonly string[]
  maximumBytes: number
  sidePx?: readonly [number, number]
  ratio?: readonly [number, number]
  durationMs?: readonly [number, number]
}

export interface EvolinkModel {
  fields: Readonly<Record<string, FieldRule>>
  media: Readonly<Record<string, MediaRule>>
  /** Whether clips have sound, when no field decides it. */
  hasSound: boolean
}

const RATIOS = ['16:9', '9:16', '1:1', '4:3', '3:4']
const PICTURES = ['jpeg', 'png', 'bmp', 'webp']
const MB = 1_000_000

const prompt = (maximumLength: number, isRequired = true, isCutWhenLonger = false): FieldRule => ({
  type: 'text',
  maximumLength,
  isRequired,
  isCutWhenLonger,
})
const ratio: FieldRule = { type: 'choice', values: RATIOS }
const quality: FieldRule = { type: 'choice', values: ['720p', '1080p'] }
const oldQuality: FieldRule = { type: 'choice', values: ['480p', '720p', '1080p'] }
const seconds = (minimum: number, maximum: number, values?: readonly number[]): FieldRule =>
  values ? { type: 'integer', minimum, maximum, values } : { type: 'integer', minimum, maximum }
const shot: FieldRule = {
  type: 'object',
  fields: { shot_type: { type: 'choice', values: ['single', 'multi'] } },
}
const yesNo: FieldRule = { type: 'boolean' }
const callback: FieldRule = { type: 'callback' }
const videos = (maximumItems: number, isRequired = true): FieldRule => ({
  type: 'addresses',
  media: 'video',
  maximumItems,
  isRequired,
})
const firstFrame: FieldRule = { type: 'addresses', media: 'image', maximumItems: 1, isRequired: true }
const sound: FieldRule = { type: 'address', media: 'audio' }
const seed: FieldRule = { type: 'integer', minimum: 1, maximum: 2_147_483_647 }

const referenceVideo = (minimumMs: number): MediaRule => ({
  kind: 'video',
  formats: ['mp4', 'mov'],
  maximumBytes: 100 * MB,
  durationMs: [minimumMs, 30_000],
})
const picture26: MediaRule = {
  kind: 'image',
  formats: PICTURES,
  maximumBytes: 10 * MB,
  sidePx: [360, 2000],
}
const picture27: MediaRule = {
  kind: 'image',
  formats: PICTURES,
  maximumBytes: 20 * MB,
  sidePx: [240, 8000],
  ratio: [0.125, 8],
}
const audio26: MediaRule = {
  kind: 'audio',
  formats: ['mp3'],
  maximumBytes: 15 * MB,
  durationMs: [3000, 30_000],
}
const audio27: MediaRule = {
  kind: 'audio',
  formats: ['mp3', 'wav'],
  maximumBytes: 15 * MB,
  durationMs: [2000, 30_000],
}

export const EVOLINK_MODELS: Readonly<Record<string, EvolinkModel>> = {
  'wan2.6-reference-video': {
    fields: {
      prompt: prompt(1500),
      video_urls: videos(3),
      aspect_ratio: ratio,
      quality,
      duration: seconds(2, 10),
      model_params: shot,
      callback_url: callback,
    },
    media: { video: referenceVideo(2000) },
    // There is no switch for sound on this model's page and Wan 2.6 speaks: the practice clips have sound.
    hasSound: true,
  },
  'wan2.6-reference-video-flash': {
    fields: {
      prompt: prompt(1500),
      video_urls: videos(3),
      aspect_ratio: ratio,
      quality,
      duration: seconds(2, 10),
      model_params: shot,
      generate_audio: yesNo,
      callback_url: callback,
    },
    media: { video: referenceVideo(2000) },
    hasSound: true,
  },
  'wan2.6-image-to-video-flash': {
    fields: {
      prompt: prompt(1500),
      image_urls: firstFrame,
      duration: seconds(2, 15),
      quality,
      prompt_extend: yesNo,
      model_params: shot,
      audio_url: sound,
      generate_audio: yesNo,
      callback_url: callback,
    },
    media: { image: picture26, audio: audio26 },
    hasSound: true,
  },
  'wan2.6-image-to-video': {
    fields: {
      prompt: prompt(1500),
      image_urls: firstFrame,
      duration: seconds(2, 15),
      quality,
      prompt_extend: yesNo,
      model_params: shot,
      audio_url: sound,
      callback_url: callback,
    },
    media: { image: picture26, audio: audio26 },
    hasSound: true,
  },
  'wan2.6-text-to-video': {
    fields: {
      prompt: prompt(1500),
      aspect_ratio: ratio,
      quality,
      duration: seconds(2, 15),
      prompt_extend: yesNo,
      model_params: shot,
      audio_url: sound,
      callback_url: callback,
    },
    media: { audio: audio26 },
    hasSound: true,
  },
  'wan2.5-text-to-video': {
    fields: {
      prompt: prompt(2000),
      aspect_ratio: ratio,
      quality: oldQuality,
      duration: seconds(5, 10, [5, 10]),
      prompt_extend: yesNo,
    },
    media: {},
    hasSound: true,
  },
  'wan2.5-image-to-video': {
    fields: {
      prompt: prompt(2000),
      image_urls: firstFrame,
      quality: oldQuality,
      duration: seconds(5, 10, [5, 10]),
      prompt_extend: yesNo,
    },
    media: { image: picture26 },
    hasSound: true,
  },
  'wan2.7-image-to-video': {
    fields: {
      generation_mode: { type: 'choice', values: ['first_frame', 'first_last_frame', 'video_continuation'] },
      prompt: prompt(5000, false, true),
      negative_prompt: { type: 'text', maximumLength: 500 },
      image_start: { type: 'address', media: 'image' },
      image_end: { type: 'address', media: 'image' },
      video_urls: videos(1, false),
      audio_urls: { type: 'addresses', media: 'audio', maximumItems: 1 },
      quality,
      duration: seconds(2, 15),
      seed,
      prompt_extend: yesNo,
    },
    media: {
      image: picture27,
      video: { ...referenceVideo(2000), durationMs: [2000, 10_000], sidePx: [240, 4096] },
      audio: audio27,
    },
    hasSound: true,
  },
  'wan2.7-reference-video': {
    fields: {
      prompt: prompt(5000),
      negative_prompt: { type: 'text', maximumLength: 500 },
      image_start: { type: 'address', media: 'image' },
      image_urls: { type: 'addresses', media: 'image', maximumItems: 5 },
      video_urls: videos(5, false),
      audio_urls: { type: 'addresses', media: 'audio', maximumItems: 5 },
      model_params: { type: 'object', fields: { voice_bindings: { type: 'voices' } } },
      quality,
      aspect_ratio: ratio,
      duration: seconds(2, 15),
      seed,
      prompt_extend: yesNo,
    },
    media: { image: picture27, video: { ...referenceVideo(1000), sidePx: [240, 4096] }, audio: audio27 },
    hasSound: true,
  },
}

/** Frame by tier and ratio; Wan 2.7 has its own 4:3. */
const SIZES: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>> = {
  '480p': { '16:9': [832, 480], '9:16': [480, 832], '1:1': [624, 624] },
  '720p': {
    '16:9': [1280, 720],
    '9:16': [720, 1280],
    '1:1': [960, 960],
    '4:3': [1088, 832],
    '3:4': [832, 1088],
  },
  '1080p': {
    '16:9': [1920, 1080],
    '9:16': [1080, 1920],
    '1:1': [1440, 1440],
    '4:3': [1632, 1248],
    '3:4': [1248, 1632],
  },
}

export function frameOf(tier: string, aspect: string): { width: number; height: number } | undefined {
  const size = SIZES[tier]?.[aspect]
  return size && { width: size[0], height: size[1] }
}

/** The frame of a tier whose ratio is nearest to a picture's; without a picture 16:9. */
export function frameLike(tier: string, picture: { width: number; height: number } | undefined) {
  const wanted = picture ? picture.width / picture.height : 16 / 9
  const frames = Object.values(SIZES[tier] ?? {}).map(([width, height]) => ({ width, height }))
  const distance = (frame: { width: number; height: number }) =>
    Math.abs(Math.log(frame.width / frame.height / wanted))
  return frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best))
}
