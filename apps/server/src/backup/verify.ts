import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'

import { blobPath } from '../platform/blobs/index.ts'
import { silentLog } from '../platform/log.ts'
import { readKeyFile, rootOpensWith } from '../platform/secrets/index.ts'
import { hashOfFile, type Manifest, placesIn, type Progress, readManifest, StoreCopy } from './bundle.ts'

/** What a look at everything in a backup found. No problems: it can be restored as it was made. */
export interface Verified {
  readonly manifest: Manifest
  readonly problems: readonly string[]
}

/** Reads all of a backup. Throws `BackupRefused` when there is none in `directory`. */
export async function verifyBackup(
  directory: string,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<Verified> {
  const root = resolve(directory)
  const places = placesIn(root)
  const manifest = await readManifest(root)
  const problems = await storeProblems(root, manifest)
  if (problems.length > 0 || manifest.files === null) return { manifest, problems }
  using store = new StoreCopy(root)
  const missing = new Set(manifest.files.missing)
  const wanted = store.files().filter(({ hash }) => !missing.has(hash))
  for (const [index, { hash }] of wanted.entries()) {
    signal.throwIfAborted()
    const found = await hashOfFile(blobPath(places.files, hash)).catch(() => undefined)
    if (found === undefined) problems.push(`The file ${hash} is missing.`)
    else if (found !== hash) problems.push(`The file ${hash} was changed.`)
    progress({ doing: 'files', done: index + 1, of: wanted.length })
  }
  return { manifest, problems }
}

/** What is wrong with the store and the key of a backup. */
export async function storeProblems(root: string, manifest: Manifest): Promise<string[]> {
  const { store: path } = placesIn(root)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return ['The store, inbox-hub.db, is missing.']
  if (found.size !== manifest.store.bytes || (await hashOfFile(path)) !== manifest.store.sha256)
    return ['The store, inbox-hub.db, was changed since the backup was made.']
  using store = new StoreCopy(root)
  const damage = store.damage()
  if (damage !== undefined) return [`The store is damaged: ${damage}.`]
  if (!manifest.masterKey.included) return []
  const keys = readKeyFile(root, silentLog) ?? []
  const value = store.rootKey()
  return value !== undefined && keys.some((key) => rootOpensWith(value, key))
    ? []
    : ['master.key is missing, or is not the key of this store.']
}
