import { parentPort } from 'node:worker_threads'
import {
  ALL_FORMATS,
  Conversion,
  FilePathSource,
  FilePathTarget,
  Input,
  type InputTrack,
  Logging,
  LogLevel,
  MovOutputFormat,
  Mp3OutputFormat,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  WavOutputFormat,
} from 'mediabunny'

export interface TrimAsked {
  file: string
  target: string
  format: TrimFormat
  maximumMs: number
}
export type TrimFormat = 'mp4' | 'mov' | 'mp3' | 'wav'

/** Nothing when it was cut; else why it cannot be, to be put behind the file's name. `code` is the system's word. */
export type TrimAnswer = { done: true } | { what: string } | { code: string }

// What is wrong with a file is said by our own sentences.
Logging.level = LogLevel.Silent

const OUTPUTS: Record<TrimFormat, () => OutputFormat> = {
  // The index in front costs a second pass; providers fetch files whole, so it may stand behind.
  mp4: () => new Mp4OutputFormat({ fastStart: false }),
  mov: () => new MovOutputFormat({ fastStart: false }),
  mp3: () => new Mp3OutputFormat(),
  wav: () => new WavOutputFormat(),
}

parentPort?.on('message', async (asked: TrimAsked) => parentPort?.postMessage(await trim(asked)))

async function trim({ file, target, format, maximumMs }: TrimAsked): Promise<TrimAnswer> {
  // Faults of reads ahead are met again by the read that needs them.
  const source = new FilePathSource(file, { handleUnhandledError: () => undefined })
  const input = new Input({ formats: ALL_FORMATS, source })
  try {
    const tracks = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()]
    const wanted = tracks.filter((track) => track !== null)
    const output = new Output({ format: OUTPUTS[format](), target: new FilePathTarget(target) })
    const refusal = await findRefusal(wanted, output.format)
    if (refusal !== undefined) return { what: refusal }
    const conversion = await Conversion.init({
      input,
      output,
      // Only these: time codes, chapters and subtitles say nothing to a model.
      video: (track) => ({ discard: !wanted.some(({ id }) => id === track.id) }),
      audio: (track) => ({ discard: !wanted.some(({ id }) => id === track.id) }),
      trim: { start: 0, end: maximumMs / 1000 },
      copy: { mode: 'forced', boundaryPolicy: 'shrink', shiftTolerance: Number.POSITIVE_INFINITY },
      // Where a phone writes the place of a film.
      tags: {},
      showWarnings: false,
    })
    const lost = conversion.discardedTracks.find(({ reason }) => reason !== 'discarded_by_user')
    if (lost || !conversion.isValid) return { what: CANNOT_COPY }
    await conversion.execute()
    return { done: true }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return /^E[A-Z]+$/u.test(code) ? { code } : { what: CANNOT_COPY }
  } finally {
    input.dispose()
  }
}

const CANNOT_COPY =
  'cannot be cut without encoding it again: its tracks do not begin with a whole picture or sound.'

async function findRefusal(tracks: readonly InputTrack[], format: OutputFormat): Promise<string | undefined> {
  if (tracks.length === 0) return 'holds neither pictures nor sound that can be copied.'
  for (const track of tracks) {
    const codec = await track.getCodec()
    const kind = track.isVideoTrack() ? 'pictures' : 'sound'
    if (codec === null)
      return `cannot be cut without encoding it again: its ${kind} are in a form that is not known.`
    if (!format.getSupportedCodecs().some((each) => each === codec))
      return `cannot be cut without encoding it again: its ${kind} are in ${codec}, which such a file cannot take.`
  }
  return undefined
}
