import type { Fix } from '../problem.ts'
import { show } from './cells.ts'
import { HOST_LIMIT_BYTES, hostRefusal, inlineBytes, placeFiles, type TravellingFile } from './file-host.ts'
import { anyOf, type Findings, megabytes, seconds } from './findings.ts'
import { canFit, empty, fitPicture, hostBy, trimTo } from './fixes.ts'
import { kindsOf, plainFormat, withArticle } from './media-words.ts'
import { assign, audioSlotOf, slotsOf } from './slots.ts'
import type { AccountRules, FileHost, MediaLimits, Model, ReferenceFacts } from './types.ts'

const UPLOAD_MARGIN_MS = 2 * 3_600_000
export const DEFAULT_REQUEST_LIMIT_BYTES = 20_000_000

/** Checks the references and the audio file of an order against the model and the account. */
export function checkMedia(
  model: Model,
  mode: string | undefined,
  references: readonly ReferenceFacts[],
  audio: ReferenceFacts | undefined,
  account: AccountRules,
  findings: Findings,
): void {
  checkCount(model, mode, references, findings)
  const places = assign(
    model,
    mode,
    references.map((each) => each.kind),
  )
  references.forEach((reference, index) => {
    const column = `ref ${index + 1}`
    const place = places[index]
    if (place === 'kind') refuseKind(model, mode, reference, column, findings)
    else if (place === 'full') refuseOverflow(model, mode, reference, column, findings)
    else if (place !== undefined) {
      checkLimits(reference, column, place.limits[reference.kind], findings)
      checkAddress(reference, column, account, findings)
    }
  })
  if (audio !== undefined) checkAudio(model, mode, audio, account, findings)
  if (account.family === 'vtrix') checkRequestSize(references, account, findings)
}

function checkCount(
  model: Model,
  mode: string | undefined,
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const { minimum, sources } = model.references
  const column = `ref ${references.length + 1}`
  if (references.length < minimum) {
    const slots = slotsOf(model, mode)
    findings.add({
      code: 'reference-missing',
      column,
      sources,
      what: `${model.id} needs ${kindsOf(model, mode)}, and the row names ${references.length === 0 ? 'none' : references.length}.`,
      next: `Put a file name or an https address into the column “${column}”. ${slots[0]?.help ?? ''}`.trim(),
    })
    return
  }
  const places = assign(
    model,
    mode,
    references.map((each) => each.kind),
  )
  // A file of the wrong kind has its own sentence.
  if (places.includes('kind')) return
  for (const slot of slotsOf(model, mode)) {
    if (places.filter((each) => each === slot).length >= slot.minimum) continue
    findings.add({
      code: 'reference-missing',
      column,
      value: mode,
      sources: slot.sources,
      what: `${model.id} in the mode ${mode ?? 'chosen'} needs ${anyOf(slot.kinds.map(withArticle))} as ${slot.path}, and the row has none left for it.`,
      next: `Add it as the next reference, or choose another generation_mode. ${slot.help}`,
    })
  }
}

function refuseKind(
  model: Model,
  mode: string | undefined,
  reference: ReferenceFacts,
  column: string,
  findings: Findings,
): void {
  const where = mode === undefined ? model.id : `${model.id} in the mode ${mode}`
  findings.add({
    code: 'reference-kind',
    column,
    value: reference.name,
    sources: model.references.sources,
    what: `${show(reference.name)} is ${withArticle(reference.kind)}, and ${where} takes ${kindsOf(model, mode)} here.`,
    next:
      reference.kind === 'audio'
        ? 'Put the audio file into the column “audio”, if the model takes one, and empty this cell.'
        : 'Choose another file or a model that takes this kind, or empty this cell.',
    fixes: [empty(column)],
  })
}

function refuseOverflow(
  model: Model,
  mode: string | undefined,
  reference: ReferenceFacts,
  column: string,
  findings: Findings,
): void {
  findings.add({
    code: 'reference-limit',
    column,
    value: reference.name,
    sources: model.references.sources,
    what: `${show(reference.name)} is one too many: ${model.id} takes ${kindsOf(model, mode)}.`,
    next: 'Take references out of the row until they fit.',
    fixes: [empty(column)],
  })
}

