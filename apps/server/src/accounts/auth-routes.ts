import { endpoints, HubError, isoOf } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Http } from '../platform/http/index.ts'
import type { Accounts, Entrance } from './user-accounts.ts'
import { type Logins, refreshMs, type Tokens } from './logins.ts'
import { accessTokenMs } from './tokens.ts'
import type { User } from './user-rows.ts'

export interface AuthRoutesDeps {
  accounts: Accounts
  logins: Logins
  /** Whose key it is, one that may do everything; undefined otherwise. */
  ownerOfKey: (key: string) => Promise<number | undefined>
  /** Whether strangers may make an account with an organization of its own. */
  isOpen: boolean
  clock: Clock
  log: Log
}

/** Accounts and logins: contract §3. */
export function authRoutes(
  http: Pick<Http, 'serve'>,
  { accounts, logins, ownerOfKey, isOpen, clock, log }: AuthRoutesDeps,
): void {
  /** Whoever is logged in. */
  async function self(userId: number): Promise<User> {
    const user = await accounts.find(userId)
    if (user === undefined) throw new HubError('INVALID_TOKEN')
    return user
  }

  async function entrance(invitation: string | undefined, key: string | undefined): Promise<Entrance> {
    if (invitation !== undefined) return { invitation }
    if (key !== undefined) {
      const ownerOf = await ownerOfKey(key)
      if (ownerOf === undefined) throw new HubError('INVALID_API_KEY')
      return { ownerOf }
    }
    if (!isOpen) throw new HubError('REGISTRATION_CLOSED')
    return 'own_organization'
  }

  http.serve(endpoints.register, async ({ body: { invitation, ...registration }, headers }) => {
    const { user, organizationId } = await accounts.register(
      registration,
      await entrance(invitation, headers['x-api-key']),
    )
    return {
      message: 'user_registered',
      data: { user: await accounts.wire(user), emailVerificationRequired: false },
      audit: { userId: user.id, organizationId },
    }
  })

  http.serve(endpoints.login, async ({ body, isAbout }) => {
    const { user, tokens } = await accounts.login(body, isAbout)
    return {
      message: 'logged_in',
      data: { user: await accounts.wire(user), ...tokens },
    }
  })

  /** What the browser is to keep, and what it is told. */
  const kept = ({ accessToken, refreshToken }: Tokens) => ({
    data: { expiresAt: isoOf(clock.now() + accessTokenMs) },
    browser: {
      accessToken,
      accessLivesS: accessTokenMs / 1000,
      refreshToken,
      refreshLivesS: refreshMs / 1000,
    },
  })

  http.serve(endpoints.browserLogin, async ({ body, browserToken, isAbout }) => {
    // Nobody is logged in by another site, as whomever it likes.
    browserToken()
    const { user, tokens } = await accounts.login(body, isAbout)
    const { data, browser } = kept(tokens)
    return {
      message: 'logged_in',
      data: { user: await accounts.wire(user), ...data },
      browser,
    }
  })

  http.serve(endpoints.refreshBrowserLogin, async ({ browserToken }) =>
    kept(await logins.refresh(browserToken() ?? '')),
  )

  http.serve(endpoints.refreshToken, async ({ body }) => ({ data: await logins.refresh(body.refreshToken) }))

  http.serve(endpoints.getProfile, async ({ user }) => ({
    data: { user: await accounts.wire(await self(user.userId)) },
  }))

  http.serve(endpoints.updateProfile, async ({ user, body }) => ({
    data: { user: await accounts.wire(await accounts.update(await self(user.userId), body)) },
  }))

  http.serve(endpoints.changePassword, async ({ user, body }) => ({
    data: { loginsEnded: await accounts.changePassword(await self(user.userId), user.loginId, body) },
  }))

  http.serve(endpoints.logout, async ({ user }) => {
    await logins.end(user.loginId)
    return { data: { loggedOut: true as const }, browser: 'forget' as const }
  })

  http.serve(endpoints.requestPasswordReset, ({ body }) => {
    // Not awaited: how long the store and a mail server take would tell that there was something to send.
    accounts
      .requestReset(body.email)
      .catch((error: unknown) => log.warn({ error }, 'a password reset was not begun'))
    return { data: { requested: true as const } }
  })

  http.serve(endpoints.resetPassword, async ({ body }) => {
    const userId = await accounts.resetPassword(body.token, body.newPassword)
    return { data: { reset: true as const }, audit: { userId } }
  })

  http.serve(endpoints.beginTotp, async ({ user, body }) => ({
    data: await accounts.beginTotp(await self(user.userId), body.password),
  }))

  http.serve(endpoints.confirmTotp, async ({ user, body }) => ({
    data: { recoveryCodes: await accounts.confirmTotp(await self(user.userId), body.code) },
  }))

  http.serve(endpoints.removeTotp, async ({ user, body }) => {
    await accounts.removeTotp(await self(user.userId), body.password)
    return { data: { twoFactor: false as const } }
  })
}
