import fc from 'fast-check'
import { encodeBinaryNode } from 'baileys/lib/WABinary/encode.js'
import { expect, test } from 'vitest'
import type { BinaryNode } from './baileys.ts'
import { encodeStanza } from './encode-stanza.ts'
import { decodeStanza } from './stanza.ts'

const text = fc.oneof(
  fc.constantFrom('message', 'type', 'participants', 'read-self', 'critical_block', 's.whatsapp.net'),
  fc.stringMatching(/^\d{1,20}$/),
  fc.stringMatching(/^[\dA-F]{1,40}$/),
  fc.stringMatching(/^[\d.-]{1,20}$/),
  fc.stringMatching(/^\d{5,15}(:\d{1,2})?@(s\.whatsapp\.net|lid)$/),
  fc.constantFrom(
    '@s.whatsapp.net',
    '120363000000001@g.us',
    'status@broadcast',
    '@g.us',
    'Zoë 🎈',
    'x'.repeat(300),
  ),
)

const { stanza } = fc.letrec<{ stanza: BinaryNode }>((tie) => ({
  stanza: fc.record(
    {
      tag: fc.constantFrom('iq', 'message', 'enc', 'to', 'pair-device', 'unheard-of'),
      attrs: fc.dictionary(fc.constantFrom('id', 'from', 'to', 't', 'notify', 'key-index'), text),
      content: fc.oneof(
        { depthSize: 'small' },
        fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('stanza'), { minLength: 1, maxLength: 4 }),
      ),
    },
    { requiredKeys: ['tag', 'attrs'] },
  ),
}))

test('stanzas are encoded as Baileys encodes them', () => {
  fc.assert(
    fc.property(stanza, (each) => {
      expect(encodeStanza(each).equals(encodeBinaryNode(each))).toBe(true)
    }),
  )
})

test('large stanzas are read back', () => {
  const many = Array.from({ length: 900 }, (_, index) => ({ tag: 'item', attrs: { id: `${index}` } }))
  const big = { tag: 'enc', attrs: {}, content: Buffer.alloc(1_200_000, 7) }
  const sent = {
    tag: 'message',
    attrs: { id: 'A1' },
    content: [{ tag: 'list', attrs: {}, content: many }, big],
  }
  const read = decodeStanza(encodeStanza(sent))
  expect(read.content).toMatchObject([{ tag: 'list' }, { tag: 'enc' }])
  expect(read.content?.[0]).toMatchObject({ content: { length: 900, 899: { attrs: { id: '899' } } } })
  expect(read.content?.[1]).toMatchObject({ content: big.content })
})
