import {
  aspectRatio,
  audioFile,
  audioSlot,
  duration,
  firstFrameSlot,
  negativePrompt,
  output,
  picture27,
  prompt,
  promptExtend,
  quality,
  seed,
  video,
} from './catalogue-parts.ts'
import { WAN27_SIZES } from './sizes.ts'
import type { MediaSlot, Model } from './types.ts'

const OUTPUT_ONLY = 'Billed seconds = the seconds produced.'

export const EVOLINK_WAN25: readonly Model[] = [
  {
    id: 'wan2.5-text-to-video',
    family: 'evolink',
    kind: 'text_to_video',
    title: 'Wan 2.5 text to video',
    inFirstRelease: false,
    lifecycle: 'active',
    successor: 'wan2.6-text-to-video',
    parameters: [
      prompt(2000, ['E16']),
      aspectRatio(['E16'], { help: 'Shape of the frame. At 480p only 16:9, 9:16 and 1:1.' }),
      quality(['E16'], ['480p', '720p', '1080p']),
      duration(['E16'], { values: [5, 10] }),
      promptExtend(true, ['E16']),
    ],
    references: { minimum: 0, maximum: 0, sources: ['E16'] },
    slots: [],
    multiNeedsExtend: false,
    ratiosOfQuality: { '480p': ['16:9', '9:16', '1:1'] },
    sound: 'from-audio-only',
    notOffered: [],
    output: output(),
    billing: OUTPUT_ONLY,
    sources: ['E16'],
  },
  {
    id: 'wan2.5-image-to-video',
    family: 'evolink',
    kind: 'image_to_video',
    title: 'Wan 2.5 image to video',
    inFirstRelease: false,
    lifecycle: 'active',
    successor: 'wan2.7-image-to-video',
    parameters: [
      prompt(2000, ['E16'], { basis: 'assumed' }),
      quality(['E16'], ['480p', '720p', '1080p']),
      duration(['E16'], { values: [5, 10], basis: 'assumed' }),
      promptExtend(true, ['E16']),
    ],
    references: { minimum: 1, maximum: 1, sources: ['E16'] },
    slots: [{ ...firstFrameSlot(['E3', 'E4']), sources: ['E16'] }],
    multiNeedsExtend: false,
    sound: 'from-audio-only',
    notOffered: [],
    output: output({
      note: "The frame follows the picture. Container, codec and rate are the model maker's.",
    }),
    billing: OUTPUT_ONLY,
    sources: ['E16'],
  },
]

const frame27 = { image: picture27(['E6i']) }

const startFrame: MediaSlot = {
  path: 'image_start',
  kinds: ['image'],
  isList: false,
  minimum: 1,
  maximum: 1,
  modes: ['first_frame', 'first_last_frame'],
  limits: frame27,
  help: 'The first frame.',
  sources: ['E6i'],
}

