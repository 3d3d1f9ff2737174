import { createHmac } from 'node:crypto'

import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'

import { legacySignature, signingKey, standardSignature } from './signing.ts'

const body = Buffer.from('{"text":"¿Están abiertos? ☕"}')

test("the legacy signature is what a CRM computes over the request's bytes", () => {
  const secret = 'a shared secret of the CRM'
  const expected = createHmac('sha256', secret).update(body).digest('hex')
  expect(legacySignature(signingKey(secret), body)).toBe(`sha256=${expected}`)
})

test('the official Standard Webhooks library accepts our signature, and only over the same bytes', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const now = Math.floor(Date.now() / 1000)
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(now),
    'webhook-signature': standardSignature(signingKey(secret), 'msg_1', now, body),
  }
  expect(new Webhook(secret).verify(body, headers)).toEqual({ text: '¿Están abiertos? ☕' })
  expect(() => new Webhook(secret).verify(Buffer.concat([body, Buffer.from(' ')]), headers)).toThrow(
    'No matching signature',
  )
})

test('a secret without the whsec_ prefix signs with its own bytes', () => {
  const secret = 'not base64, but long enough'
  const now = Math.floor(Date.now() / 1000)
  const headers = {
    'webhook-id': 'msg_2',
    'webhook-timestamp': String(now),
    'webhook-signature': standardSignature(signingKey(secret), 'msg_2', now, body),
  }
  expect(() => new Webhook(secret, { format: 'raw' }).verify(body, headers)).not.toThrow()
})
