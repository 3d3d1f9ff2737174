import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { takeDataDir } from '../platform/data-dir.ts'
import type { Log } from '../platform/log.ts'

/** Who this process is among the nodes of one store. */
export interface NodeIdentity extends Disposable {
  /** 16 hex digits: the owner that its leases name. */
  readonly nodeId: string
}

/**
 * The identity of the data directory, for the one process that has the directory for itself: after a crash its next process is the same
 * node, and takes up its own leases at once instead of waiting until they run out. Everybody else (a second process in that directory, a
 * directory that cannot be written) is a node that never was, and waits. The host's name is part of it: a copied volume is not the same
 * node. Should two hosts of one name run copies all the same, they fence each other as any two owners do.
 */
export function takeNodeIdentity({
  dataDir,
  log,
  host = hostname(),
}: {
  dataDir: string
  log: Log
  host?: string
}): NodeIdentity {
  try {
    const lock = takeDataDir(dataDir)
    try {
      const digest = createHash('sha256')
        .update(`${secretOf(join(dataDir, 'node-id'))} ${host}`)
        .digest('hex')
      return { nodeId: digest.slice(0, 16), [Symbol.dispose]: () => lock[Symbol.dispose]() }
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
  } catch (error) {
    log.warn(
      { error },
      'this process shares its data directory or cannot write there: after a crash it waits until its leases run out',
    )
    return { nodeId: newNodeId(), [Symbol.dispose]: () => {} }
  }
}

/** The identity of a process that is never the next one of another. */
export const newNodeId = (): string => randomBytes(8).toString('hex')

/** What the file holds; made when there is none. */
function secretOf(path: string): string {
  try {
    writeFileSync(path, newNodeId(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(path, 'utf8').trim()
}
