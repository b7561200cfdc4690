import { hash } from 'node:crypto'
import type { Media } from './media-desk.ts'

type Source = Pick<Media, 'sha256' | 'address'>

/** Of the order with its fields in the order of the alphabet, and of what its files hold or where they lie. */
export function fingerprintOf(order: object, references: readonly Source[], audio: Source | null): string {
  return hashAll(JSON.stringify(sorted(order)), references, audio)
}

/** `fingerprintOf` for many orders, most of which differ from others in their prompt alone. */
export class Fingerprints {
  /** The text of such orders before and after their prompt. */
  private readonly around = new Map<object, readonly [string, string]>()

  /** `alike` is the same object for orders that differ in nothing but their prompt. */
  of(
    order: { prompt: string },
    references: readonly Source[],
    audio: Source | null,
    alike: object | undefined,
  ): string {
    if (!alike) return fingerprintOf(order, references, audio)
    let around = this.around.get(alike)
    if (!around) {
      around = splitAtPrompt(JSON.stringify(sorted({ ...order, prompt: '' })))
      this.around.set(alike, around)
    }
    return hashAll(`${around[0]}"prompt":${JSON.stringify(order.prompt)}${around[1]}`, references, audio)
  }
}

/** Inside a text every quote has a backslash before it, so an empty prompt is found nowhere else. */
function splitAtPrompt(json: string): [string, string] {
  const [before = '', after = ''] = json.split('"prompt":""')
  return [before, after]
}

const sorted = (order: object): object =>
  Object.fromEntries(Object.entries(order).sort(([a], [b]) => (a < b ? -1 : 1)))

function hashAll(order: string, references: readonly Source[], audio: Source | null): string {
  const sources = JSON.stringify(references.map(sourceOf))
  return hash('sha256', `[${order},${sources},${JSON.stringify(audio ? sourceOf(audio) : null)}]`)
}

const sourceOf = ({ sha256, address }: Source): string | null => sha256 ?? address
