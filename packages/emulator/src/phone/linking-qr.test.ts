import { randomBytes } from 'node:crypto'

import { buildPairingQRData } from 'baileys/lib/Utils/companion-reg-client-utils.js'
import { expect, test } from 'vitest'

import { parseLinkingQr, QrError } from './linking-qr.ts'

const [noise, identity, secret] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const base64 = [noise, identity, secret].map((key) => key.toString('base64')) as [string, string, string]
const keys = { noiseKey: noise, identityKey: identity, advSecret: secret }

test('reads the QR code that Baileys shows', () => {
  const text = buildPairingQRData('2@ref', ...base64, ['Mac OS', 'Chrome', '14'])
  expect(parseLinkingQr(text)).toEqual({ ref: '2@ref', ...keys, platform: '1' })
})

test('reads the older form, without address and platform', () => {
  expect(parseLinkingQr(['2@ref', ...base64].join(','))).toEqual({
    ref: '2@ref',
    ...keys,
    platform: undefined,
  })
})

test.each([
  ['https://example.com/', 'leads somewhere else'],
  ['hello', 'has 4 or 5 parts; this one has 1'],
  [['', ...base64].join(','), 'names no connection'],
  [['2@ref', base64[0], 'AAAA', base64[2]].join(','), 'identity key in this QR code has 3 bytes'],
])('says what is wrong with %s', (text, message) => {
  expect(() => parseLinkingQr(text)).toThrow(QrError)
  expect(() => parseLinkingQr(text)).toThrow(message)
})
