import { RATIOS } from './sizes.ts'
import type { SourceId } from './sources.ts'
import type { MediaLimits, MediaSlot, ModelOutput, Parameter } from './types.ts'

/** Facts that several models share. Each says where it is stated. */

const MB = 1_000_000

export function prompt(
  maximumLength: number,
  sources: readonly SourceId[],
  more: Partial<Parameter> = {},
): Parameter {
  return {
    field: 'prompt',
    path: 'prompt',
    type: 'text',
    required: true,
    maximumLength,
    help: `What happens in the clip, at most ${maximumLength} characters. Letters, Chinese characters and punctuation count 1 each; an emoji counts 2 or more.`,
    basis: 'documented',
    sources,
    ...more,
  }
}

export function negativePrompt(sources: readonly SourceId[]): Parameter {
  return {
    field: 'negative_prompt',
    path: 'negative_prompt',
    type: 'text',
    required: false,
    maximumLength: 500,
    help: 'What must not be seen, at most 500 characters.',
    basis: 'documented',
    sources,
  }
}

export function aspectRatio(sources: readonly SourceId[], more: Partial<Parameter> = {}): Parameter {
  return {
    field: 'aspect_ratio',
    path: 'aspect_ratio',
    type: 'text',
    required: false,
    values: RATIOS,
    default: '16:9',
    alwaysSent: '16:9',
    help: 'Shape of the frame. 4:3 and 3:4 are near these ratios, not exact.',
    basis: 'documented',
    sources,
    ...more,
  }
}

export function quality(
  sources: readonly SourceId[],
  values: readonly string[] = ['720p', '1080p'],
): Parameter {
  return {
    field: 'quality',
    path: 'quality',
    type: 'text',
    required: false,
    values,
    default: '720p',
    alwaysSent: '720p',
    help: 'Frame size tier. 1080p costs more than 720p.',
    basis: 'documented',
    sources,
  }
}

/** `facts` holds the values or the range. The page's example is 5; the model's maker names 5 as default. */
export function duration(sources: readonly SourceId[], facts: Partial<Parameter>): Parameter {
  return {
    field: 'duration',
    path: 'duration',
    type: 'integer',
    required: false,
    default: 5,
    alwaysSent: 5,
    help: 'Length of the clip in whole seconds; each second is paid.',
    basis: 'documented',
    sources,
    ...facts,
  }
}

export function promptExtend(byDefault: boolean, sources: readonly SourceId[]): Parameter {
  return {
    field: 'prompt_extend',
    path: 'prompt_extend',
    type: 'boolean',
    required: false,
    default: byDefault,
    help: 'Lets the provider rewrite the prompt before use; takes a little longer.',
    basis: 'documented',
    sources,
  }
}

export function shotType(sources: readonly SourceId[], more: Partial<Parameter> = {}): Parameter {
  return {
    field: 'shot_type',
    path: 'model_params.shot_type',
    type: 'text',
    required: false,
    values: ['single', 'multi'],
    default: 'single',
    help: 'One continuous shot, or several. Beats what the prompt says.',
    basis: 'documented',
    sources,
    ...more,
  }
}

/** Sent always: sound decides the price of the flash models. */
export function generateAudio(sources: readonly SourceId[]): Parameter {
  return {
    field: 'generate_audio',
    path: 'generate_audio',
    type: 'boolean',
    required: false,
    default: true,
    alwaysSent: true,
    help: 'Whether the clip has sound. With sound costs more than without.',
    basis: 'documented',
    sources,
  }
}

export function seed(sources: readonly SourceId[], minimum: number, path = 'seed'): Parameter {
  return {
    field: 'seed',
    path,
    type: 'integer',
    required: false,
    minimum,
    maximum: 2_147_483_647,
    help: 'Starting number of chance. Left out = a new one each time; equal seeds do not promise equal clips.',
    basis: 'documented',
    sources,
  }
}

export function callbackUrl(sources: readonly SourceId[]): Parameter {
  return {
    field: 'callback_url',
    path: 'callback_url',
    type: 'text',
    required: false,
    maximumLength: 2048,
    help: 'A public https address that the provider calls when the clip is ready. Reelsheet itself cannot be called; it asks.',
    basis: 'documented',
    sources,
  }
}

const PICTURE_FORMATS = ['jpeg', 'png', 'bmp', 'webp'] as const

export function picture26(sources: readonly SourceId[]): MediaLimits {
  return {
    formats: PICTURE_FORMATS,
    noTransparency: true,
    minimumSide: 360,
    maximumSide: 2000,
    maximumBytes: 10 * MB,
    sources,
  }
}

export function picture27(sources: readonly SourceId[]): MediaLimits {
  return {
    formats: PICTURE_FORMATS,
    noTransparency: true,
    minimumSide: 240,
    maximumSide: 8000,
    minimumAspect: 0.125,
    maximumAspect: 8,
    maximumBytes: 20 * MB,
    sources,
  }
}

export function video(
  sources: readonly SourceId[],
  seconds: { minimum: number; maximum: number },
  more: Partial<MediaLimits> = {},
): MediaLimits {
  return {
    formats: ['mp4', 'mov'],
    minimumMs: seconds.minimum * 1000,
    maximumMs: seconds.maximum * 1000,
    maximumBytes: 100 * MB,
    sources,
    ...more,
  }
}

export function audioFile(
  sources: readonly SourceId[],
  formats: readonly string[],
  minimumSeconds: number,
): MediaLimits {
  return { formats, minimumMs: minimumSeconds * 1000, maximumMs: 30_000, maximumBytes: 15 * MB, sources }
}

export function firstFrameSlot(sources: readonly SourceId[]): MediaSlot {
  return {
    path: 'image_urls',
    kinds: ['image'],
    isList: true,
    minimum: 1,
    maximum: 1,
    limits: { image: picture26(sources) },
    help: 'The first frame: exactly one picture. Its shape decides the shape of the clip.',
    sources,
  }
}

export function audioSlot(
  path: string,
  isList: boolean,
  limits: MediaLimits,
  more: Partial<MediaSlot> = {},
): MediaSlot {
  return {
    path,
    kinds: ['audio'],
    isList,
    minimum: 0,
    maximum: 1,
    limits: { audio: limits },
    help: 'Sound for the clip. What is longer than the clip is cut off; what is shorter leaves silence.',
    sources: limits.sources,
    ...more,
  }
}

/** Container and rate are stated by the model's maker for its own interface, not by the resellers. */
export function output(more: Partial<ModelOutput> = {}): ModelOutput {
  return {
    container: 'mp4',
    codec: 'h264',
    framesPerSecond: 30,
    basis: 'assumed',
    note: "Container, codec and frame rate are the model maker's, not printed by the reseller.",
    sources: ['A1', 'A2'],
    ...more,
  }
}
