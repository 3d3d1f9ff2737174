import { chmod, copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { backup as copyPages, DatabaseSync } from 'node:sqlite'

import { isoOf } from '@inbox-hub/contract'

import type { Config } from '../config.ts'
import { blobPath, BlobMissing, type Blobs, openBlobs, writeDraft } from '../platform/blobs/index.ts'
import type { Clock } from '../platform/clock.ts'
import { syncDirectory } from '../platform/data-dir.ts'
import { silentLog } from '../platform/log.ts'
import { masterKeyFile, readKeyFile, rootOpensWith, rootSealedBy } from '../platform/secrets/index.ts'
import { version } from '../system/index.ts'
import {
  BackupRefused,
  hashOfFile,
  isThere,
  type Manifest,
  placesIn,
  type Progress,
  readManifest,
  StoreCopy,
  syncFile,
} from './bundle.ts'

export interface BackupOptions {
  /** The directory to make. */
  readonly target: string
  /** Whether the files of messages are in it. */
  readonly files: boolean
  /** Whether the master key is in it, when the hub keeps it in a file. */
  readonly key: boolean
  readonly clock: Clock
  /** Ends it, leaving nothing behind. */
  readonly signal: AbortSignal
  readonly progress: Progress
}

/**
 * Makes a backup of the SQLite store as it is at one moment and of the files it knows then, while the hub runs or not. What an earlier
 * backup beside it has already is linked, not copied. `target` is there whole or not at all. Throws `BackupRefused`.
 */
export async function makeBackup(config: Config, options: BackupOptions): Promise<Manifest> {
  const source = join(resolve(config.dataDir), 'inbox-hub.db')
  const target = resolve(options.target)
  if (!(await isThere(source))) {
    throw new BackupRefused(
      `There is no store in ${resolve(config.dataDir)}. Set INBOX_HUB_DATA_DIR to the data directory of the hub.`,
    )
  }
  await refuseTaken(target)
  const draft = `${target}.${process.pid}.unfinished`
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 })
    const manifest = await fill(draft, { source, target, config, options })
    await rmdir(target).catch(() => {}) // an empty one
    await rename(draft, target)
    syncDirectory(dirname(target))
    return manifest
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw inWords(error, target)
  }
}

