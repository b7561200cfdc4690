/** Rows as SQLite gives them, and the one rule by which column names become field names. */
export type Row = Record<string, unknown>

const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

interface Column {
  field: string
  read(value: unknown): unknown
}

const readFlag = (value: unknown): unknown => (value === null ? null : value === 1)
const readJson = (value: unknown): unknown => (value === null ? null : JSON.parse(String(value)))
const readPlain = (value: unknown): unknown => value

const known = new Map<string, Column>()

function columnOf(name: string): Column {
  let column = known.get(name)
  if (!column) {
    if (name.endsWith('_json')) column = { field: camel(name.slice(0, -5)), read: readJson }
    else column = { field: camel(name), read: /^(is|has)_/.test(name) ? readFlag : readPlain }
    known.set(name, column)
  }
  return column
}

/** `run_at` → `runAt`, `order_json` → parsed `order`, `is_`/`has_` → boolean. */
export function fromRow<T>(row: unknown): T {
  const out: Row = {}
  for (const [name, value] of Object.entries(row as Row)) {
    const column = columnOf(name)
    out[column.field] = column.read(value)
  }
  return out as T
}

/** The other way, for one value: booleans as 0/1, `undefined` as null. */
export function toSql(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  return value
}

/** JSON for a `_json` column; null stays null. */
export const toJson = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value)
