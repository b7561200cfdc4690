import { MANIFEST_COLUMNS } from './columns.ts'

type ManifestColumn = (typeof MANIFEST_COLUMNS)[number]

/** Column of a manifest → the header it has in this one: a number is added where the sheet had such a column itself. */
export type OurColumns = ReadonlyMap<ManifestColumn, string>

/** By these a manifest is known, whatever else was removed from it. */
const NEEDED: readonly ManifestColumn[] = ['state', 'clip sha256', 'task id', 'problem']

/** The columns that Reelsheet wrote into a sheet; null: it is no manifest. The last ones, if it was exported twice. */
export function ourColumns(headers: readonly string[]): OurColumns | null {
  const found = new Map<ManifestColumn, string>()
  for (const name of MANIFEST_COLUMNS) {
    const header = headers.findLast((each) => isNamed(each, name))
    if (header !== undefined) found.set(name, header)
  }
  return NEEDED.every((name) => found.has(name)) ? found : null
}

const isNamed = (header: string, name: string): boolean =>
  header.startsWith(name) && /^(?: \d{1,4})?$/u.test(header.slice(name.length))
