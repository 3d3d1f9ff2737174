import fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  deviceOf,
  InvalidJid,
  isBot,
  isBroadcastList,
  isGroup,
  isLid,
  isNewsletter,
  isPerson,
  isPn,
  isStatus,
  type Jid,
  kindOf,
  lidOf,
  parseJid,
  partsOf,
  pnOf,
  sameAccount,
  serverOf,
  statusJid,
  toCus,
  tryParseJid,
  userOf,
  withDevice,
  withoutDevice,
} from './jid.ts'

test.each([
  ['12025550123@s.whatsapp.net', '12025550123@s.whatsapp.net', 'pn'],
  ['12025550123@c.us', '12025550123@s.whatsapp.net', 'pn'],
  ['12025550123@C.US', '12025550123@s.whatsapp.net', 'pn'],
  ['12025550123:4@s.whatsapp.net', '12025550123:4@s.whatsapp.net', 'pn'],
  ['12025550123:0@s.whatsapp.net', '12025550123@s.whatsapp.net', 'pn'],
  ['12025550123_0:4@s.whatsapp.net', '12025550123:4@s.whatsapp.net', 'pn'],
  ['99887766_1:3@s.whatsapp.net', '99887766:3@lid', 'lid'],
  ['12025550123_128:99@s.whatsapp.net', '12025550123:99@hosted', 'hosted_pn'],
  ['99887766_129:99@s.whatsapp.net', '99887766:99@hosted.lid', 'hosted_lid'],
  ['99887766:3@lid', '99887766:3@lid', 'lid'],
  ['120363000000000001@g.us', '120363000000000001@g.us', 'group'],
  ['12025550123-1400000000@g.us', '12025550123-1400000000@g.us', 'group'],
  ['status@broadcast', 'status@broadcast', 'status'],
  ['1400000000@broadcast', '1400000000@broadcast', 'broadcast'],
  ['120363000000000002@newsletter', '120363000000000002@newsletter', 'newsletter'],
  ['867051314767696@bot', '867051314767696@bot', 'bot'],
  ['0@s.whatsapp.net', '0@s.whatsapp.net', 'pn'],
  ['server@c.us', 'server@s.whatsapp.net', 'pn'],
  ['a_b@future.example', 'a_b@future.example', 'other'],
])('%s is %s, a %s', (text, jid, kind) => {
  expect(tryParseJid(text)).toBe(jid)
  expect(kindOf(parseJid(text))).toBe(kind)
})

test.each([
  '',
  '@',
  '12025550123',
  '@s.whatsapp.net',
  '12025550123@',
  'Ana@s.whatsapp.net',
  '12025550123@s.whatsapp.net@g.us',
  '12025550123:4:5@s.whatsapp.net',
  '12025550123:70000@s.whatsapp.net',
  '120363000000000001:2@g.us',
  'x@g.us',
  'news@broadcast',
  ' 12025550123@s.whatsapp.net',
  '12025550123@s.whatsapp.net\n',
  `${'1'.repeat(200)}@lid`,
])('%j is no address', (text) => {
  expect(tryParseJid(text)).toBeUndefined()
  expect(() => parseJid(text)).toThrow(InvalidJid)
})

test('the error does not repeat the text', () => {
  expect(() => parseJid('+1 202 555 0123')).toThrow(/^not a WhatsApp address$/)
})

const digits = (min: number, max: number) =>
  fc
    .tuple(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min - 1, maxLength: max - 1 }),
    )
    .map(([first, rest]) => [first, ...rest].join(''))
const device = fc.option(fc.integer({ min: 1, max: 999 }), { nil: undefined })
const person = fc
  .tuple(digits(5, 15), device, fc.constantFrom('s.whatsapp.net', 'lid', 'hosted', 'hosted.lid'))
  .map(([user, number, server]) =>
    parseJid(number === undefined ? `${user}@${server}` : `${user}:${number}@${server}`),
  )
const anyJid = fc.oneof(
  person,
  digits(18, 18).map((user) => parseJid(`${user}@g.us`)),
  fc.tuple(digits(8, 15), digits(10, 10)).map(([owner, at]) => parseJid(`${owner}-${at}@g.us`)),
  digits(10, 18).map((user) => parseJid(`${user}@newsletter`)),
  digits(10, 12).map((user) => parseJid(`${user}@broadcast`)),
  fc.constant(statusJid),
)

test('parsing a normal form changes nothing', () => {
  fc.assert(
    fc.property(anyJid, (jid) => {
      expect(tryParseJid(jid)).toBe(jid)
    }),
  )
})

test('an address is its parts', () => {
  fc.assert(
    fc.property(anyJid, (jid) => {
      const { user, server, device } = partsOf(jid)
      expect([userOf(jid), serverOf(jid), deviceOf(jid)]).toEqual([user, server, device ?? 0])
      expect(device === undefined ? `${user}@${server}` : `${user}:${device}@${server}`).toBe(jid)
    }),
  )
})

test('a device can be taken away and given back', () => {
  fc.assert(
    fc.property(person, (jid) => {
      const account = withoutDevice(jid)
      expect(deviceOf(account)).toBe(0)
      expect(sameAccount(jid, account)).toBe(true)
      expect(withDevice(account, deviceOf(jid))).toBe(jid)
    }),
  )
})

test('groups have no devices', () => {
  expect(() => withDevice(parseJid('120363000000000001@g.us'), 2)).toThrow(InvalidJid)
})

test('the form of older libraries comes back as the same address', () => {
  fc.assert(
    fc.property(anyJid, (jid) => {
      expect(parseJid(toCus(jid))).toBe(jid)
    }),
  )
  expect(toCus(pnOf('12025550123'))).toBe('12025550123@c.us')
  expect(toCus(parseJid('120363000000000001@g.us'))).toBe('120363000000000001@g.us')
})

test('every address is of exactly one kind', () => {
  fc.assert(
    fc.property(anyJid, (jid) => {
      const questions: ((jid: Jid) => boolean)[] = [
        isPn,
        isLid,
        isGroup,
        isStatus,
        isBroadcastList,
        isNewsletter,
        isBot,
      ]
      expect(questions.filter((is) => is(jid))).toHaveLength(1)
      expect(isPerson(jid)).toBe(isPn(jid) || isLid(jid))
    }),
  )
})

test('whatever the text, parsing answers quickly and only with normal forms', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 200 }), fc.stringMatching(/^[\d:_@a-z.-]{0,60}$/)),
      (text) => {
        const jid = tryParseJid(text)
        expect(jid === undefined || tryParseJid(jid) === jid).toBe(true)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a phone number and a LID of the same digits are different accounts', () => {
  expect(sameAccount(pnOf('12025550123'), lidOf('12025550123'))).toBe(false)
})
