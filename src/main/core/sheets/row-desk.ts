import { findModel } from '../../../shared/models/catalogue.ts'
import { show } from '../../../shared/models/cells.ts'
import { cellWith, type Headers, headersOf, inOwnColumns } from '../../../shared/models/own-columns.ts'
import { type CheckedAlike, rememberChecks } from '../../../shared/models/remember.ts'
import type {
  Estimate,
  Family,
  FileHost,
  ReferenceKind,
  ResolvedOrder,
} from '../../../shared/models/types.ts'
import type { OrderInput } from '../../../shared/models/validate.ts'
import {
  type Fix,
  type Problem,
  type ProblemCode,
  ProblemError,
  type ProblemPlace,
  problem,
} from '../../../shared/problem.ts'
import type { Column, SheetRow } from '../../../shared/sheet.ts'
import { hostRules, hostsFor } from '../jobs/placement.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { EarlierJob } from '../store/jobs.ts'
import type { Store } from '../store/store.ts'
import { editDistance } from './columns.ts'
import { Fingerprints } from './fingerprint.ts'
import type { Media, MediaDesk } from './media-desk.ts'

/** One row with everything that is needed to buy it. */
export interface ReadyRow {
  sheetRow: SheetRow
  account: AccountRecord | null
  order: ResolvedOrder | null
  /** The same object for rows that differ in no price; absent where that is not known. */
  alike: object | undefined
  estimate: Estimate | null
  references: Media[]
  audio: Media | null
  problems: Problem[]
  /** Names what is ordered, whatever it is called: equal fingerprints order the same clip. */
  fingerprint: string
  /** The job of an earlier import of this sheet, where there is one. */
  job: EarlierJob | null
  /** Every job that an earlier version of the row made. */
  earlier: EarlierJob[]
  standing: 'new' | 'same' | 'changed'
}

/** Shared by all rows that have none of something: nobody writes into it. */
const NONE: never[] = []

type Check = (input: OrderInput) => CheckedAlike

export interface RowDeskOptions {
  columns?: readonly Column[]
  /** Use a fitted copy where a picture breaks a limit that fitting can mend. */
  isFitting?: boolean
}

/** Checks the rows of one sheet: what they have in common is looked up once. */
export class RowDesk {
  private readonly store: Store
  private readonly media: MediaDesk
  private readonly chosen: Chosen
  private readonly named = new Map<string, AccountRecord | undefined>()
  private readonly checks = new Map<string, Check>()
  private readonly fingerprints = new Fingerprints()
  private readonly headers: Headers
  private readonly accounts: readonly AccountRecord[]
  private readonly isFitting: boolean

  /** Throws a `ProblemError` when the accounts named for the whole sheet cannot be used. */
  constructor(store: Store, media: MediaDesk, accounts: readonly string[], how: RowDeskOptions = {}) {
    const { columns = [], isFitting = false } = how
    this.store = store
    this.media = media
    this.isFitting = isFitting
    this.chosen = chooseAccounts(store, accounts)
    this.headers = headersOf(columns)
    this.accounts = store.accounts.list()
  }

  async check(sheetRow: SheetRow): Promise<ReadyRow> {
    let problems: Problem[] = []
    const { values, audio: sound } = sheetRow
    const family = findModel(values.model ?? '')?.family
    const account = this.accountFor(sheetRow, family, problems)
    const { media, headers } = this
    const ofAccount = problems.splice(0).map((one) => inOwnColumns(one, sheetRow, headers))
    let references = media.known(sheetRow.references) ?? (await media.all(sheetRow.references, problems))
    const sounds = sound ? await media.all([sound], problems, 'audio') : NONE
    const audio = sounds[0] ?? null
    const hasMissing = references.length < sheetRow.references.length || (sound !== null && audio === null)
    const check = this.checkOf(account, family)
    let checked = check(toInput(values, references, audio))
    if (this.isFitting && !hasMissing && checked.problems.some(isMendable)) {
      references = await this.fitAll(references, checked.problems, sheetRow, problems)
      checked = check(toInput(values, references, audio))
    }
    const found = hasMissing ? checked.problems.filter((one) => !isAboutMedia(one)) : checked.problems
    problems = [...ofAccount, ...problems.map((one) => inList(one, sheetRow))]
    const isBad = hasMissing || problems.some((one) => one.level === 'error')
    const order = isBad || !account ? null : (checked.order ?? null)
    for (const one of found) problems.push(inOwnColumns(one, sheetRow, headers))
    return {
      sheetRow,
      account,
      order,
      alike: checked.alike,
      estimate: null,
      references,
      audio,
      problems: problems.map((one) => ({ ...one, place: { ...one.place, row: sheetRow.row } })),
      fingerprint: order ? this.fingerprints.of(order, references, audio, checked.alike) : '',
      job: null,
      earlier: NONE,
      standing: 'new',
    }
  }

