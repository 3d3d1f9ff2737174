import { expect, test } from 'vitest'

import { findSecrets } from './secrets.ts'
import { trackedFiles } from './tracked-files.ts'

test('no file of the repository holds a credential or the number of a real person', () => {
  const findings = trackedFiles()
    .filter(({ path }) => path !== 'package-lock.json')
    .flatMap(({ path, text }) => findSecrets(text).map((finding) => ({ path, ...finding })))
  expect(findings).toEqual([])
})

// Written in parts, so that this file does not find itself.
const joined = (...parts: string[]) => parts.join('')

test.each([
  ['api key', joined('key: crm_api_', '0123456789abcdef'.repeat(2))],
  ['api key', joined('ihk_', 'abcdefghij_', 'k'.repeat(43))],
  ['private key', joined('-----BEGIN ', 'PRIVATE KEY-----')],
  ['password in a URL', joined('postgres://hub:', 'correct-horse@db/hub')],
  ['phone number', joined('call +1 415', ' 555 2671')],
  ['phone number', joined('5511', '987654321@s.whatsapp.net')],
])('finds a %s', (kind, text) => {
  expect(findSecrets(text).map((finding) => finding.kind)).toEqual([kind])
})

test.each([
  '+1 202 555 0123',
  '12025550123@s.whatsapp.net',
  '+44 7700 900123',
  '1700000000123',
  'postgres://hub@db/hub',
])('lets %s pass', (text) => {
  expect(findSecrets(text)).toEqual([])
})
