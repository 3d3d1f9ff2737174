import { type Endpoint, endpoints, mayAs, roleOf, type Scope, scopeOf } from '@inbox-hub/contract'
import { ApiError, createApiClient } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Hub, startHub } from './harness.ts'
import { invited, newcomer, refusal } from './person.ts'

const every: Endpoint[] = Object.values<Endpoint>(endpoints)
const withKey = every.filter(({ auth }) => auth.startsWith('caller'))

/** The code the hub refused with; `ok` when it did not. */
async function outcome(
  hub: Hub,
  credentials: string | Record<string, string>,
  endpoint: Endpoint,
  params: Record<string, string> = {},
): Promise<string> {
  const headers = typeof credentials === 'string' ? { 'x-api-key': credentials } : credentials
  const api = createApiClient({ url: hub.url, key: undefined })
  const options = endpoint.method === 'GET' ? { params, headers } : { params, headers, body: {} }
  try {
    const answer = await api.raw(endpoint, options)
    await answer.body?.cancel()
    return 'ok'
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error)
  }
}

/** Path parameters with `session` where a session is named, and something that fits elsewhere. */
function paramsOf(
  endpoint: Endpoint,
  session: string,
): { params: Record<string, string>; isOfSession: boolean } {
  const names = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const isOfSession = names.includes('sessionId') || names.includes('ref')
  const params = names.map((name) => [name, ['sessionId', 'ref'].includes(name) ? session : '1'])
  return { params: Object.fromEntries(params) as Record<string, string>, isOfSession }
}