  /** Fitted copies in the place of pictures that break a limit; what was done, or why it could not be, is told. */
  private async fitAll(
    references: readonly Media[],
    found: readonly Problem[],
    { values, references: cells }: SheetRow,
    problems: Problem[],
  ): Promise<Media[]> {
    const model = findModel(values.model ?? '')
    const fitted = [...references]
    for (const index of model ? placesToFit(found) : []) {
      const media = references[index]
      const place = { column: cells[index]?.column ?? '', value: show(cells[index]?.text ?? '') }
      if (!media || !model) continue
      try {
        const copy = await this.media.fitted(media, model.id)
        if (!copy) continue
        fitted[index] = copy
        problems.push(usesCopy(copy, place))
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        problems.push({ ...error.problem, place: { ...error.problem.place, ...place } })
      }
    }
    return fitted
  }

  private checkOf(account: AccountRecord | null, family: Family | undefined): Check {
    const key = `${account?.id} ${family}`
    let check = this.checks.get(key)
    if (!check) {
      const host = account && hostRules(account, this.store)
      const fileHosts = account ? hostsFor(account, this.accounts).map(({ name }) => name) : []
      check = rememberChecks({ ...rulesOf(account, family, host), fileHosts })
      this.checks.set(key, check)
    }
    return check
  }

  private accountFor(
    { values }: SheetRow,
    family: Family | undefined,
    problems: Problem[],
  ): AccountRecord | null {
    const named = values.account
    if (named !== undefined) return this.namedAccount(named, family, problems)
    if (family === undefined) return null
    const account = this.chosen[family] ?? this.chosen.practice
    if (account) return account
    problems.push(
      withFixes(
        'account-missing',
        `No account was named for ${values.model ?? 'this model'}, which ${family} sells.`,
        `Name one with --account, or in the row’s account column.`,
        { column: 'account' },
        this.accountsFor(family),
      ),
    )
    return null
  }

  /** Accounts that buy from a provider. */
  private accountsFor(family: Family): Fix[] {
    return this.accounts.filter((each) => each.family === family).map(useAccount)
  }

  /** Accounts that a misspelt name may mean. */
  private accountsLike(name: string, family: Family | undefined): Fix[] {
    const plain = name.slice(0, 40).toLowerCase()
    return this.accounts
      .filter((each) => family === undefined || each.family === family || each.family === 'practice')
      .map((account) => ({ account, distance: editDistance(plain, account.name) }))
      .filter(({ distance }) => distance * 3 <= plain.length)
      .sort((left, right) => left.distance - right.distance)
      .map(({ account }) => useAccount(account))
  }

  private namedAccount(name: string, family: Family | undefined, problems: Problem[]): AccountRecord | null {
    if (!this.named.has(name)) this.named.set(name, this.store.accounts.byName(name))
    const account = this.named.get(name)
    const place = { column: 'account', value: name }
    if (!account) {
      problems.push(
        withFixes(
          'account-unknown',
          `There is no account "${name}".`,
          'See "reelsheet accounts list".',
          place,
          [
            ...this.accountsLike(name, family),
            ...(family !== undefined && (this.chosen[family] ?? this.chosen.practice) !== undefined
              ? [EMPTY]
              : []),
          ],
        ),
      )
      return null
    }
    if (family && account.family !== 'practice' && account.family !== family) {
      problems.push(
        withFixes(
          'account-missing',
          `The account "${name}" is a ${account.family} account; this row’s model is sold by ${family}.`,
          `Name a ${family} account, or another model.`,
          place,
          this.accountsFor(family),
        ),
      )
      return null
    }
    return account
  }
}

