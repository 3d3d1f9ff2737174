import { type Endpoint, endpoints } from '@inbox-hub/contract'
import { ApiError, createApiClient } from 'inbox-hub'

import type { Hub } from './harness.ts'

export const password = 'Open sesame 1'

type CallOf = Parameters<ReturnType<typeof createApiClient>['call']>[1]

/** Somebody with a browser: no key, a token once logged in. */
export function personOf(hub: Hub, username: string) {
  const api = createApiClient({ url: hub.url, key: undefined })
  let token = ''
  let refresh = ''
  const person = {
    email: `${username}@example.com`,
    call: <E extends Endpoint>(endpoint: E, options: CallOf = {}) =>
      api.call(endpoint, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } }),
    async registers(more: object = {}, headers: Record<string, string> = {}) {
      const body = { username, email: person.email, password, ...more }
      return (await api.call(endpoints.register, { body, headers })).user
    },
    async logsIn(more: object = {}) {
      const answer = await api.call(endpoints.login, { body: { identifier: username, password, ...more } })
      token = answer.accessToken
      refresh = answer.refreshToken
      return answer
    },
    async refreshes(given = refresh) {
      const answer = await api.call(endpoints.refreshToken, { body: { refreshToken: given } })
      token = answer.accessToken
      refresh = answer.refreshToken
      return answer
    },
    get tokens() {
      return { token, refresh }
    },
  }
  return person
}

/** The code the hub refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  const thrown = await call.then(
    (data) => `answered ${JSON.stringify(data)}`,
    (error: unknown) => error,
  )
  return thrown instanceof ApiError ? thrown.code : String(thrown)
}

/** Somebody who is registered and logged in; with a key, as an owner of its organization. */
export async function newcomer(
  hub: Hub,
  username: string,
  { key, ...more }: { key?: string; invitation?: string } = {},
) {
  const person = personOf(hub, username)
  const { id } = await person.registers(more, key === undefined ? {} : { 'x-api-key': key })
  await person.logsIn()
  return Object.assign(person, { id })
}
export type Newcomer = Awaited<ReturnType<typeof newcomer>>

/** Somebody who was invited to an organization. */
export async function invited(
  hub: Hub,
  username: string,
  by: Pick<Newcomer, 'call'>,
  organizationId: number,
  role: string,
): Promise<Newcomer> {
  const { invitation } = await by.call(endpoints.inviteMember, {
    params: { organizationId },
    body: { email: `${username}@example.com`, role },
  })
  return newcomer(hub, username, { invitation: invitation.token })
}
