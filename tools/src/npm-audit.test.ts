import { expect, test } from 'vitest'

import { auditVerdict } from './npm-audit.ts'

const report = (vulnerabilities: object): string => JSON.stringify({ auditReportVersion: 2, vulnerabilities })

test.each([
  ['high', 'vulnerable'],
  ['critical', 'vulnerable'],
  ['moderate', 'clean'],
])('a vulnerability of %s severity makes the tree %s', (severity, at) => {
  const left_pad = { severity, range: '<1.3.1', fixAvailable: true }
  expect(auditVerdict(report({ left_pad })).at).toBe(at)
})

test('a finding is told with its package, range and whether it can be fixed', () => {
  const finding = { severity: 'high', range: '<1.3.1', fixAvailable: false }
  expect(auditVerdict(report({ 'left-pad': finding })).text).toBe('left-pad <1.3.1: high, no fix yet')
})

test.each([
  [
    'a registry without the end point',
    JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405 }),
  ],
  ['no network', ''],
  ['something else', '[]'],
])('%s is not taken for clean', (_name, output) => {
  expect(auditVerdict(output).at).toBe('unknown')
})
