import { type Endpoint, endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { type Hub, startHub } from './harness.ts'
import { newcomer, password } from './person.ts'

/** As much of the document as is read here. */
interface OpenApi {
  paths: Record<string, Record<string, { operationId: string; security: Record<string, never[]>[] }>>
  components: { securitySchemes: Record<string, { name?: string; description?: string }> }
}

async function openApiOf({ url }: Hub): Promise<OpenApi> {
  return (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi // what the hub says of itself
}

/** What a browser that keeps cookies sends from a page at `origin`; none: reading from where one is. */
function browserOf(hub: Hub) {
  const kept = new Map<string, { value: string; path: string; attributes: string }>()
  const browser = {
    kept,
    cookieFor: (path: string) =>
      [...kept]
        .filter(([, cookie]) => path.startsWith(cookie.path))
        .map(([name, { value }]) => `${name}=${value}`)
        .join('; '),
    async sends(
      endpoint: Endpoint,
      {
        origin,
        body = {},
        headers = {},
      }: { origin?: string; body?: object; headers?: Record<string, string> },
    ) {
      const { method } = endpoint
      const path = endpoint.path.replaceAll(/:\w+/g, '1')
      const answer = await fetch(hub.url + path, {
        method,
        headers: {
          cookie: browser.cookieFor(path),
          ...(origin === undefined ? {} : { origin }),
          ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
      })
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*); (.*)$/.exec(line) ?? []
        const given = /Path=([^;]+)/.exec(attributes)?.[1] ?? '/'
        if (/Max-Age=0/.test(attributes)) kept.delete(name)
        else kept.set(name, { value, path: given, attributes })
      }
      if (!(answer.headers.get('content-type') ?? '').startsWith('application/json')) {
        await answer.body?.cancel()
        return { status: answer.status, code: undefined, text: '' }
      }
      const text = await answer.text()
      const { code } = JSON.parse(text) as { code?: string }
      return { status: answer.status, code, text }
    },
    logsIn: (origin: string) =>
      browser.sends(endpoints.browserLogin, { origin, body: { identifier: 'ana', password } }),
  }
  return browser
}

describe('a login that a browser keeps', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
    await newcomer(hub, 'ana', { key: hub.key })
  })
  afterAll(() => hub[Symbol.asyncDispose]())
  const elsewhere = 'https://evil.example.com'

  test('stands in cookies that no script reads, is refreshed by them and ends with them', async () => {
    const browser = browserOf(hub)
    const { url: origin } = hub
    const { status, text } = await browser.logsIn(origin)
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({ data: { user: { username: 'ana' } } })
    expect([...browser.kept.keys()]).toEqual(['inbox_hub', 'inbox_hub_refresh'])
    for (const { value, attributes } of browser.kept.values()) {
      expect(attributes).toMatch(/HttpOnly; SameSite=Strict$/)
      expect(text).not.toContain(value)
    }
    expect(browser.cookieFor('/api/sessions')).not.toContain('refresh')
    expect((await browser.sends(endpoints.getProfile, {})).status).toBe(200)
    expect((await browser.sends(endpoints.listSessions, {})).status).toBe(200)

    const old = browserOf(hub)
    for (const [name, cookie] of browser.kept) old.kept.set(name, cookie)
    expect((await browser.sends(endpoints.refreshBrowserLogin, { origin })).status).toBe(200)
    expect(browser.cookieFor('/api/auth/browser-login')).not.toBe(old.cookieFor('/api/auth/browser-login'))
    expect((await browser.sends(endpoints.getProfile, {})).status).toBe(200)

    const last = browserOf(hub)
    for (const [name, cookie] of browser.kept) last.kept.set(name, cookie)
    expect((await browser.sends(endpoints.logout, { origin })).status).toBe(200)
    expect([...browser.kept]).toEqual([])
    expect((await last.sends(endpoints.getProfile, {})).code).toBe('INVALID_TOKEN')
    expect((await last.sends(endpoints.refreshBrowserLogin, { origin })).code).toBe('INVALID_REFRESH_TOKEN')
    expect((await browser.sends(endpoints.refreshBrowserLogin, { origin })).code).toBe(
      'INVALID_REFRESH_TOKEN',
    )
  })

  test('counts for pages of the hub alone: every operation refuses what another site had sent', async () => {
    const browser = browserOf(hub)
    await browser.logsIn(hub.url)
    const withCookie = Object.values<Endpoint>(endpoints).filter(
      ({ auth, id }) => auth !== 'none' || id === 'refreshBrowserLogin',
    )
    const foreign = await Promise.all(
      withCookie.map(async (endpoint) => [
        endpoint.id,
        (await browser.sends(endpoint, { origin: elsewhere })).code,
      ]),
    )
    expect(foreign.filter(([, code]) => code !== 'CROSS_SITE_REQUEST')).toEqual([])
    for (const [endpoint, from] of [
      [endpoints.listSessions, { origin: 'null' }],
      [endpoints.listSessions, { headers: { 'sec-fetch-site': 'same-site' } }],
      [endpoints.createSession, {}],
      [endpoints.createSession, { headers: { 'sec-fetch-site': 'none' } }],
    ] as const)
      expect((await browser.sends(endpoint, from)).code).toBe('CROSS_SITE_REQUEST')
    expect(withCookie.length).toBeGreaterThan(200)
    expect((await browserOf(hub).logsIn(elsewhere)).code).toBe('CROSS_SITE_REQUEST')
    // A key that is there is what was meant.
    const withKey = { origin: elsewhere, headers: { 'x-api-key': hub.key } }
    expect((await browser.sends(endpoints.listSessions, withKey)).status).toBe(200)
  })

  test('is a way in that the OpenAPI document names, wherever an access token is one', async () => {
    const browser = browserOf(hub)
    await browser.logsIn(hub.url)
    const { components, paths } = await openApiOf(hub)
    const { cookieAuth } = components.securitySchemes
    expect(cookieAuth).toMatchObject({ type: 'apiKey', in: 'cookie', name: [...browser.kept.keys()][0] })
    expect(cookieAuth?.description).toMatch(/Origin.*CROSS_SITE_REQUEST/)
    const waysInto = new Map(
      Object.values(paths)
        .flatMap((path) => Object.values(path))
        .map(({ operationId, security }) => [operationId, security.flatMap((way) => Object.keys(way))]),
    )
    const login = ['accessToken', 'cookieAuth']
    for (const { id, auth } of Object.values<Endpoint>(endpoints))
      expect([id, waysInto.get(id)]).toEqual([
        id,
        auth === 'none' ? [] : auth === 'user' ? login : ['apiKey', ...login],
      ])
  })

  test('opens streams of the hub’s own pages', async () => {
    const browser = browserOf(hub)
    await browser.logsIn(hub.url)
    const own = { headers: { 'sec-fetch-site': 'same-origin' } }
    expect((await browser.sends(endpoints.streamEvents, own)).status).toBe(200)
    const opens = (headers: Record<string, string>) =>
      new Promise<number | 'open'>((resolve, reject) => {
        const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/events/socket`, { headers })
        socket.once('open', () => {
          socket.terminate()
          resolve('open')
        })
        socket.once('unexpected-response', (_, response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        socket.once('error', reject)
      })
    const cookie = browser.cookieFor('/api/events/socket')
    expect(await opens({ cookie, origin: hub.url })).toBe('open')
    expect(await opens({ cookie, origin: elsewhere })).toBe(403)
    expect(await opens({ cookie })).toBe(403)
  })
})

test('behind https the cookies are bound to the host, and the page is where PUBLIC_URL says', async () => {
  await using hub = await startHub({ env: { PUBLIC_URL: 'https://hub.example.com' } })
  await newcomer(hub, 'ana', { key: hub.key })
  const browser = browserOf(hub)
  expect((await browser.logsIn('https://hub.example.com')).status).toBe(200)
  expect(
    [...browser.kept].map(([name, { path, attributes }]) => [name, path, / Secure/.test(attributes)]),
  ).toEqual([
    ['__Host-inbox_hub', '/', true],
    ['__Secure-inbox_hub_refresh', '/api/auth/browser-login', true],
  ])
  expect((await browser.sends(endpoints.getProfile, {})).status).toBe(200)
  expect((await openApiOf(hub)).components.securitySchemes['cookieAuth']?.name).toBe('__Host-inbox_hub')
  // A name without the prefix could be set by another host of the same domain.
  const { value = '' } = browser.kept.get('__Host-inbox_hub') ?? {}
  browser.kept.clear()
  browser.kept.set('inbox_hub', { value, path: '/', attributes: '' })
  expect((await browser.sends(endpoints.getProfile, {})).code).toBe('MISSING_TOKEN')
})
