import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { type Endpoint, endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Hub, startHub } from './harness.ts'

const everywhere = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': expect.stringContaining('camera=()') as string,
  'strict-transport-security': 'max-age=31536000',
}

interface Asked {
  url: string
  init: RequestInit
}

describe('what browsers are told', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub({ env: { PUBLIC_URL: 'https://hub.example.com' } })
    await hub.api.call(endpoints.createSession, { body: { sessionId: 'support', autoConnect: false } })
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  /** The headers of an answer, which is not read: streams do not end. */
  async function headersOf(path: string, init: RequestInit = {}): Promise<Record<string, string>> {
    const answer = await fetch(hub.url + path, init)
    await answer.body?.cancel()
    return Object.fromEntries(answer.headers)
  }

  test('every operation says it, done or refused, and so does what is no operation', async () => {
    const key = { 'x-api-key': hub.key }
    const asked = Object.values<Endpoint>(endpoints).map(({ method, path }): Asked => {
      const url = path.replaceAll(/:(?:sessionId|ref)\b/g, 'support').replaceAll(/:\w+/g, '1')
      // What changes something is asked without a key, and refused; a QR is not waited for.
      return method === 'GET' ? { url: `${url}?wait=0`, init: { headers: key } } : { url, init: { method } }
    })
    const others: Asked[] = [
      { url: '/nowhere', init: {} },
      { url: '/api/docs/start.js', init: {} },
      { url: '/api/docs/scalar.js', init: {} },
      { url: '/api/sessions', init: { method: 'PATCH' } },
      { url: '/api/sessions', init: { method: 'OPTIONS', headers: { origin: 'https://crm.example.com' } } },
      { url: '/api/sessions/%00', init: {} },
      { url: '/api/sessions/%zz', init: {} },
    ]
    expect(asked.length).toBeGreaterThan(200)
    const wrong = await Promise.all(
      [...asked, ...others].map(async ({ url, init }): Promise<string[]> => {
        const headers = await headersOf(url, init)
        const policy = headers['content-security-policy'] ?? ''
        const isStrict =
          policy.includes("default-src 'none'") &&
          policy.includes("frame-ancestors 'none'") &&
          !/script-src[^;]*unsafe/.test(policy)
        try {
          expect([isStrict, headers]).toEqual([true, expect.objectContaining(everywhere)])
          return []
        } catch (error) {
          return [url, String(error)]
        }
      }),
    )
    expect(wrong.flat()).toEqual([])
  })

  test('so does the answer to what is no HTTP', async () => {
    const { port, hostname } = new URL(hub.url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write('HELLO\r\n\r\n')
    const answer = (await text(socket)).toLowerCase()
    expect(answer).toMatch(/^http\/1\.1 400 /)
    for (const name of Object.keys(everywhere)) expect(answer).toContain(`\r\n${name}: `)
  })

  test('the reference runs its own scripts alone: none is written into the page', async () => {
    const page = await fetch(`${hub.url}/api/docs`)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/script-src 'self';/)
    const scripts = [...(await page.text()).matchAll(/<script([^>]*)>([^<]*)</g)]
    expect(scripts.length).toBeGreaterThan(0)
    for (const [, attributes, inline] of scripts) {
      expect(attributes).toMatch(/^ src="\/[^"]+"$/)
      expect(inline).toBe('')
    }
  })

  test('clients of other origins may ask with keys, and read what they need', async () => {
    const origin = 'https://crm.example.com'
    const preflight = await headersOf('/api/sessions', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': 'x-api-key,x-organization-id',
      },
    })
    expect(preflight).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('DELETE') as string,
      'access-control-allow-headers': 'x-api-key,x-organization-id',
      vary: expect.stringContaining('Origin') as string,
    })
    expect(await headersOf('/api/sessions', { headers: { origin, 'x-api-key': hub.key } })).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': expect.stringContaining('Retry-After') as string,
    })
  })
})

test('a hub without TLS does not ask for it', async () => {
  await using hub = await startHub()
  const answer = await fetch(`${hub.url}/health`)
  await answer.body?.cancel()
  expect(answer.headers.get('strict-transport-security')).toBeNull()
})
