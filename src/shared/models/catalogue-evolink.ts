import {
  aspectRatio,
  audioFile,
  audioSlot,
  callbackUrl,
  duration,
  firstFrameSlot,
  generateAudio,
  output,
  prompt,
  promptExtend,
  quality,
  shotType,
  video,
} from './catalogue-parts.ts'
import { WAN26_SIZES } from './sizes.ts'
import type { SourceId } from './sources.ts'
import type { MediaSlot, Model } from './types.ts'

const CAPPED_INPUT =
  'Billed seconds = input + output. Input: each reference video counts at most 5 s when alone, 2.5 s of two, 1.65 s of three. Output: the seconds produced. Charged only when the task succeeds.'
const OUTPUT_ONLY = 'Billed seconds = the seconds produced; reserved by the requested length.'

/** One to three videos; the n-th is `character1`.. in the prompt. */
function referenceVideos(sources: readonly SourceId[]): MediaSlot {
  return {
    path: 'video_urls',
    kinds: ['video'],
    isList: true,
    minimum: 1,
    maximum: 3,
    limits: { video: video(sources, { minimum: 2, maximum: 30 }, { warnBelowMs: 3000 }) },
    help: 'One to three videos with one subject each, in the order of character1, character2, character3.',
    sources,
  }
}

const sizes26 = {
  sizes: WAN26_SIZES,
  sizesBasis: 'assumed',
  note: "Pixel sizes are the model maker's table; EvoLink prints ratios only. Container, codec and rate are the maker's too.",
} as const

const ownShape =
  'The frame follows the picture, not exactly: both sides become multiples of 16 near the pixel count of the tier (750x1000 at 720p gave 816x1104).'

const mp3Audio = audioSlot('audio_url', false, audioFile(['E3'], ['mp3'], 3))

export const EVOLINK_WAN26: readonly Model[] = [
  {
    id: 'wan2.6-reference-video',
    family: 'evolink',
    kind: 'reference_to_video',
    title: 'Wan 2.6 reference video',
    inFirstRelease: true,
    lifecycle: 'active',
    successor: 'wan2.7-reference-video',
    parameters: [
      prompt(1500, ['E1', 'A1']),
      aspectRatio(['E1']),
      quality(['E1']),
      duration(['E1', 'E16', 'E23'], {
        values: [5, 10],
        extended: { minimum: 2, maximum: 10 },
        help: 'Length of the clip: 5 or 10 seconds; 2 to 10 where the account option for it is on. Each second is paid.',
      }),
      shotType(['E1', 'E16']),
      callbackUrl(['E1']),
    ],
    references: { minimum: 1, maximum: 3, sources: ['E1'] },
    slots: [referenceVideos(['E1'])],
    naming: { style: 'characterN', basis: 'assumed', sources: ['A1'] },
    multiNeedsExtend: false,
    sound: 'from-audio-only',
    notOffered: [],
    output: output(sizes26),
    billing: CAPPED_INPUT,
    sources: ['E1', 'E16', 'E23', 'A1'],
  },
  {
    id: 'wan2.6-reference-video-flash',
    family: 'evolink',
    kind: 'reference_to_video',
    title: 'Wan 2.6 reference video, flash',
    inFirstRelease: true,
    lifecycle: 'active',
    successor: 'wan2.7-reference-video',
    parameters: [
      prompt(1500, ['E2', 'A1']),
      aspectRatio(['E2']),
      quality(['E2']),
      duration(['E2', 'E16'], { minimum: 2, maximum: 10 }),
      // Older captures of the page show `model_params` empty: sent only when it says something.
      shotType(['E2', 'E16'], { omittedWhen: 'single' }),
      generateAudio(['E2', 'E16']),
      callbackUrl(['E2']),
    ],
    references: { minimum: 1, maximum: 3, sources: ['E2'] },
    slots: [referenceVideos(['E2'])],
    naming: { style: 'characterN', basis: 'assumed', sources: ['A1'] },
    multiNeedsExtend: false,
    sound: 'switch',
    notOffered: [],
    output: output(sizes26),
    billing: `${CAPPED_INPUT} Sound costs more.`,
    sources: ['E2', 'E16', 'A1'],
  },
  {
    id: 'wan2.6-image-to-video-flash',
    family: 'evolink',
    kind: 'image_to_video',
    title: 'Wan 2.6 image to video, flash',
    inFirstRelease: true,
    lifecycle: 'active',
    successor: 'wan2.7-image-to-video',
    parameters: [
      prompt(1500, ['E3', 'A2']),
      quality(['E3']),
      duration(['E3', 'E16'], { minimum: 2, maximum: 15 }),
      promptExtend(true, ['E3', 'E16']),
      shotType(['E3', 'E16']),
      generateAudio(['E3', 'E16']),
      callbackUrl(['E3']),
    ],
    references: { minimum: 1, maximum: 1, sources: ['E3'] },
    slots: [firstFrameSlot(['E3', 'E4'])],
    audio: mp3Audio,
    multiNeedsExtend: true,
    sound: 'switch',
    notOffered: [],
    output: output({ note: ownShape }),
    billing: `${OUTPUT_ONLY} Sound costs more.`,
    sources: ['E3', 'E16', 'E19', 'A2'],
  },
  {
    id: 'wan2.6-image-to-video',
    family: 'evolink',
    kind: 'image_to_video',
    title: 'Wan 2.6 image to video',
    inFirstRelease: false,
    lifecycle: 'active',
    successor: 'wan2.7-image-to-video',
    parameters: [
      prompt(1500, ['E4', 'A2']),
      quality(['E4', 'E3']),
      duration(['E4', 'E16'], {
        values: [5, 10, 15],
        extended: { minimum: 2, maximum: 15 },
        help: 'Length of the clip: 5, 10 or 15 seconds; 2 to 15 where the account option for it is on. Each second is paid.',
      }),
      promptExtend(true, ['E4', 'E16']),
      shotType(['E4', 'E16']),
      callbackUrl(['E4', 'E3']),
    ],
    references: { minimum: 1, maximum: 1, sources: ['E4'] },
    slots: [firstFrameSlot(['E4', 'E3'])],
    audio: audioSlot('audio_url', false, audioFile(['E4', 'E3'], ['mp3'], 3)),
    multiNeedsExtend: true,
    sound: 'from-audio-only',
    notOffered: [],
    output: output({ note: ownShape }),
    billing: OUTPUT_ONLY,
    sources: ['E4', 'E16', 'E19'],
  },
  {
    id: 'wan2.6-text-to-video',
    family: 'evolink',
    kind: 'text_to_video',
    title: 'Wan 2.6 text to video',
    inFirstRelease: false,
    lifecycle: 'active',
    parameters: [
      prompt(1500, ['E5', 'A2']),
      aspectRatio(['E5', 'E2']),
      quality(['E5', 'E3']),
      duration(['E16', 'E5'], { minimum: 2, maximum: 15, offered: [5, 10, 15] }),
      promptExtend(true, ['E16']),
      shotType(['E16']),
      callbackUrl(['E5', 'E3']),
    ],
    references: { minimum: 0, maximum: 0, sources: ['E5'] },
    slots: [],
    audio: audioSlot('audio_url', false, audioFile(['E16', 'E3'], ['mp3'], 3)),
    multiNeedsExtend: true,
    sound: 'from-audio-only',
    notOffered: [],
    output: output(sizes26),
    billing: OUTPUT_ONLY,
    sources: ['E5', 'E16'],
  },
]
