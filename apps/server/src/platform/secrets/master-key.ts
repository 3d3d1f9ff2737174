import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

import { syncDirectory } from '../data-dir.ts'
import type { Log } from '../log.ts'
import { OperatorError } from '../operator-error.ts'
import { keyLength } from './sealer.ts'

/** The master key is missing or is not the one the data was sealed under. The message says what to do. */
export class MasterKeyRefused extends OperatorError {
  override readonly name = 'MasterKeyRefused'
}

/** Reads 32 bytes written as base64, base64url or hex; undefined when the text is something else. */
export function parseKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim()
  if (/^[\da-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex')
  if (/^[\w+/-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, 'base64')
  return undefined
}

const keyFileName = 'master.key'

/** Where the key lives when it is not given in the environment. */
export function masterKeyFile(dataDir: string): string {
  return join(dataDir, keyFileName)
}

/**
 * The keys in the data directory, one to a line: the current one first, older ones after it while a rotation lasts. Undefined when there is
 * no such file. Throws `MasterKeyRefused` when it holds something else.
 */
export function readKeyFile(dataDir: string, log: Log): readonly [Uint8Array, ...Uint8Array[]] | undefined {
  const path = masterKeyFile(dataDir)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new MasterKeyRefused(
      `The master key in ${path} cannot be read. Let the user that runs Inbox Hub read it.`,
      {
        cause: error,
      },
    )
  }
  const [current, ...older] = text.trim().split(/\s+/).map(parseKey)
  if (current === undefined || !older.every((key) => key !== undefined)) {
    throw new MasterKeyRefused(
      `${path} does not hold a master key (32 bytes, base64 or hex). Restore it from the backup of the data directory.`,
    )
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    chmodSync(path, 0o600)
    log.warn({ path }, 'others could read the master key; now its owner alone can')
  }
  return [current, ...older]
}

/** Puts `keys` in the place of what the file holds, on the disk when it returns: whoever reads it meanwhile finds the one or the other. */
export function replaceKeyFile(dataDir: string, keys: readonly Uint8Array[], name = keyFileName): void {
  const path = join(dataDir, name)
  const draft = writeKeys(path, keys)
  renameSync(draft, path)
  syncDirectory(dataDir)
}

export function newMasterKey(): Uint8Array {
  return randomBytes(keyLength)
}

/** A file beside `path` with the keys, on the disk. */
function writeKeys(path: string, keys: readonly Uint8Array[]): string {
  const draft = `${path}.${process.pid}`
  const file = openSync(draft, 'w', 0o600)
  try {
    writeSync(file, keys.map((key) => `${Buffer.from(key).toString('base64')}\n`).join(''))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return draft
}

/** Makes a key and puts it in the data directory, whole or not at all, on the disk before anything is sealed under it. */
export function createKeyFile(dataDir: string, log: Log): Uint8Array {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const key = newMasterKey()
  const path = masterKeyFile(dataDir)
  const draft = writeKeys(path, [key])
  try {
    // Unlike a rename, a link fails when another process was first.
    linkSync(draft, path)
  } catch (error) {
    const first = readKeyFile(dataDir, log)
    if (first === undefined) throw error
    return first[0]
  } finally {
    rmSync(draft)
  }
  syncDirectory(dataDir)
  return key
}
