import type { Sqlite } from './open.ts'

/** Every statement over `settings`: small values by name. */
export function createSettings(db: Sqlite) {
  const get = db.prepare('SELECT value_json FROM settings WHERE name = ?')
  const set = db.prepare(
    'INSERT INTO settings (name, value_json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value_json = excluded.value_json',
  )
  return {
    get(name: string): unknown {
      const row = get.get(name) as { value_json: string } | undefined
      return row ? JSON.parse(row.value_json) : undefined
    },
    set: (name: string, value: unknown) => void set.run(name, JSON.stringify(value)),
  }
}
export type Settings = ReturnType<typeof createSettings>
