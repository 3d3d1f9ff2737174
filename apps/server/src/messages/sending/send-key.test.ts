import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { fingerprintOf } from './send-key.ts'

const to = parseJid('12025550123@s.whatsapp.net')
const ben = parseJid('12025550124@s.whatsapp.net')
const text = { kind: 'text', text: 'Hello' } as const
const plain = { to, content: text, mentions: [], quotedId: undefined, idempotencyKey: undefined }

test('a text has the fingerprint that it had when there was nothing else to send', () => {
  expect(fingerprintOf(plain)).toBe('6Ch5Qixgh9X4omttVEllkN3RXUE8DtSBMyvZ90S7tUk')
  const rest = { mentions: [ben], quotedId: 'Q1', idempotencyKey: 'order-1', sendAt: 1_798_797_600_000 }
  expect(fingerprintOf({ ...plain, ...rest })).toBe('nX427QRlhY3ho2RjKfWDxOa-wrZcAufMdn284H-wbFE')
})

test('what differs in anything that is asked for has another fingerprint', () => {
  const place = { kind: 'location', text: 'Hello', location: { latitude: 1, longitude: 2 } } as const
  const elsewhere = { ...place, location: { latitude: 1, longitude: 3 } }
  const asked = [
    plain,
    { ...plain, content: place },
    { ...plain, content: elsewhere },
    { ...plain, quotedId: 'Q1' },
    { ...plain, mentions: [ben] },
    { ...plain, to: ben },
  ]
  expect(new Set(asked.map(fingerprintOf)).size).toBe(asked.length)
})
