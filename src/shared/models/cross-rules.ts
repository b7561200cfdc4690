import { parameterOf } from './catalogue.ts'
import { show } from './cells.ts'
import type { Chosen } from './fields.ts'
import { anyOf, type Findings, seconds } from './findings.ts'
import type { AccountRules, Model, ReferenceFacts } from './types.ts'

/** Rules across fields and files. `chosen` has the always-sent fields filled in. */
export function checkAcross(
  model: Model,
  chosen: Chosen,
  references: readonly ReferenceFacts[],
  audio: ReferenceFacts | undefined,
  account: AccountRules,
  findings: Findings,
): void {
  checkShots(model, chosen, findings)
  checkSound(model, chosen, references, audio, account, findings)
  checkRatioOfQuality(model, chosen, findings)
  checkLengthWithVideo(model, chosen, references, findings)
  checkNames(model, chosen, references, findings)
  if (typeof chosen.callback_url === 'string') checkCallback(chosen.callback_url, model, findings)
}

function checkShots(model: Model, chosen: Chosen, findings: Findings): void {
  if (!model.multiNeedsExtend || chosen.shot_type !== 'multi' || chosen.prompt_extend !== false) return
  findings.add({
    code: 'rule-broken',
    column: 'shot_type',
    value: 'multi',
    sources: parameterOf(model, 'shot_type')?.sources ?? model.sources,
    what: 'Several shots work only with prompt_extend on; with it off the switch is ignored, and a clip of one shot would be paid.',
    next: 'Set prompt_extend to true, or shot_type to single.',
  })
}

function checkSound(
  model: Model,
  chosen: Chosen,
  references: readonly ReferenceFacts[],
  audio: ReferenceFacts | undefined,
  account: AccountRules,
  findings: Findings,
): void {
  if (audio?.kind !== 'audio' || model.audio === undefined) return
  if (chosen.generate_audio === false)
    findings.add({
      code: 'rule-broken',
      column: 'generate_audio',
      value: false,
      sources: ['A2'],
      what: `The row has the audio file ${show(audio.name)} and sound switched off. The switch wins: the clip would be silent, and it would be paid.`,
      next: 'Set generate_audio to true, or take the audio file out.',
    })
  const durationMs = typeof chosen.duration === 'number' ? chosen.duration * 1000 : undefined
  if (durationMs !== undefined && audio.durationMs !== undefined && audio.durationMs > durationMs)
    findings.add({
      code: 'rule-broken',
      level: 'warning',
      column: 'audio',
      value: audio.name,
      sources: model.audio.sources,
      what: `${show(audio.name)} lasts ${seconds(audio.durationMs)} s and the clip ${seconds(durationMs)} s: the rest of the sound is cut off.`,
      next: 'Choose a longer duration, or cut the audio file.',
    })
  if (account.family === 'vtrix') warnOfVtrixAudio(audio, references, findings)
}

function warnOfVtrixAudio(
  audio: ReferenceFacts,
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const withVideo = references.some((each) => each.kind === 'video')
  findings.add({
    code: 'rule-broken',
    level: 'warning',
    column: 'audio',
    value: audio.name,
    sources: ['A1', 'V1'],
    what: `Vtrix's page takes an audio file; the model's maker does not list one for this model${withVideo ? ', least of all beside a reference video' : ''}. It may be ignored, and the clip is paid all the same.`,
    next: withVideo
      ? 'Try one clip first, or leave the audio file or the videos out.'
      : 'Try one clip first.',
  })
}

function checkRatioOfQuality(model: Model, chosen: Chosen, findings: Findings): void {
  const ratios = typeof chosen.quality === 'string' ? model.ratiosOfQuality?.[chosen.quality] : undefined
  if (ratios === undefined || typeof chosen.aspect_ratio !== 'string') return
  if (ratios.includes(chosen.aspect_ratio)) return
  findings.add({
    code: 'rule-broken',
    column: 'aspect_ratio',
    value: chosen.aspect_ratio,
    sources: parameterOf(model, 'aspect_ratio')?.sources ?? model.sources,
    what: `At ${chosen.quality} ${model.id} takes ${anyOf(ratios)}, not ${chosen.aspect_ratio}.`,
    next: `Choose ${anyOf(ratios)}, or a higher quality (which costs more).`,
  })
}