function checkAudio(
  model: Model,
  mode: string | undefined,
  audio: ReferenceFacts,
  account: AccountRules,
  findings: Findings,
): void {
  const slot = audioSlotOf(model, mode)
  const base = { column: 'audio', value: audio.name }
  if (slot === undefined) {
    findings.add({
      ...base,
      code: 'value-unused',
      sources: model.audio?.sources ?? model.sources,
      what: `${model.id}${mode === undefined ? '' : ` in the mode ${mode}`} takes no audio file. Without it the clip would not be what the row asks for, and it would be paid.`,
      next: 'Empty the cell “audio”, or use a model that takes an audio file.',
      fixes: [empty('audio')],
    })
    return
  }
  if (audio.kind !== 'audio') {
    findings.add({
      ...base,
      code: 'reference-kind',
      sources: slot.sources,
      what: `${show(audio.name)} is ${withArticle(audio.kind)}, not an audio file.`,
      next: `Give ${anyOf(slot.limits.audio?.formats ?? ['an audio file'])}.`,
      fixes: [empty('audio')],
    })
    return
  }
  checkLimits(audio, 'audio', slot.limits.audio, findings)
  checkAddress(audio, 'audio', account, findings)
  if (account.family === 'vtrix' && audio.isAddress !== true)
    checkSoundHost(audio, slot.sources, account, findings)
}

/** Vtrix has no upload, and takes a sound by its address only. */
function checkSoundHost(
  audio: ReferenceFacts,
  sources: Findings['model']['sources'],
  account: AccountRules,
  findings: Findings,
): void {
  const { fileHost } = account
  const refusal = fileHost && hostRefusal(travelling(audio, true), fileHost)
  if (fileHost && refusal === null) return
  const wouldHelp = hostRefusal(travelling(audio, true), ANY_HOST) === null
  const others = wouldHelp ? othersThan(fileHost, account) : []
  findings.add({
    column: 'audio',
    value: audio.name,
    code: 'reference-needs-address',
    sources,
    what: fileHost
      ? `${show(audio.name)} is a file on this machine, and ${whyNotHeld(fileHost, audio, refusal)}.`
      : `${show(audio.name)} is a file on this machine, and Vtrix has no upload: audio needs a public address.`,
    next: `${orHost(others)}Put the file where the provider can fetch it and write its https address into the cell.`,
    fixes: [...hostBy(others), empty('audio')],
  })
}

/** Rules of one file. A fact that is not known skips its rule. */
export function checkLimits(
  reference: ReferenceFacts,
  column: string,
  limits: MediaLimits | undefined,
  findings: Findings,
): void {
  if (limits === undefined) return
  const name = show(reference.name)
  const fit = fitOf(reference, column)
  const report: Report = (what, next, more = {}) =>
    findings.add({
      code: more.isKind === true ? 'reference-kind' : 'reference-limit',
      column,
      value: reference.name,
      sources: limits.sources,
      what,
      next,
      level: more.level ?? 'error',
      fixes: more.fixes ?? [],
    })
  const { format, sizeBytes, durationMs, width, height } = reference
  const formats = anyOf(limits.formats)
  if (format !== undefined && !limits.formats.includes(plainFormat(format)))
    report(`${name} is ${format}; taken are ${formats}.`, `Save it as ${formats}.`, {
      isKind: true,
      fixes: fit,
    })
  if (sizeBytes === 0) report(`${name} is empty (0 bytes).`, 'Choose a whole file.')
  if (sizeBytes !== undefined && limits.maximumBytes !== undefined && sizeBytes > limits.maximumBytes)
    report(
      `${name} has ${megabytes(sizeBytes)}; at most ${megabytes(limits.maximumBytes)} are taken.`,
      'Make the file smaller.',
      { fixes: fit },
    )
  if (durationMs !== undefined)
    checkLength(name, durationMs, limits, report, trimOf(reference, column, limits))
  if (width !== undefined && height !== undefined) checkSides(name, width, height, limits, report, fit)
  if (reference.hasTransparency === true && limits.noTransparency === true) {
    const isPng = format === undefined || plainFormat(format) === 'png'
    report(
      `${name} has transparency, which is ${isPng ? 'refused' : 'refused in PNG files and not spoken of for this format'}.`,
      'Flatten it on a colour.',
      { level: isPng ? 'error' : 'warning', fixes: fit },
    )
  }
}

