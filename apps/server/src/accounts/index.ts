/** Accounts of people who log in, and the organizations they belong to. */
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import { keepHouse } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { type Accounts, createAccounts } from './user-accounts.ts'
import { createLogins, type Logins } from './logins.ts'
import { createMail, type MailSettings } from './mail.ts'
import { createOrganizations, type Organizations } from './organizations.ts'
import { sweepEnded } from './retention.ts'

export { authRoutes } from './auth-routes.ts'
export { forgetLogins } from './logins.ts'
export type { MailSettings } from './mail.ts'
export { organizationRoutes } from './organization-routes.ts'

export interface AccountsModule extends AsyncDisposable {
  readonly accounts: Accounts
  readonly logins: Logins
  readonly organizations: Organizations
}

const sweepEveryMs = 3_600_000

export function createAccountsModule({
  database,
  secrets,
  clock,
  log,
  mail: mailSettings,
  publicUrl,
}: {
  database: Database
  secrets: Secrets
  clock: Clock
  log: Log
  mail: MailSettings | undefined
  /** Where links in letters lead, without a slash at the end. */
  publicUrl: string
}): AccountsModule {
  const pepper = secrets.derive('tokens of people')
  const mail = createMail(mailSettings, log)
  const logins = createLogins({ database, clock, tokenKey: secrets.derive('access tokens'), pepper })
  const organizations = createOrganizations({ database, clock, mail, pepper, publicUrl })
  const accounts = createAccounts({
    database,
    clock,
    logins,
    organizations,
    mail,
    pepper,
    sealer: secrets.sealer('verification codes'),
    publicUrl,
  })
  const house = keepHouse({
    what: 'logins, links and invitations that ended',
    everyMs: sweepEveryMs,
    work: (turn) => sweepEnded(database, turn),
    clock,
    log,
  })
  return { accounts, logins, organizations, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() }
}
