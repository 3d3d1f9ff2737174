import fc from 'fast-check'
import { expect, test } from 'vitest'

import { isPossiblePhone, parseChatAddress, parsePhone, phoneDigits } from './phone.ts'

test.each([
  ['12025550123', '12025550123'],
  ['+12025550123', '12025550123'],
  ['+1 (202) 555-0123', '12025550123'],
  ['+1.202.555.0123', '12025550123'],
  ['0012025550123', '12025550123'],
  [' +44 7700 900123 ', '447700900123'],
  ['+34 600 000 123', '34600000123'],
  ['＋１２０２５５５０１２３', '12025550123'],
  ['\u202a+1 202 555 0123\u202c', '12025550123'],
])('%j is %s', (written, digits) => {
  expect(phoneDigits(written)).toBe(digits)
})

test.each([
  '',
  '+',
  'abc',
  '123456',
  '0600000123',
  '1234567890123456',
  '12025550123x',
  '1202555O123',
  '12+02',
  '\n',
])('%j is no number', (written) => {
  // A plus in the middle is not how people write numbers, yet too short here all the same.
  expect(phoneDigits(written)).toBeUndefined()
  expect(parsePhone(written)).toBeUndefined()
  expect(isPossiblePhone(written)).toBe(false)
})

test('the plan of the country is known', () => {
  expect(parsePhone('12025550123')).toEqual({
    digits: '12025550123',
    e164: '+12025550123',
    country: 'US',
    international: '+1 202 555 0123',
  })
  expect(parsePhone('+34600000123')?.country).toBe('ES')
  expect(isPossiblePhone('+34600000123')).toBe(true)
  expect(isPossiblePhone('+34600000')).toBe(false)
})

test('a number of a plan that nobody knows is still a number', () => {
  expect(parsePhone('9999999999')).toMatchObject({ digits: '9999999999', country: undefined })
})

test.each([
  ['12025550123', '12025550123@s.whatsapp.net'],
  ['+1 202 555 0123', '12025550123@s.whatsapp.net'],
  ['12025550123@c.us', '12025550123@s.whatsapp.net'],
  ['12025550123@s.whatsapp.net', '12025550123@s.whatsapp.net'],
  ['12025550123%40c.us', '12025550123@s.whatsapp.net'],
  ['12025550123:7@s.whatsapp.net', '12025550123@s.whatsapp.net'],
  ['+12025550123@c.us', '12025550123@s.whatsapp.net'],
  ['+1 202 555 0123@s.whatsapp.net', '12025550123@s.whatsapp.net'],
  ['99887766554433@lid', '99887766554433@lid'],
  ['120363000000000001@g.us', '120363000000000001@g.us'],
  ['status@broadcast', 'status@broadcast'],
])('the chat %j is %s', (input, jid) => {
  expect(parseChatAddress(input)).toBe(jid)
})

test.each([
  '',
  'ana',
  '@',
  '@c.us',
  '0@c.us',
  'server@c.us',
  '120363000000000001',
  'a@b',
  '../etc',
  "1'--",
  '12025550123@evil.example',
])('%j is no chat', (input) => {
  expect(parseChatAddress(input)).toBeUndefined()
})

test('however a number is spaced, it is the same chat', () => {
  const number = fc
    .tuple(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 6, maxLength: 14 }),
    )
    .map(([first, rest]) => [first, ...rest].join(''))
  const separator = fc.constantFrom('', ' ', '-', '.', ' - ')
  fc.assert(
    fc.property(
      number,
      fc.array(separator, { minLength: 20, maxLength: 20 }),
      fc.boolean(),
      (digits, between, plus) => {
        const written = `${plus ? '+' : ''}${digits
          .split('')
          .map((digit, index) => `${digit}${index < digits.length - 1 ? (between[index] ?? '') : ''}`)
          .join('')}`
        fc.pre(written.length <= 40)
        expect(parseChatAddress(written)).toBe(`${digits}@s.whatsapp.net`)
      },
    ),
  )
})

test('what is understood as a chat is understood again from its own address', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[+\d @.a-z:-]{0,40}$/)),
      (input) => {
        const jid = parseChatAddress(input)
        expect(jid === undefined || parseChatAddress(jid) === jid).toBe(true)
      },
    ),
    { numRuns: 2000 },
  )
})