const toInput = (
  values: SheetRow['values'],
  references: readonly Media[],
  audio: Media | null,
): OrderInput => {
  const facts = references.map((one) => one.facts)
  return audio ? { values, references: facts, audio: audio.facts } : { values, references: facts }
}

const isMendable = ({ fixes }: Problem): boolean => fixes?.some(({ type }) => type === 'fit') ?? false

/** Places of the pictures, from 0, that a fitted copy would mend. */
function placesToFit(found: readonly Problem[]): Set<number> {
  const fixes = found.filter(isMendable).flatMap(({ fixes }) => fixes ?? [])
  const columns = fixes.flatMap((fix) => (fix.type === 'fit' ? fix.column : []))
  return new Set(
    columns.flatMap((column) => /^ref (\d+)$/u.exec(column)?.slice(1).map(Number) ?? []).map((n) => n - 1),
  )
}

function usesCopy({ facts, fitted }: Media, place: ProblemPlace): Problem {
  const what = `${show(facts.name)} is used as a fitted copy: ${fitted?.change}.`
  return problem('reference-limit', what, 'Nothing to do: the original stays as it is.', place, 'info')
}

const EMPTY: Fix = { type: 'set', label: 'Empty the cell', column: 'account', value: '' }
const useAccount = ({ name }: AccountRecord): Fix => ({
  type: 'set',
  label: `Use ${name}`,
  column: 'account',
  value: name,
})

function withFixes(
  code: ProblemCode,
  what: string,
  next: string,
  place: ProblemPlace,
  fixes: readonly Fix[],
): Problem {
  const found = problem(code, what, next, place)
  return fixes.length === 0 ? found : { ...found, fixes: fixes.slice(0, 3) }
}

/** A fix of one reference, for a cell that lists several. */
function inList(found: Problem, row: SheetRow): Problem {
  const { column, value } = found.place
  const index = row.references.findIndex((each) => each.column === column && show(each.text) === value)
  if (found.fixes === undefined || index < 0) return found
  return {
    ...found,
    fixes: found.fixes.map((fix) =>
      fix.type === 'set' ? { ...fix, value: cellWith(row, index, fix.value) } : fix,
    ),
  }
}

type Chosen = Partial<Record<Family | 'practice', AccountRecord>>

/** At most one account a family. With none named, the practice account is used as long as it is the only one. */
function chooseAccounts(store: Store, names: readonly string[]): Chosen {
  const chosen: Chosen = {}
  for (const name of names) {
    const account = store.accounts.byName(name)
    if (!account) {
      throw new ProblemError(
        problem(
          'account-unknown',
          `There is no account "${name}". Nothing was spent.`,
          'See "reelsheet accounts list".',
          {
            account: name,
          },
        ),
      )
    }
    if (chosen[account.family]) {
      throw new ProblemError(
        problem(
          'wrong-use',
          `Two ${account.family} accounts were named: "${chosen[account.family]?.name}" and "${name}".`,
          'Name one for each provider, and write the other into the rows’ account column.',
        ),
      )
    }
    chosen[account.family] = account
  }
  if (names.length > 0) return chosen
  const all = store.accounts.list()
  const [first] = all
  return all.length === 1 && first?.family === 'practice' ? { practice: first } : {}
}

/** A file that cannot be read is its own problem: what the rules say of too few files only follows from it. */
const isAboutMedia = ({ code, place }: Problem): boolean =>
  /^(ref|audio$)/.test(place.column ?? '') || (code === 'rule-broken' && place.column === 'prompt')

/** What an account's rows may order. */
export function rulesOf(
  account: AccountRecord | null,
  family: Family | undefined,
  fileHost: FileHost | null = null,
) {
  return {
    family: family ?? (account?.family === 'vtrix' ? 'vtrix' : 'evolink'),
    ...(account && {
      extendedDurations: account.options.extendedDurations,
      requestLimitBytes: account.options.requestLimitBytes,
      needsAddressKinds: needsAddress(account),
      retiredModels: account.options.retiredModels,
      ...(fileHost && { fileHost }),
    }),
  } as const
}

/** Kinds that this account's file service does not take, as far as is known. */
function needsAddress({ family, filesUrl, options }: AccountRecord): ReferenceKind[] {
  if (family === 'evolink' && filesUrl === null) return ['image', 'video', 'audio']
  return family === 'evolink' ? options.uploadRefusedKinds : []
}
