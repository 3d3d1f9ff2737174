import { readdir, readFile } from 'node:fs/promises'

import {
  errorCodes,
  eventTypes,
  sendFailures,
  sessionReasonNames,
  sessionStateNames,
} from '@inbox-hub/contract'
import { reasonNames } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { variables } from '../config.ts'
import { referencePages } from './pages.ts'

const folder = new URL('../../../../docs/reference/', import.meta.url)
const pageOf = (name: string): Promise<string> => readFile(new URL(name, folder), 'utf8')

test('docs/reference is what the code says (npm run docs)', async () => {
  const pages = referencePages()
  expect(new Set(await readdir(folder))).toEqual(new Set(pages.keys()))
  for (const [name, content] of pages) expect([name, await pageOf(name)]).toEqual([name, content])
})

const headings = async (page: string, level: string): Promise<string[]> =>
  [...(await pageOf(page)).matchAll(new RegExp(`^${level} ([\\w.]+)$`, 'gm'))].map(([, name]) => name ?? '')
const firstCells = async (page: string): Promise<string[]> =>
  [...(await pageOf(page)).matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name ?? '')

test('every error code is documented, and every documented code exists', async () => {
  expect(await headings('errors.md', '##')).toEqual([...errorCodes()])
  expect(await firstCells('errors.md')).toEqual(Object.keys(sendFailures))
})

test('every session state, reason, disconnect, event and variable is documented, and no other', async () => {
  expect(await firstCells('session-states.md')).toEqual([...sessionStateNames()])
  expect(await headings('session-reasons.md', '##')).toEqual([...sessionReasonNames()])
  expect((await firstCells('disconnects.md')).filter((name) => !/^\d+$/.test(name))).toEqual([
    ...reasonNames(),
  ])
  expect((await headings('events.md', '##')).filter((name) => name.includes('.'))).toEqual([...eventTypes])
  expect(await firstCells('configuration.md')).toEqual(variables.map(({ name }) => name))
})