interface More {
  level?: 'error' | 'warning'
  isKind?: boolean
  fixes?: readonly Fix[]
}
type Report = (what: string, next: string, more?: More) => void

/** One fitted copy meets all limits of a picture; offered where it can, and never for what lies elsewhere. */
function fitOf(reference: ReferenceFacts, column: string): Fix[] {
  const { kind, format, isAddress, sizeBytes } = reference
  if (kind !== 'image' || isAddress === true || sizeBytes === 0) return []
  if (format === undefined || !canFit(plainFormat(format))) return []
  return [fitPicture(column)]
}

function trimOf(reference: ReferenceFacts, column: string, limits: MediaLimits): Fix[] {
  const { format, isAddress } = reference
  if (isAddress === true || limits.maximumMs === undefined) return []
  return trimTo(column, limits.maximumMs, format === undefined ? undefined : plainFormat(format))
}

function checkLength(
  name: string,
  ms: number,
  limits: MediaLimits,
  report: Report,
  trim: readonly Fix[],
): void {
  const { minimumMs, maximumMs, warnBelowMs } = limits
  const least = minimumMs === undefined ? '' : seconds(minimumMs)
  const most = maximumMs === undefined ? '' : seconds(maximumMs)
  const range = `${least} to ${most} s are taken`
  if (minimumMs !== undefined && ms < minimumMs)
    report(`${name} lasts ${seconds(ms)} s; ${range}.`, 'Choose a longer file.')
  else if (maximumMs !== undefined && ms > maximumMs)
    report(`${name} lasts ${seconds(ms)} s; ${range}.`, `Cut it to ${most} s or less.`, { fixes: trim })
  else if (warnBelowMs !== undefined && ms < warnBelowMs)
    report(
      `${name} lasts ${seconds(ms)} s; the page takes it, other sellers of the same model ask for ${seconds(warnBelowMs)} s.`,
      'Use a longer video if you have one.',
      { level: 'warning' },
    )
}

function checkSides(
  name: string,
  width: number,
  height: number,
  limits: MediaLimits,
  report: Report,
  fit: readonly Fix[],
): void {
  const { minimumSide = 1, maximumSide = Number.POSITIVE_INFINITY } = limits
  if (Math.min(width, height) < minimumSide || Math.max(width, height) > maximumSide)
    report(
      `${name} is ${width} x ${height} px; both sides must be ${minimumSide} to ${maximumSide} px.`,
      `Scale it so that both sides lie within ${minimumSide}..${maximumSide} px.`,
      { fixes: fit },
    )
  const { minimumAspect = 0, maximumAspect = Number.POSITIVE_INFINITY } = limits
  if (width < height * minimumAspect || width > height * maximumAspect)
    report(
      `${name} is ${width} x ${height} px; its shape must lie between 1:${1 / minimumAspect} and ${maximumAspect}:1.`,
      'Crop it, or pad it, to a less extreme shape.',
    )
}

