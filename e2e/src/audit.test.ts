import { type Endpoint, endpoints, isAudited, notAudited } from '@inbox-hub/contract'
import { createApiClient } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Hub, postgresUrl, startHub } from './harness.ts'
import { invited, newcomer, type Newcomer, password, refusal } from './person.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const page = { limit: 1000 }

describe.each(stores)('the audit log on %s', (store) => {
  let hub: Hub
  let admin: Newcomer
  const first = { organizationId: 1 }
  beforeAll(async () => {
    hub = await startHub({ store })
    admin = await newcomer(hub, 'ana', { key: hub.key })
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  test('every operation that changes something is in it, or in the table of exceptions', async () => {
    const changing = Object.values<Endpoint>(endpoints).filter(({ method }) => method !== 'GET')
    expect(changing.length).toBeGreaterThan(100)
    // Refused by the edge, and so without effect, but refused all the same.
    for (const endpoint of changing) {
      const names = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, 'none'] as const)
      const params = Object.fromEntries(names)
      const caller = endpoint.auth === 'user' ? admin : hub.api
      await refusal(caller.call(endpoint, { params, body: {} }))
      if (endpoint.id === 'logout') await admin.logsIn()
    }
    const rows = (await admin.call(endpoints.myAuditLogs, { query: page })).logs
    const ofKey = (await admin.call(endpoints.listAuditLogs, { params: first, query: page })).logs
    const seen = new Set([...rows, ...ofKey].map(({ action }) => action))
    const missing = changing.filter(({ id, auth }) => auth !== 'none' && !seen.has(id)).map(({ id }) => id)
    // What nobody needs to be logged in for shows in nobody's list.
    const open = changing.filter((endpoint) => endpoint.auth === 'none' && !isAudited(endpoint))
    expect([...missing, ...open.map(({ id }) => id)].toSorted()).toEqual(Object.keys(notAudited).toSorted())
  })

  test('an entry says who, what, about which session, from where and how it ended, and nothing of the body', async () => {
    const webhookSecret = 'not to be seen in any log'
    await hub.api.call(endpoints.createSession, {
      body: { sessionId: 'sales', webhookUrl: hub.webhook.url, webhookSecret },
      headers: { 'x-request-id': 'made-here' },
    })
    const { keys } = await hub.api.call(endpoints.listKeys)
    const { logs } = await admin.call(endpoints.searchAuditLogs, { params: first, query: { q: 'MADE-here' } })
    expect(logs).toMatchObject([
      {
        action: 'createSession',
        outcome: 'success',
        status: 201,
        code: null,
        userId: null,
        keyId: keys[0]?.id,
        organizationId: 1,
        session: 'sales',
        ip: '127.0.0.1',
      },
    ])
    expect(logs[0]?.sessionNumber).toBeGreaterThan(0)
    const all = await admin.call(endpoints.listAuditLogs, { params: first, query: page })
    for (const secret of [webhookSecret, hub.key, password]) expect(JSON.stringify(all)).not.toContain(secret)
    const of = { params: { logId: logs[0]?.id ?? 0 } }
    expect((await admin.call(endpoints.getAuditLog, of)).log).toEqual(logs[0])
  })

  test('logins are in it, also those that failed, by the account that was tried; and what was refused', async () => {
    expect(await refusal(admin.logsIn({ password: 'Wrong horse 1' }))).toBe('AUTHENTICATION_FAILED')
    expect(await refusal(admin.logsIn({ identifier: password }))).toBe('AUTHENTICATION_FAILED')
    const mine = await admin.call(endpoints.myAuditLogs, { query: page })
    const logins = mine.logs.filter(({ action }) => action === 'login')
    const byAna = { userId: admin.id, username: 'ana', organizationId: null }
    expect(logins[0]).toMatchObject({
      ...byAna,
      outcome: 'failure',
      status: 401,
      code: 'AUTHENTICATION_FAILED',
    })
    expect(logins).toContainEqual(expect.objectContaining({ ...byAna, outcome: 'success' }))
    expect(JSON.stringify(mine)).not.toContain(password)
    const weak = createApiClient({
      url: hub.url,
      key: (await hub.api.call(endpoints.createKey, { body: { name: 'weak', scopes: ['chats:read'] } })).key,
    })
    expect(await refusal(weak.call(endpoints.createKey, { body: { name: 'more' } }))).toBe(
      'AUTHORIZATION_FAILED',
    )
    const { logs } = await admin.call(endpoints.criticalAuditLogs, { params: first, query: { limit: 2 } })
    expect(logs).toMatchObject([
      { action: 'createKey', outcome: 'failure', status: 403, code: 'AUTHORIZATION_FAILED' },
      { action: 'createKey', outcome: 'success' },
    ])
  })

  test('a failed login shows in every organization of the account that was tried, and in no other', async () => {
    const founder = await newcomer(hub, `founder${store}`)
    const outsider = await newcomer(hub, `outsider${store}`)
    const [theirs = 0, others = 0] = await Promise.all(
      [founder, outsider].map(
        async (each) => (await each.call(endpoints.myOrganizations)).organizations[0]?.id,
      ),
    )
    const member = await invited(hub, `member${store}`, founder, theirs, 'agent')
    const { invitation } = await admin.call(endpoints.inviteMember, {
      params: first,
      body: { email: member.email, role: 'viewer' },
    })
    await member.call(endpoints.acceptInvitation, { body: { token: invitation.token } })
    const joined = await founder.call(endpoints.criticalAuditLogs, { params: { organizationId: theirs } })
    expect(joined.logs).toMatchObject([
      { action: 'register', userId: member.id },
      { action: 'inviteMember', userId: founder.id },
      { action: 'register', userId: founder.id },
    ])
    const loginsIn = async (by: Newcomer, organizationId: number) =>
      (await by.call(endpoints.listAuditLogs, { params: { organizationId }, query: { action: 'login' } }))
        .logs
    const before = await loginsIn(admin, 1)

    const tries = (identifier: string) => refusal(member.logsIn({ identifier, password: 'Wrong horse 1' }))
    expect(await tries(member.email)).toBe('AUTHENTICATION_FAILED')
    expect(await tries(`nobody${store}@example.com`)).toBe('AUTHENTICATION_FAILED')

    const shown = {
      action: 'login',
      outcome: 'failure',
      status: 401,
      code: 'AUTHENTICATION_FAILED',
      ip: '127.0.0.1',
    }
    const byMember = { ...shown, userId: member.id, username: `member${store}` }
    const inTheirs = await loginsIn(founder, theirs)
    expect(inTheirs).toMatchObject([{ ...byMember, organizationId: theirs }])
    const inFirst = (await loginsIn(admin, 1)).slice(0, -before.length || undefined)
    expect(inFirst).toMatchObject([{ ...byMember, organizationId: 1 }])
    expect(await loginsIn(outsider, others)).toEqual([])
    const critical = await founder.call(endpoints.criticalAuditLogs, { params: { organizationId: theirs } })
    expect(critical.logs[0]).toEqual(inTheirs[0])

    // To whom it happened it is one.
    const { logs } = await member.call(endpoints.myAuditLogs, { query: page })
    expect(logs.filter(({ outcome }) => outcome === 'failure')).toMatchObject([
      { ...byMember, organizationId: null, requestId: inTheirs[0]?.requestId },
    ])
    expect(logs.filter(({ action }) => action === 'login')).toHaveLength(2)
  })

  test('counts, the most frequent, the newest and the export agree', async () => {
    const { total } = await admin.call(endpoints.listAuditLogs, { params: first })
    const { stats } = await admin.call(endpoints.auditStats, { params: first })
    expect(stats.total).toBe(total)
    expect(stats.succeeded + stats.failed).toBe(total)
    const { actions } = await admin.call(endpoints.topAuditActions, { params: first, query: page })
    expect(actions.reduce((sum, { count }) => sum + count, 0)).toBe(total)
    const { logs } = await admin.call(endpoints.recentAuditLogs, { params: first, query: { limit: 3 } })
    expect(logs.map(({ id }) => id)).toEqual(logs.map(({ id }) => id).toSorted((a, b) => b - a))
  })

  test('nobody sees what another organization did', async () => {
    const stranger = await newcomer(hub, `hugo${store}`)
    const { organizations } = await stranger.call(endpoints.myOrganizations)
    const params = { organizationId: organizations[0]?.id ?? 0 }
    const update = { params: first, body: { name: 'taken over' } }
    const before = await admin.call(endpoints.listAuditLogs, { params: first, query: page })
    expect(await refusal(stranger.call(endpoints.updateOrganization, update))).toBe('ORGANIZATION_NOT_FOUND')
    expect(await refusal(stranger.call(endpoints.listAuditLogs, { params: first }))).toBe(
      'ORGANIZATION_NOT_FOUND',
    )
    const logId = before.logs[0]?.id ?? 0
    expect(await refusal(stranger.call(endpoints.getAuditLog, { params: { logId } }))).toBe(
      'AUDIT_LOG_NOT_FOUND',
    )
    // Nor does a stranger write into it.
    expect((await admin.call(endpoints.listAuditLogs, { params: first, query: page })).total).toBe(
      before.total,
    )
    await stranger.call(endpoints.updateOrganization, { params, body: { name: 'mine' } })
    const own = await stranger.call(endpoints.listAuditLogs, { params })
    expect(own.logs).toMatchObject(
      ['updateOrganization', 'register'].map((action) => ({ action, userId: stranger.id, ...params })),
    )
  })
})
