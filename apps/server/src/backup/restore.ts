import { chmod, copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import type { Config } from '../config.ts'
import { blobPath, openBlobs, writeDraft } from '../platform/blobs/index.ts'
import type { Clock } from '../platform/clock.ts'
import { syncDirectory, takeDataDir } from '../platform/data-dir.ts'
import { openDatabase } from '../platform/database/index.ts'
import { silentLog } from '../platform/log.ts'
import {
  createSecrets,
  masterKeyFile,
  MasterKeyRefused,
  readKeyFile,
  rootOpensWith,
  rootSealedBy,
} from '../platform/secrets/index.ts'
import {
  BackupRefused,
  isThere,
  type Manifest,
  placesIn,
  type Progress,
  readManifest,
  StoreCopy,
  syncFile,
} from './bundle.ts'
import { inWords } from './make.ts'
import { makeSafe, type RestoredSession } from './make-safe.ts'
import { storeProblems } from './verify.ts'

export interface RestoreOptions {
  /** The directory of the backup. */
  readonly source: string
  /** Whether a store that is there already may be put aside. */
  readonly force: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly progress: Progress
}

export interface Restored {
  readonly manifest: Manifest
  readonly sessions: readonly RestoredSession[]
  readonly files: { readonly restored: number; readonly missing: number }
  /** Where the store is that was there before; undefined when there was none. */
  readonly putAside: string | undefined
}

/**
 * Puts a backup into the data directory, where no hub may be running. What can be refused is refused before anything is written; the store
 * is made safe in a directory of its own and takes its place last. Throws `BackupRefused`, `MasterKeyRefused`, `DataDirInUse` or
 * `MigrationRefused`.
 */
export async function restoreBackup(config: Config, options: RestoreOptions): Promise<Restored> {
  const dataDir = resolve(config.dataDir)
  const source = resolve(options.source)
  const manifest = await readManifest(source)
  const [problem] = await storeProblems(source, manifest)
  if (problem !== undefined) throw new BackupRefused(`${problem} Take another backup.`)
  const occupied = await isThere(join(dataDir, 'inbox-hub.db'))
  if (occupied && !options.force) {
    throw new BackupRefused(
      `There is a store in ${dataDir} already. Set INBOX_HUB_DATA_DIR to an empty directory; or give --force, which puts that store aside.`,
    )
  }
  using copy = new StoreCopy(source)
  const keys = keysFor(copy.rootKey() ?? '', { config, dataDir, source })
  options.signal.throwIfAborted()
  const staging = join(dataDir, 'restoring')
  try {
    using _lock = takeDataDir(dataDir)
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging, { mode: 0o700 })
    const sessions = await prepareStore(source, staging, { keys: keys.given, clock: options.clock })
    const files = await putFiles(copy, manifest, { source, dataDir, config, options })
    options.signal.throwIfAborted()
    const putAside =
      occupied || keys.replacesFile ? await setAside(dataDir, { clock: options.clock, keys }) : undefined
    if (keys.fromBackup) await putPrivate(masterKeyFile(source), masterKeyFile(dataDir))
    await rename(join(staging, 'inbox-hub.db'), join(dataDir, 'inbox-hub.db'))
    syncDirectory(dataDir)
    return { manifest, sessions, files, putAside }
  } catch (error) {
    throw inWords(error, dataDir)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

interface Keys {
  /** What to open the store with. */
  readonly given: readonly Uint8Array[]
  /** Whether master.key of the backup is to be put into the data directory. */
  readonly fromBackup: boolean
  /** … over the key of another store. */
  readonly replacesFile: boolean
}

/** The keys that the hub will have: those of the environment, else that of the backup, else the file that is there. Throws `MasterKeyRefused`. */
function keysFor(
  root: string,
  { config, dataDir, source }: { config: Config; dataDir: string; source: string },
): Keys {
  const open = (keys: readonly Uint8Array[] | undefined): keys is readonly Uint8Array[] =>
    keys?.some((key) => rootOpensWith(root, key)) === true
  if (config.masterKeys !== undefined) {
    if (open(config.masterKeys)) return { given: config.masterKeys, fromBackup: false, replacesFile: false }
    throw new MasterKeyRefused(
      `The backup is sealed under master key ${rootSealedBy(root)}, which is not the one in INBOX_HUB_MASTER_KEY. Give that key; without it the linked sessions cannot be opened again. Nothing was changed.`,
    )
  }
  const there = readKeyFile(dataDir, silentLog)
  if (open(there)) return { given: there, fromBackup: false, replacesFile: false }
  const kept = readKeyFile(source, silentLog)
  if (open(kept)) return { given: kept, fromBackup: true, replacesFile: there !== undefined }
  throw new MasterKeyRefused(
    `The backup is sealed under master key ${rootSealedBy(root)}, and that key is not in it. Put it back as ${masterKeyFile(dataDir)}, or give it in INBOX_HUB_MASTER_KEY; without it the linked sessions cannot be opened again. Nothing was changed.`,
  )
}

/** The store in `staging`, as one file: migrated, and without what WhatsApp must not see a second time. */
async function prepareStore(
  source: string,
  staging: string,
  { keys: masterKeys, clock }: { keys: readonly Uint8Array[]; clock: Clock },
): Promise<RestoredSession[]> {
  const path = join(staging, 'inbox-hub.db')
  await putPrivate(placesIn(source).store, path)
  let sessions
  {
    await using database = await openDatabase({ url: undefined, dataDir: staging, log: silentLog, clock })
    const secrets = await createSecrets({ database, dataDir: staging, masterKeys, log: silentLog })
    sessions = await makeSafe(database, { secrets, now: clock.now() })
  }
  {
    using store = new DatabaseSync(path)
    store.exec('PRAGMA journal_mode = DELETE')
  }
  await syncFile(path)
  return sessions
}

/** Files that are there already are put in place again: if a failing disk has changed one, this mends it. */
async function putFiles(
  store: StoreCopy,
  manifest: Manifest,
  {
    source,
    dataDir,
    config,
    options: { clock, signal, progress },
  }: { source: string; dataDir: string; config: Config; options: RestoreOptions },
): Promise<Restored['files']> {
  const wanted = store.files()
  if (manifest.files === null) return { restored: 0, missing: wanted.length }
  const { files } = placesIn(source)
  await using blobs = openBlobs({ directory: join(dataDir, 'media', 'files'), s3: config.media.s3, clock })
  let restored = 0
  for (const [index, { hash, size }] of wanted.entries()) {
    const path = blobPath(files, hash)
    if (await isThere(path)) {
      await using draft = await writeDraft(createReadStream(path), {
        directory: join(dataDir, 'media', 'drafts'),
        maxBytes: size,
        signal,
      })
      if (draft.hash === hash) {
        await blobs.keep(draft)
        restored += 1
      }
    }
    progress({ doing: 'files', done: index + 1, of: wanted.length })
  }
  return { restored, missing: wanted.length - restored }
}

/** Moves what the restored store takes the place of into a directory of its own; answers which. */
async function setAside(dataDir: string, { clock, keys }: { clock: Clock; keys: Keys }): Promise<string> {
  const aside = join(dataDir, `replaced-${clock.now()}`)
  await mkdir(aside, { mode: 0o700 })
  const names = [
    'inbox-hub.db',
    'inbox-hub.db-wal',
    'inbox-hub.db-shm',
    ...(keys.replacesFile ? ['master.key'] : []),
  ]
  for (const name of names)
    if (await isThere(join(dataDir, name))) await rename(join(dataDir, name), join(aside, name))
  return aside
}

async function putPrivate(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  await chmod(to, 0o600)
  await syncFile(to)
}