/** What the way to the provider asks for. */
function checkAddress(
  reference: ReferenceFacts,
  column: string,
  account: AccountRules,
  findings: Findings,
): void {
  const sources = findings.model.references.sources
  const base = { column, value: reference.name, sources }
  if (reference.isAddress === true) {
    const scheme = /^\s*([a-z][a-z0-9+.-]+):/i.exec(reference.name)?.[1]?.toLowerCase()
    if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
      findings.add({
        ...base,
        code: 'value-invalid',
        what: `${show(reference.name)} is not an http or https address; the provider cannot fetch it.`,
        next: 'Write an address that begins with https://, or name a file.',
        fixes: [empty(column)],
      })
    if (reference.expiresInMs !== undefined && reference.expiresInMs <= UPLOAD_MARGIN_MS)
      findings.add({
        ...base,
        code: 'reference-limit',
        level: 'warning',
        what: `The uploaded copy of ${show(reference.name)} dies in ${Math.max(0, Math.floor(reference.expiresInMs / 60_000))} min, perhaps before the provider fetches it.`,
        next: 'It is uploaded again before the job is sent; uploading is free.',
      })
  } else if (account.needsAddressKinds?.includes(reference.kind) === true)
    findings.add({
      ...base,
      code: 'reference-needs-address',
      what: `${show(reference.name)} is a file on this machine, and this account's base address takes no upload of this kind.`,
      next: 'Put the file where the provider can fetch it and write its https address into the cell.',
    })
}

/** Vtrix: files travel inside the request as base64. The limit is a setting, not a documented number. */
function checkRequestSize(
  references: readonly ReferenceFacts[],
  account: AccountRules,
  findings: Findings,
): void {
  const limit = account.requestLimitBytes ?? DEFAULT_REQUEST_LIMIT_BYTES
  const { fileHost } = account
  const files = references.map((reference) => travelling(reference, false))
  const inline = files.map(({ sizeBytes }, index) => ({ index, bytes: inlineBytes(sizeBytes) }))
  const total = inline.reduce((sum, each) => sum + each.bytes, 0)
  const largest = inline.toSorted((a, b) => b.bytes - a.bytes)[0]
  if (total <= limit || largest === undefined) return
  const { nowhere } = placeFiles(files, limit, fileHost ?? null)
  if (fileHost && nowhere.size === 0) return
  const index = [...nowhere][0] ?? largest.index
  const reference = references[index] as ReferenceFacts
  const refusal = fileHost && hostRefusal(travelling(reference, false), fileHost)
  const wouldHelp = placeFiles(files, limit, ANY_HOST).nowhere.size === 0
  const others = wouldHelp ? othersThan(fileHost, account) : []
  findings.add({
    code: 'reference-needs-address',
    column: `ref ${index + 1}`,
    value: reference.name,
    sources: findings.model.references.sources,
    what: `The row's files make a request of ${megabytes(total)} as base64, and this account sends at most ${megabytes(limit)}; ${
      fileHost && refusal
        ? `${show(reference.name)} is too large for what is left, and ${whyNotHeld(fileHost, reference, refusal)}`
        : `${show(reference.name)} is the largest`
    }.`,
    next: `${orHost(others)}Make it smaller, give it as a public https address, or raise the account’s request limit if you know that more is taken.`,
    fixes: hostBy(others),
  })
}

const travelling = (facts: ReferenceFacts, isAudio: boolean): TravellingFile => ({
  kind: facts.kind,
  format: facts.format === undefined ? undefined : plainFormat(facts.format),
  sizeBytes: facts.isAddress === true ? 0 : (facts.sizeBytes ?? 0),
  isAudio,
})

/** As good as a host can be. */
const ANY_HOST: FileHost = { name: '', refusedKinds: [] }

const othersThan = (fileHost: FileHost | undefined, { fileHosts = [] }: AccountRules): readonly string[] =>
  fileHosts.filter((name) => name !== fileHost?.name)

const orHost = (names: readonly string[]): string =>
  names.length === 0
    ? ''
    : `Your account ${anyOf(names.map((name) => `“${name}”`))} can hold it if you say so. `

/** Why the account that holds this one's files does not take a file. */
function whyNotHeld(
  { name }: FileHost,
  { kind }: ReferenceFacts,
  refusal: ReturnType<typeof hostRefusal> | undefined,
): string {
  const host = `the account “${name}”, which holds this account's files,`
  if (refusal === 'kind') return `${host} takes no ${kind === 'image' ? 'picture' : kind}`
  if (refusal === 'format') return `${host} takes no BMP pictures`
  return `${host} takes files of ${megabytes(HOST_LIMIT_BYTES)} at most`
}