export const EVOLINK_WAN27: readonly Model[] = [
  {
    id: 'wan2.7-image-to-video',
    family: 'evolink',
    kind: 'image_to_video',
    title: 'Wan 2.7 image to video',
    inFirstRelease: false,
    lifecycle: 'active',
    parameters: [
      {
        field: 'generation_mode',
        path: 'generation_mode',
        type: 'text',
        required: false,
        values: ['first_frame', 'first_last_frame', 'video_continuation'],
        help: 'From a first frame, between two frames, or on from a video. Left out = decided by the files given, and then sent.',
        basis: 'documented',
        sources: ['E6i'],
      },
      prompt(5000, ['E6i'], { required: false }),
      negativePrompt(['E6i']),
      quality(['E6i']),
      duration(['E6i'], {
        minimum: 2,
        maximum: 15,
        help: 'Length of the clip in whole seconds; when a video is continued, its own length is part of it. Each second is paid.',
      }),
      seed(['E6i'], 1),
      promptExtend(false, ['E6i']),
    ],
    references: { minimum: 1, maximum: 2, sources: ['E6i'] },
    slots: [
      startFrame,
      {
        ...startFrame,
        path: 'image_end',
        modes: ['first_last_frame'],
        help: 'The last frame: the second picture.',
      },
      {
        ...startFrame,
        path: 'image_end',
        minimum: 0,
        modes: ['video_continuation'],
        help: 'A last frame for the continued video, if wanted.',
      },
      {
        path: 'video_urls',
        kinds: ['video'],
        isList: true,
        minimum: 1,
        maximum: 1,
        modes: ['video_continuation'],
        limits: {
          video: video(['E6i'], { minimum: 2, maximum: 10 }, { minimumSide: 240, maximumSide: 4096 }),
        },
        help: 'The video to continue.',
        sources: ['E6i'],
      },
    ],
    audio: audioSlot('audio_urls', true, audioFile(['E6i'], ['wav', 'mp3'], 2), {
      modes: ['first_frame', 'first_last_frame'],
    }),
    multiNeedsExtend: false,
    sound: 'from-audio-only',
    notOffered: [],
    output: output({
      note: "The frame follows the picture. Container, codec and rate are the model maker's.",
    }),
    billing: `${OUTPUT_ONLY} When a video is continued: the total length.`,
    sources: ['E6i', 'E16'],
  },
  {
    id: 'wan2.7-reference-video',
    family: 'evolink',
    kind: 'reference_to_video',
    title: 'Wan 2.7 reference video',
    inFirstRelease: false,
    lifecycle: 'active',
    parameters: [
      prompt(5000, ['E6r'], {
        help: 'What happens in the clip, at most 5000 characters. References are named Image 1, Video 1, counted separately.',
      }),
      negativePrompt(['E6r']),
      quality(['E6r']),
      aspectRatio(['E6r']),
      duration(['E6r'], {
        minimum: 2,
        maximum: 15,
        help: 'Length of the clip in whole seconds, at most 10 with a reference video. Each second is paid.',
      }),
      seed(['E6r'], 1),
      promptExtend(false, ['E6r']),
    ],
    references: { minimum: 1, maximum: 5, sources: ['E6r'] },
    slots: [
      {
        path: 'image_urls',
        kinds: ['image'],
        isList: true,
        minimum: 0,
        maximum: 5,
        limits: { image: picture27(['E6r']) },
        help: 'Pictures of subjects, in the order of Image 1, Image 2.',
        sources: ['E6r'],
      },
      {
        path: 'video_urls',
        kinds: ['video'],
        isList: true,
        minimum: 0,
        maximum: 5,
        limits: {
          video: video(['E6r'], { minimum: 1, maximum: 30 }, { minimumSide: 240, maximumSide: 4096 }),
        },
        help: 'Videos of subjects, in the order of Video 1, Video 2.',
        sources: ['E6r'],
      },
    ],
    naming: { style: 'Image N / Video N', basis: 'documented', sources: ['E6r'] },
    multiNeedsExtend: false,
    maximumSecondsWithVideo: 10,
    sound: 'from-audio-only',
    notOffered: [
      {
        path: 'audio_urls',
        why: 'Binds voices to references in an older way; a row has one audio file and says not whose voice it is.',
        sources: ['E6r'],
      },
      {
        path: 'model_params.voice_bindings',
        why: 'A row cannot say whose voice is whose.',
        sources: ['E6r'],
      },
      { path: 'image_start', why: 'A row cannot say which picture is the first frame.', sources: ['E6r'] },
    ],
    output: output({
      sizes: WAN27_SIZES,
      sizesBasis: 'documented',
      note: "Sizes are printed by the provider. Container, codec and rate are the model maker's.",
    }),
    billing:
      'Billed seconds = input + output: reference videos count together at most 5 s by the price rules; output is the seconds produced.',
    sources: ['E6r', 'E16'],
  },
]