async function fill(
  draft: string,
  {
    source,
    target,
    config,
    options,
  }: { source: string; target: string; config: Config; options: BackupOptions },
): Promise<Manifest> {
  const { clock, signal, progress } = options
  const places = placesIn(draft)
  const madeAt = clock.now()
  await copyStore(source, places.store, { signal, progress })
  using store = new StoreCopy(draft)
  const damage = store.damage()
  if (damage !== undefined) {
    throw new BackupRefused(
      `The store is damaged, so nothing was backed up: ${damage}. Keep the backups you have, and look at the disk ("inbox-hub doctor").`,
    )
  }
  const root = store.rootKey()
  if (root === undefined)
    throw new BackupRefused('No hub has served from this store yet: there is nothing to keep.')
  const included = options.key && config.masterKeys === undefined
  if (included) await copyKey(resolve(config.dataDir), draft, root)
  const manifest: Manifest = {
    format: 1,
    version,
    madeAt: isoOf(madeAt),
    store: {
      bytes: (await stat(places.store)).size,
      sha256: await hashOfFile(places.store),
      schema: store.schema(),
    },
    masterKey: { id: rootSealedBy(root), included },
    files: options.files ? await copyFiles(store, { draft, target, config, options }) : null,
  }
  await writeFile(places.manifest, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
  await syncFile(places.manifest)
  syncDirectory(draft)
  return manifest
}

/** Pages between two looks at the signal: 4 MB, some milliseconds. */
const pagesPerStep = 1_000

async function copyStore(
  source: string,
  target: string,
  { signal, progress }: Pick<BackupOptions, 'signal' | 'progress'>,
): Promise<void> {
  {
    using database = new DatabaseSync(source, { readOnly: true })
    // The view of one transaction. Without it SQLite begins again whenever the hub commits, and never ends on one that is busy.
    database.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
    await copyPages(database, target, {
      rate: pagesPerStep,
      progress({ totalPages, remainingPages }) {
        signal.throwIfAborted()
        progress({ doing: 'store', done: totalPages - remainingPages, of: totalPages })
      },
    })
  }
  signal.throwIfAborted()
  await chmod(target, 0o600)
  // One file that is read without making others beside it; the hub sets its own way again.
  using copy = new DatabaseSync(target)
  copy.exec('PRAGMA journal_mode = DELETE')
}

async function copyKey(dataDir: string, draft: string, root: string): Promise<void> {
  const keys = readKeyFile(dataDir, silentLog) ?? []
  if (!keys.some((key) => rootOpensWith(root, key))) {
    throw new BackupRefused(
      `${masterKeyFile(dataDir)} is missing or is not the key of this store, so the backup would be worthless. Give the right one in INBOX_HUB_MASTER_KEY, or leave the key out with --no-key.`,
    )
  }
  const target = masterKeyFile(draft)
  await copyFile(masterKeyFile(dataDir), target)
  await chmod(target, 0o600)
  await syncFile(target)
}

/** Files that are copied at once: a bucket answers late, and a disk likes some too. */
const copiedAtOnce = 4

async function copyFiles(
  store: StoreCopy,
  {
    draft,
    target,
    config,
    options,
  }: { draft: string; target: string; config: Config; options: BackupOptions },
): Promise<Manifest['files']> {
  const { signal, progress } = options
  const { files: root } = placesIn(draft)
  const wanted = store.files()
  const earlier = await earlierBackups(target)
  await using blobs = openBlobs({
    directory: join(resolve(config.dataDir), 'media', 'files'),
    s3: config.media.s3,
    clock: options.clock,
  })
  const missing: string[] = []
  let bytes = 0
  let done = 0
  await mkdir(root, { mode: 0o700 })
  const left = wanted.values()
  async function work(): Promise<void> {
    for (const { hash, size } of left) {
      signal.throwIfAborted()
      const path = blobPath(root, hash)
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      if ((await linkFrom(earlier, { hash, path, size })) || (await copyBlob(blobs, { hash, path, size })))
        bytes += size
      else missing.push(hash)
      done += 1
      progress({ doing: 'files', done, of: wanted.length })
    }
  }
  // The others end with the first that fails: nothing may write into a draft that is being removed.
  const outcomes = await Promise.allSettled(Array.from({ length: copiedAtOnce }, work))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  for (const folder of await readdir(root, { recursive: true, withFileTypes: true }))
    if (folder.isDirectory()) syncDirectory(join(folder.parentPath, folder.name))
  syncDirectory(root)
  return { count: wanted.length - missing.length, bytes, missing: missing.sort() }
}

/** The backups in the same directory, newest first: their files are in this one without taking room again. */
async function earlierBackups(target: string): Promise<string[]> {
  const parent = dirname(target)
  const found: { root: string; madeAt: string }[] = []
  for (const name of await readdir(parent)) {
    const directory = join(parent, name)
    if (name === basename(target) || name.endsWith('.unfinished')) continue
    const manifest = await readManifest(directory).catch(() => undefined)
    if (manifest?.files) found.push({ root: placesIn(directory).files, madeAt: manifest.madeAt })
  }
  return found.sort((a, b) => b.madeAt.localeCompare(a.madeAt)).map(({ root }) => root)
}

interface Wanted {
  readonly hash: string
  readonly path: string
  readonly size: number
}

async function linkFrom(earlier: readonly string[], { hash, path, size }: Wanted): Promise<boolean> {
  for (const root of earlier) {
    const there = blobPath(root, hash)
    const found = await stat(there).catch(() => undefined)
    if (found?.size !== size) continue
    const linked = await link(there, path).then(
      () => true,
      () => false, // a file system without links
    )
    if (linked) return true
  }
  return false
}

/** False when the hub has not got it, whole and as it was. */
async function copyBlob(blobs: Blobs, { hash, path, size }: Wanted): Promise<boolean> {
  let bytes
  try {
    bytes = await blobs.open(hash, { size })
  } catch (error) {
    if (error instanceof BlobMissing) return false
    throw error
  }
  await using draft = await writeDraft(bytes, { directory: dirname(path), maxBytes: size })
  if (draft.hash !== hash) return false
  await rename(draft.path, path)
  return true
}

async function refuseTaken(target: string): Promise<void> {
  const found = await readdir(target).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new BackupRefused(
      `${target} is there already and is no directory. Give a name that is not taken.`,
      {
        cause: error,
      },
    )
  })
  if (found.length > 0) throw new BackupRefused(`${target} is not empty. Give a name that is not taken.`)
}

/** Failures of the disk, in words; others as they are. */
export function inWords(error: unknown, target: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new BackupRefused(`There is no room for ${target}. Free some space, or give another disk.`, {
        cause: error,
      })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BackupRefused(
        `${target} cannot be written. Let this user write there, or give another directory.`,
        {
          cause: error,
        },
      )
    default:
      return error
  }
}
