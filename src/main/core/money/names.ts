import type { Store } from '../store/store.ts'

/** What runs and accounts are called, each looked up once. */
export function namesIn(store: Store) {
  return {
    runs: remembering((id) => store.runs.get(id)?.name ?? '?'),
    accounts: remembering((id) => accountName(store, id)),
  }
}
export type Names = ReturnType<typeof namesIn>

/** The name of a removed account may be another's by now. */
function accountName(store: Store, id: number): string {
  const account = store.accounts.get(id)
  if (!account) return '?'
  return account.removedAt === null ? account.name : `${account.name} (removed)`
}

export function remembering<T>(find: (id: number) => T): (id: number) => T {
  const known = new Map<number, T>()
  return (id) => {
    const found = known.get(id) ?? find(id)
    known.set(id, found)
    return found
  }
}
