import type { Fix } from '../problem.ts'
import { parameterOf } from './catalogue.ts'
import { show } from './cells.ts'
import type { Chosen } from './fields.ts'
import { anyOf, type Findings, seconds } from './findings.ts'
import { empty, setOther, trimTo, use, useNearest } from './fixes.ts'
import { checkNames } from './names.ts'
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
    fixes: [setOther('prompt_extend', true), use('shot_type', 'single')],
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
      fixes: [use('generate_audio', 'true'), { ...empty('audio'), label: 'Take the audio file out' }],
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
      fixes: trimAudio(model, audio, durationMs),
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
    fixes: [{ ...empty('audio'), label: 'Take the audio file out' }],
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
    fixes: [
      ...useNearest('aspect_ratio', chosen.aspect_ratio, ratios),
      ...qualitiesThatTake(model, chosen.aspect_ratio),
    ],
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
      fixes: [use('duration', most, ' s')],
    })
  if (chosen.generation_mode !== 'video_continuation' || firstVideo.durationMs === undefined) return
  if (firstVideo.durationMs > duration * 1000)
    findings.add({
      ...base,
      what: `duration is the total length when a video is continued: ${show(firstVideo.name)} already lasts ${seconds(firstVideo.durationMs)} s, and the row asks for ${duration} s.`,
      next: `Use ${Math.ceil(firstVideo.durationMs / 1000)} s or more, or a shorter video.`,
      fixes: lengthen(model, Math.ceil(firstVideo.durationMs / 1000)),
    })
}

/** A sound that is cut to less than the model takes would only be refused in another way. */
function trimAudio(model: Model, audio: ReferenceFacts, durationMs: number): Fix[] {
  const limits = model.audio?.limits.audio
  if (audio.isAddress === true || durationMs < (limits?.minimumMs ?? 0)) return []
  return trimTo('audio', Math.min(durationMs, limits?.maximumMs ?? durationMs), audio.format)
}

function qualitiesThatTake(model: Model, ratio: string): Fix[] {
  const all = parameterOf(model, 'quality')?.values ?? []
  return all
    .filter((quality) => model.ratiosOfQuality?.[String(quality)]?.includes(ratio) !== false)
    .map((quality) => setOther('quality', quality))
}

/** The clip can be made longer as far as the model goes. */
function lengthen(model: Model, length: number): Fix[] {
  const { minimum = 1, maximum = length } = parameterOf(model, 'duration') ?? {}
  return length <= maximum ? [use('duration', Math.max(length, minimum), ' s')] : []
}

function checkCallback(address: string, model: Model, findings: Findings): void {
  const sources = parameterOf(model, 'callback_url')?.sources ?? model.sources
  const base = { column: 'callback_url', value: address, sources }
  const host = hostOf(address.trim())
  if (host === undefined)
    findings.add({
      ...base,
      code: 'value-invalid',
      what: 'The callback address is not an https address.',
      next: 'Write an address that begins with https://, or empty the cell.',
      fixes: [...withHttps(address.trim()), empty('callback_url')],
    })
  else if (isInternal(host.toLowerCase()))
    findings.add({
      ...base,
      code: 'value-invalid',
      what: `The callback host ${host} is internal; the provider refuses loopback and private addresses.`,
      next: 'Use a public https address, or empty the cell.',
      fixes: [empty('callback_url')],
    })
  else
    findings.add({
      ...base,
      code: 'rule-broken',
      level: 'warning',
      what: 'The provider will call this address when the clip is ready. Reelsheet is a program on this machine and cannot be called; it asks for the clip itself.',
      next: 'Keep it only if a server of yours waits for the call.',
      fixes: [empty('callback_url')],
    })
}

/** Host of a whole https address. */
const hostOf = (address: string): string | undefined =>
  /^https:\/\/(?:[^/?#@\s]*@)?(\[[^\]\s]*\]|[^/?#:@\s]+)(?::\d{1,5})?(?:[/?#]\S*)?$/i.exec(address)?.[1]

/** A public address that only lacks the `s`. One that may hold a secret is repeated nowhere, not even in a fix. */
function withHttps(address: string): Fix[] {
  if (/[@?#]/.test(address)) return []
  const better = address.replace(/^(?:http:\/\/|(?=[a-z0-9.-]+\.[a-z]{2,}(?:[/?#:]|$)))/iu, 'https://')
  const host = hostOf(better)
  if (host === undefined || isInternal(host.toLowerCase()) || better.length > 2048) return []
  return [{ type: 'set', label: 'Use https', column: 'callback_url', value: better }]
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
