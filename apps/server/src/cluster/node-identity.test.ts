import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { silentLog as log } from '../platform/log.ts'
import { takeNodeIdentity } from './node-identity.ts'

test('the next process of a data directory is the same node, on the same host', async () => {
  await using dir = await scratch()
  const idOn = (host: string): string => {
    using identity = takeNodeIdentity({ dataDir: dir.path, log, host })
    return identity.nodeId
  }
  expect(idOn('one')).toMatch(/^[0-9a-f]{16}$/)
  expect(idOn('one')).toBe(idOn('one'))
  expect(idOn('two')).not.toBe(idOn('one'))
})

test('a second process in the directory is somebody else', async () => {
  await using dir = await scratch()
  using first = takeNodeIdentity({ dataDir: dir.path, log })
  using second = takeNodeIdentity({ dataDir: dir.path, log })
  using third = takeNodeIdentity({ dataDir: dir.path, log })
  expect(new Set([first.nodeId, second.nodeId, third.nodeId]).size).toBe(3)
})

test('without a directory to write to it is somebody new each time', async () => {
  await using dir = await scratch()
  const file = join(dir.path, 'file')
  await writeFile(file, '')
  const idIn = (dataDir: string): string => {
    using identity = takeNodeIdentity({ dataDir, log })
    return identity.nodeId
  }
  expect(idIn(join(file, 'data'))).not.toBe(idIn(join(file, 'data')))
  // What stands where the name should be is no name either.
  await mkdir(join(dir.path, 'node-id'))
  expect(idIn(dir.path)).not.toBe(idIn(dir.path))
})

async function scratch(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'node-identity-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