function checkLengthWithVideo(
  model: Model,
  chosen: Chosen,
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const { duration } = chosen
  const firstVideo = references.find((each) => each.kind === 'video')
  if (typeof duration !== 'number' || firstVideo === undefined) return
  const base = { code: 'rule-broken', column: 'duration', value: duration, sources: model.sources } as const
  const most = model.maximumSecondsWithVideo
  if (most !== undefined && duration > most)
    findings.add({
      ...base,
      what: `With a reference video ${model.id} makes at most ${most} s, and the row asks for ${duration} s.`,
      next: `Use ${most} s, or pictures only.`,
    })
  if (chosen.generation_mode !== 'video_continuation' || firstVideo.durationMs === undefined) return
  if (firstVideo.durationMs > duration * 1000)
    findings.add({
      ...base,
      what: `duration is the total length when a video is continued: ${show(firstVideo.name)} already lasts ${seconds(firstVideo.durationMs)} s, and the row asks for ${duration} s.`,
      next: `Use ${Math.ceil(firstVideo.durationMs / 1000)} s or more, or a shorter video.`,
    })
}

/** With several references the prompt should say which does what. */
function checkNames(
  model: Model,
  chosen: Chosen,
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const { naming } = model
  if (naming === undefined || references.length < 2 || typeof chosen.prompt !== 'string') return
  const names = naming.style === 'characterN' ? characterNames(references) : kindNames(references)
  const prompt = chosen.prompt
  // Chinese prompts name references of Wan 2.7 in Chinese forms that the page does not print.
  if (naming.style !== 'characterN' && /\p{Script=Han}/u.test(prompt)) return
  const missing = names.filter((name) => !mentions(prompt, name))
  if (missing.length === 0) return
  findings.add({
    code: 'rule-broken',
    level: 'warning',
    column: 'prompt',
    value: prompt,
    sources: naming.sources,
    what: `The row has ${references.length} references, and the prompt does not name ${anyOf(missing)}: the model may not use ${missing.length === 1 ? 'it' : 'them'} as you mean${naming.basis === 'assumed' ? ' (the names are those of the model’s maker)' : ''}.`,
    next: `Write ${anyOf(missing)} into the prompt where each is meant, in the order of the references.`,
  })
}

const characterNames = (references: readonly ReferenceFacts[]): string[] =>
  references.map((_, index) => `character${index + 1}`)

function kindNames(references: readonly ReferenceFacts[]): string[] {
  const counts = { image: 0, video: 0, audio: 0 }
  return references.flatMap(({ kind }) => {
    counts[kind] += 1
    return kind === 'audio' ? [] : [`${kind === 'image' ? 'Image' : 'Video'} ${counts[kind]}`]
  })
}

/** `character1` is not named by `character10`. */
function mentions(prompt: string, name: string): boolean {
  const pattern = name.replace(' ', '\\s?')
  return new RegExp(`${pattern}(?!\\d)`, 'i').test(prompt)
}

function checkCallback(address: string, model: Model, findings: Findings): void {
  const sources = parameterOf(model, 'callback_url')?.sources ?? model.sources
  const base = { column: 'callback_url', value: address, sources }
  const host = /^https:\/\/(?:[^/?#@\s]*@)?(\[[^\]\s]*\]|[^/?#:@\s]+)(?::\d{1,5})?(?:[/?#]\S*)?$/i.exec(
    address.trim(),
  )?.[1]
  if (host === undefined)
    findings.add({
      ...base,
      code: 'value-invalid',
      what: 'The callback address is not an https address.',
      next: 'Write an address that begins with https://, or empty the cell.',
    })
  else if (isInternal(host.toLowerCase()))
    findings.add({
      ...base,
      code: 'value-invalid',
      what: `The callback host ${host} is internal; the provider refuses loopback and private addresses.`,
      next: 'Use a public https address, or empty the cell.',
    })
  else
    findings.add({
      ...base,
      code: 'rule-broken',
      level: 'warning',
      what: 'The provider will call this address when the clip is ready. Reelsheet is a program on this machine and cannot be called; it asks for the clip itself.',
      next: 'Keep it only if a server of yours waits for the call.',
    })
}

/** Names and addresses that never lead to the public internet. Numeric spellings of IPv4 are refused whole. */
function isInternal(host: string): boolean {
  if (host.startsWith('[')) {
    const text = host.slice(1, -1)
    return /^(?:::|::1|::ffff:.*|f[cd].*|fe[89ab].*)$/.test(text) || /^(?:0{1,4}:){7}0{0,3}1$/.test(text)
  }
  const name = host.replace(/\.$/, '')
  if (name === 'localhost' || /\.(?:localhost|local|internal|lan|home\.arpa)$/.test(name)) return true
  if (!name.includes('.')) return true
  // A last label in digits makes the whole host an IPv4 address; only its plain spelling is taken.
  if (!/\.(?:0x[0-9a-f]*|\d+)$/.test(name)) return false
  const parts = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(name)
  if (parts === null || /(?:^|\.)0\d/.test(name)) return true
  const [first, second] = [Number(parts[1]), Number(parts[2])]
  if (first === 0 || first === 10 || first === 127) return true
  if (first === 172) return second >= 16 && second <= 31
  if (first === 100) return second >= 64 && second <= 127
  return (first === 192 && second === 168) || (first === 169 && second === 254)
}