describe('API keys', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
    for (const sessionId of ['support', 'sales'])
      await hub.api.call(endpoints.createSession, { body: { sessionId, autoConnect: false } })
  })
  afterAll(() => hub[Symbol.asyncDispose]())
  const makeKey = async (limits: object): Promise<string> =>
    (await hub.api.call(endpoints.createKey, { body: { name: 'limited', ...limits } })).key

  test('every operation is closed to a key without its scope', async () => {
    const scopes: Scope[] = ['calls:read']
    const key = await makeKey({ scopes })
    const let_through = []
    for (const endpoint of withKey) {
      const said = await outcome(hub, key, endpoint, paramsOf(endpoint, 'support').params)
      if (said !== 'AUTHORIZATION_FAILED') let_through.push([endpoint.id, scopeOf(endpoint)])
    }
    expect(let_through.length).toBeGreaterThan(0)
    expect(let_through.filter(([, scope]) => scope !== 'calls:read')).toEqual([])
    expect(withKey.length).toBeGreaterThan(100)
  })

  test('every operation is closed to a key of other sessions, by number as by name', async () => {
    const key = await makeKey({ sessions: ['support'] })
    const { sessions } = await hub.api.call(endpoints.listSessions)
    const sales = sessions.find(({ sessionId }) => sessionId === 'sales')
    const open = []
    for (const endpoint of withKey) {
      for (const name of ['sales', String(sales?.id)]) {
        const { params, isOfSession } = paramsOf(endpoint, name)
        const said = await outcome(hub, key, endpoint, params)
        const closed = isOfSession ? ['SESSION_NOT_FOUND'] : ['AUTHORIZATION_FAILED', 'VALIDATION_ERROR']
        if (!closed.includes(said)) open.push([endpoint.id, said])
      }
    }
    expect(new Set(open.map(([id]) => id))).toEqual(new Set(['listSessions', 'createEventTicket']))
    const limited = createApiClient({ url: hub.url, key })
    expect((await limited.call(endpoints.listSessions)).sessions.map(({ sessionId }) => sessionId)).toEqual([
      'support',
    ])
    await limited.call(endpoints.getSession, { params: { ref: 'support' } })
    expect(await outcome(hub, key, endpoints.listEvents)).toBe('AUTHORIZATION_FAILED')
    await limited.call(endpoints.listEvents, { query: { sessionId: 'support' } })
    // Nor does naming its session among others' things open these.
    const { webhook } = await hub.api.call(endpoints.createOwnWebhook, {
      body: { name: 'theirs', url: hub.webhook.url },
    })
    const change = {
      params: { webhookId: webhook.id },
      body: { sessions: ['support'], active: false },
    }
    await expect(limited.call(endpoints.updateWebhook, change)).rejects.toMatchObject({
      code: 'AUTHORIZATION_FAILED',
    })
    await expect(
      limited.call(endpoints.createKey, { body: { name: 'mine', sessions: ['support'] } }),
    ).rejects.toMatchObject({ code: 'AUTHORIZATION_FAILED' })
  })

  test("a key of another organization finds none of the first one's sessions", async () => {
    const stranger = await newcomer(hub, 'ana')
    const { organizations } = await stranger.call(endpoints.myOrganizations)
    const { key } = await stranger.call(endpoints.createOrganizationKey, {
      params: { organizationId: organizations[0]?.id ?? 0 },
      body: { name: 'theirs' },
    })
    const found = []
    for (const endpoint of withKey) {
      const { params, isOfSession } = paramsOf(endpoint, 'support')
      if (!isOfSession) continue
      const said = await outcome(hub, key, endpoint, params)
      // What is wrong with a request is told before whose it is: nothing is learnt from it.
      if (!['SESSION_NOT_FOUND', 'VALIDATION_ERROR', 'UNSUPPORTED_MEDIA_TYPE'].includes(said))
        found.push([endpoint.id, said])
    }
    expect(found).toEqual([])
    expect((await createApiClient({ url: hub.url, key }).call(endpoints.listSessions)).total).toBe(0)
  })

  test('a key works where it may be used from, until its day, and beside its successor for a time', async () => {
    const elsewhere = await makeKey({ networks: ['203.0.113.0/24', '2001:db8::/32'] })
    expect(await outcome(hub, elsewhere, endpoints.listSessions)).toBe('AUTHORIZATION_FAILED')
    expect(await outcome(hub, await makeKey({ networks: ['127.0.0.1'] }), endpoints.listSessions)).toBe('ok')
    // Behind a proxy on this machine it is the client that counts, not the proxy; what a client writes itself is not believed.
    const through = async (forwarded: string): Promise<number> => {
      const headers = { 'x-api-key': elsewhere, 'x-forwarded-for': forwarded }
      return (await fetch(`${hub.url}/api/sessions`, { headers })).status
    }
    expect(await through('203.0.113.7')).toBe(200)
    expect(await through('203.0.113.7, 198.51.100.9')).toBe(403)
    expect(await outcome(hub, await makeKey({ expiresAt: '2020-01-01' }), endpoints.listSessions)).toBe(
      'INVALID_API_KEY',
    )

    const old = await makeKey({ scopes: ['sessions:read'], name: 'turning' })
    const { keys } = await hub.api.call(endpoints.listKeys)
    const id = keys.find(({ name }) => name === 'turning')?.id ?? ''
    const next = await hub.api.call(endpoints.rotateKey, { params: { id }, body: { overlapHours: 1 } })
    for (const key of [old, next.key]) {
      expect(await outcome(hub, key, endpoints.listSessions)).toBe('ok')
      expect(await outcome(hub, key, endpoints.listUnread)).toBe('AUTHORIZATION_FAILED')
    }
    await hub.api.call(endpoints.rotateKey, { params: { id: next.id }, body: { overlapHours: 0 } })
    expect(await outcome(hub, next.key, endpoints.listSessions)).toBe('INVALID_API_KEY')
    await hub.restart()
    expect(await outcome(hub, next.key, endpoints.listSessions)).toBe('INVALID_API_KEY')
    expect(await outcome(hub, old, endpoints.listSessions)).toBe('ok')
    expect(await outcome(hub, elsewhere, endpoints.listSessions)).toBe('AUTHORIZATION_FAILED')
  })

  test('a ticket opens no more than the key it was made with', async () => {
    const key = await makeKey({ sessions: ['support'] })
    const { ticket } = await createApiClient({ url: hub.url, key }).call(endpoints.createEventTicket)
    const answer = await fetch(`${hub.url}/api/events/stream?ticket=${ticket}`)
    expect(await answer.json()).toMatchObject({ code: 'AUTHORIZATION_FAILED' })
  })
})

