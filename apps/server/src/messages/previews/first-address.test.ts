import { expect, test } from 'vitest'

import { firstAddress } from './first-address.ts'

test.each([
  ['Look: https://a.example/x.', 'https://a.example/x', 'https://a.example/x'],
  ['(see http://a.example/a_(b))', 'http://a.example/a_(b)', 'http://a.example/a_(b)'],
  ['www.a.example, then https://b.example', 'www.a.example', 'https://www.a.example/'],
  ['*https://a.example/?q=1*!', 'https://a.example/?q=1', 'https://a.example/?q=1'],
  ['«HTTPS://ä.example»', 'HTTPS://ä.example', 'https://xn--4ca.example/'],
  ['https://ana:secret@a.example https://b.example', 'https://b.example', 'https://b.example/'],
])('%s', (text, written, url) => {
  expect(firstAddress(text)).toEqual({ written, url })
})

test.each(['no address', 'ana@www.example.com', 'http://', 'ftp://a.example', 'awww.example.com'])(
  'none in %s',
  (text) => {
    expect(firstAddress(text)).toBeUndefined()
  },
)
