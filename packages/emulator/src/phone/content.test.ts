import { unpadRandomMax16, writeRandomPadMax16 } from 'baileys/lib/Utils/generics.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { proto } from '../baileys.ts'
import { decodePadded, encodePadded, textOf, toMessage } from './content.ts'

const toJid = (number: string): string => `${number.replace('+', '')}@s.whatsapp.net`

test('Baileys takes our padding off, and we its', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const message = proto.Message.fromObject({ conversation: text })
      const encoded = Buffer.from(proto.Message.encode(message).finish())
      expect(Buffer.from(unpadRandomMax16(encodePadded(message))).equals(encoded)).toBe(true)
      expect(decodePadded(writeRandomPadMax16(encoded)).conversation).toBe(message.conversation)
    }),
  )
  expect(() => decodePadded(Buffer.alloc(0))).toThrow('padding of 0')
  expect(() => decodePadded(Buffer.from([9]))).toThrow('padding of 9')
})

test('a text becomes the message WhatsApp makes of it', () => {
  expect(toMessage('hello', toJid)).toMatchObject({ conversation: 'hello' })
  const quoted = { id: 'ID', from: '+12025550123', message: { conversation: 'before' } }
  expect(toMessage({ text: 'hello', quoted, mentions: ['+12025550124'] }, toJid)).toMatchObject({
    extendedTextMessage: {
      text: 'hello',
      contextInfo: {
        stanzaId: 'ID',
        participant: '12025550123@s.whatsapp.net',
        quotedMessage: { conversation: 'before' },
        mentionedJid: ['12025550124@s.whatsapp.net'],
      },
    },
  })
  expect(toMessage('secret', toJid).messageContextInfo?.messageSecret).toHaveLength(32)
})

test('the text of a message is found wherever it is', () => {
  expect(textOf({ conversation: 'a' })).toBe('a')
  expect(textOf({ ephemeralMessage: { message: { extendedTextMessage: { text: 'b' } } } })).toBe('b')
  expect(textOf({ viewOnceMessageV2: { message: { imageMessage: { caption: 'c' } } } })).toBe('c')
  expect(textOf({ stickerMessage: {} })).toBeUndefined()
})