describe('logins', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
    for (const sessionId of ['support', 'sales'])
      await hub.api.call(endpoints.createSession, { body: { sessionId, autoConnect: false } })
  })
  afterAll(() => hub[Symbol.asyncDispose]())
  const bearer = ({ tokens }: { tokens: { token: string } }) => ({ authorization: `Bearer ${tokens.token}` })
  const ofOrganization = every.filter((each) => each.auth !== 'none' && roleOf(each) !== 'self')

  test('every operation is closed to a role below its own, and to members of other organizations', async () => {
    const owner = await newcomer(hub, 'ana', { key: hub.key })
    const stranger = await newcomer(hub, 'hugo')
    const members = {
      viewer: await invited(hub, 'vera', owner, 1, 'viewer'),
      agent: await invited(hub, 'gil', owner, 1, 'agent'),
      admin: await invited(hub, 'rosa', owner, 1, 'admin'),
    } as const
    // What a member may do to others depends on what these are, too.
    const ofOthers = new Set(['removeMember', 'makeResetLink'])
    const wrong = []
    for (const endpoint of ofOrganization) {
      const needed = roleOf(endpoint)
      if (needed === 'self') continue
      const { params } = paramsOf(endpoint, 'support')
      const missing = paramsOf(endpoint, 'none').params
      const ofRoles = (['viewer', 'agent', 'admin'] as const).map(async (role) => {
        const may = mayAs(role, needed)
        const said = await outcome(hub, bearer(members[role]), endpoint, may ? missing : params)
        if (!ofOthers.has(endpoint.id) && (said === 'AUTHORIZATION_FAILED') === may)
          wrong.push([endpoint.id, role, said])
      })
      const foreign = { ...bearer(stranger), 'x-organization-id': '1' }
      const said = await outcome(hub, foreign, endpoint, params)
      if (said !== 'ORGANIZATION_NOT_FOUND') wrong.push([endpoint.id, 'stranger', said])
      await Promise.all(ofRoles)
    }
    expect(wrong).toEqual([])
    expect(ofOrganization.length).toBeGreaterThan(200)

    const unheard = []
    for (const endpoint of withKey) {
      const { params, isOfSession } = paramsOf(endpoint, 'support')
      const said = isOfSession ? await outcome(hub, bearer(stranger), endpoint, params) : 'SESSION_NOT_FOUND'
      if (!['SESSION_NOT_FOUND', 'VALIDATION_ERROR', 'UNSUPPORTED_MEDIA_TYPE'].includes(said))
        unheard.push([endpoint.id, said])
    }
    expect(unheard).toEqual([])
  })

  test('a person works where a key does, in the organization they name', async () => {
    const owner = await newcomer(hub, 'eva', { key: hub.key })
    const { webhook } = await owner.call(endpoints.createWebhook, {
      params: { organizationId: 1 },
      body: { name: 'mine', url: hub.webhook.url },
    })
    expect((await owner.call(endpoints.listSessions)).total).toBe(2)
    const { organization } = await owner.call(endpoints.createOrganization, { body: { name: 'Second' } })
    const both = bearer(owner)
    expect(await outcome(hub, both, endpoints.listSessions)).toBe('ORGANIZATION_REQUIRED')
    const inOne = (organizationId: number) => ({ headers: { 'x-organization-id': String(organizationId) } })
    expect((await owner.call(endpoints.listSessions, inOne(organization.id))).total).toBe(0)
    expect((await owner.call(endpoints.listSessions, inOne(1))).total).toBe(2)
    expect((await owner.call(endpoints.listSessions, { query: { organizationId: 1 } })).total).toBe(2)
    const seen = (organizationId: number) =>
      owner.call(endpoints.getWebhook, { params: { webhookId: webhook.id }, ...inOne(organizationId) })
    expect((await seen(1)).name).toBe('mine')
    expect(await refusal(seen(organization.id))).toBe('WEBHOOK_NOT_FOUND')
    expect(await outcome(hub, { ...both, 'x-organization-id': 'x' }, endpoints.listSessions)).toBe(
      'ORGANIZATION_NOT_FOUND',
    )
    // In a path it is said once and for all.
    const { webhooks } = await owner.call(endpoints.listWebhooks, {
      params: { organizationId: organization.id },
      ...inOne(1),
    })
    expect(webhooks).toEqual([])

    const { logs } = await owner.call(endpoints.searchAuditLogs, {
      params: { organizationId: 1 },
      query: { q: 'createWebhook' },
    })
    expect(logs).toContainEqual(
      expect.objectContaining({ userId: owner.id, keyId: null, organizationId: 1, outcome: 'success' }),
    )
  })

  test('with a key, whatever token comes along is not looked at; without one it counts', async () => {
    const stale = { authorization: 'Bearer stale' }
    expect(await outcome(hub, { ...stale, 'x-api-key': hub.key }, endpoints.listSessions)).toBe('ok')
    expect(await outcome(hub, stale, endpoints.listSessions)).toBe('INVALID_TOKEN')
    expect(await outcome(hub, {}, endpoints.listSessions)).toBe('MISSING_API_KEY')
    const left = await newcomer(hub, 'ines', { key: hub.key })
    const token = bearer(left)
    const { ticket } = await left.call(endpoints.createEventTicket)
    const stream = await fetch(`${hub.url}/api/events/stream?ticket=${ticket}`)
    expect(stream.status).toBe(200)
    await stream.body?.cancel()
    await left.call(endpoints.logout)
    expect(await outcome(hub, token, endpoints.listSessions)).toBe('INVALID_TOKEN')
  })
})
