import { accounts } from './accounts.ts'
import { app } from './app.ts'
import { clips } from './clips.ts'
import { calls } from './context.ts'
import { jobs } from './jobs.ts'
import { ledger } from './ledger.ts'
import { models } from './models.ts'
import { prices } from './prices.ts'
import { references } from './references.ts'
import { runs } from './runs.ts'
import { settings } from './settings.ts'
import { sheets } from './sheets.ts'

/** The whole contract, implemented: a call without a handler does not compile. */
export const router = calls.router({
  app,
  accounts,
  models,
  sheets,
  runs,
  jobs,
  clips,
  references,
  prices,
  ledger,
  settings,
})
export type Router = typeof router
