import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { OperatorError } from './operator-error.ts'

/** Another process works in the data directory. Two writers with one set of Signal keys would destroy the sessions. */
export class DataDirInUse extends OperatorError {
  override readonly name = 'DataDirInUse'
}

/** The data directory cannot be made or written. */
class DataDirUnusable extends OperatorError {
  override readonly name = 'DataDirUnusable'
}

/**
 * Takes the data directory for this process alone, until disposed or the process ends, however it ends: the operating system
 * holds the lock (SQLite's own, on an otherwise empty file), so that nothing stale is left to clean up. Throws `DataDirInUse` or `DataDirUnusable`.
 */
export function takeDataDir(dataDir: string): Disposable {
  const dir = resolve(dataDir)
  const pidFile = join(dir, 'inbox-hub.pid')
  const lockFile = join(dir, 'inbox-hub.lock')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    makePrivate(dir, 0o700)
    createPrivate(lockFile)
  } catch (cause) {
    throw new DataDirUnusable(
      `The data directory ${dir} cannot be written (${String(cause)}). Let the user that runs Inbox Hub write there, or name another directory in INBOX_HUB_DATA_DIR.`,
      { cause },
    )
  }
  const lock = new DatabaseSync(lockFile, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    const pid = readPid(pidFile)
    throw new DataDirInUse(
      `Another Inbox Hub${pid === undefined ? '' : ` (process ${pid})`} is using ${dir}. Stop it, or give this one another directory in INBOX_HUB_DATA_DIR.`,
      { cause },
    )
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    [Symbol.dispose]() {
      rmSync(pidFile, { force: true })
      lock.close()
    },
  }
}

/** Makes the file when it is missing, readable by its owner alone before anything is in it. */
export function createPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  makePrivate(path, 0o600)
}

function makePrivate(path: string, mode: number): void {
  try {
    chmodSync(path, mode)
  } catch {
    // Someone else's directory, or a file system without modes (a mounted volume): its owner decides who reads it.
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    return Number.isInteger(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

/** Puts the names of new files in `path` on the disk too. Windows has no handle for a directory, and keeps names by itself. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
