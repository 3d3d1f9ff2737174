/** Secrets at rest: a data key per session, wrapped under the master key, which is in the environment or in a file beside the data. */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'

import { type Database, statement, type StatementTarget, type Tx } from '../database/index.ts'
import type { Log } from '../log.ts'
import { createKeyFile, MasterKeyRefused, masterKeyFile, readKeyFile } from './master-key.ts'
import { keyIdIn, keyIdOf, keyLength, type Sealer, SealBroken, sealerOf } from './sealer.ts'

export {
  MasterKeyRefused,
  masterKeyFile,
  newMasterKey,
  parseKey,
  readKeyFile,
  replaceKeyFile,
} from './master-key.ts'
export { keyIdIn, keyIdOf, type Sealer, SealBroken } from './sealer.ts'

export interface Secrets {
  /** Names the current master key, the one that seals what is sealed from now on; safe to log. */
  readonly keyId: string
  /** The master key that the root key is sealed under: another than the current one while a rotation is not at its end. */
  readonly rootKeyId: string
  /**
   * Looks whether the key file has a new current key beside the one in use, and goes over to it: answers true then. Keys that were known
   * stay known. Nothing happens while the keys are those of the environment.
   */
  reload(): boolean
  /** Seals the root key under the current master key: the last step of a rotation. */
  rewrapRoot(tx: Tx): Promise<void>
  /** A new data key: `wrapped` is what to store, `sealer` what to use. */
  createDataKey(): { wrapped: Uint8Array; sealer: Sealer }
  /** The sealer of a stored data key. Throws `SealBroken` when it is of another master key. Keep it: opening costs, using does not. */
  openDataKey(wrapped: Uint8Array): Sealer
  /** The data key wrapped under the current master key; undefined when it already is. For rotation: store the answer. */
  rewrap(wrapped: Uint8Array): Uint8Array | undefined
  /** A key of 32 bytes for one purpose, the same on every node and after every rotation: the pepper of API keys, tokens between nodes. */
  derive(purpose: string): KeyObject
  /** Seals under such a key: for what is nobody's session. */
  sealer(purpose: string): Sealer
}

declare module '../database/index.ts' {
  interface Tables {
    setting: { name: string; value: string }
  }
}

const rootName = 'root_key'
const readRoot = statement((db, p: { name: string }) =>
  db.selectFrom('setting').select('value').where('name', '=', p.name),
)
const storeRoot = statement((db, p: { name: string; value: string }) =>
  db
    .insertInto('setting')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) => conflict.column('name').doNothing()),
)
const replaceRoot = statement((db, p: { name: string; value: string }) =>
  db.updateTable('setting').set({ value: p.value }).where('name', '=', p.name),
)

const wrapContext = 'data key'
const rootContext = 'root key'

/**
 * Finds the master key and proves that it is the one this database was sealed under. `masterKeys` are those of INBOX_HUB_MASTER_KEY,
 * the current one first, older ones after it while a rotation lasts; undefined = the file in `dataDir`, made on the first start.
 * Throws `MasterKeyRefused` otherwise.
 */
export async function createSecrets({
  database,
  dataDir,
  masterKeys,
  log,
}: {
  database: Database
  dataDir: string
  masterKeys: readonly Uint8Array[] | undefined
  log: Log
}): Promise<Secrets> {
  const stored = (await readRoot.first(database, { name: rootName }))?.value
  const keys = masterKeys ?? keysInDataDir(dataDir, { isNew: stored === undefined, log })
  const [first] = keys
  if (first === undefined)
    throw new MasterKeyRefused('INBOX_HUB_MASTER_KEY is empty. Unset it, or give 32 bytes as base64 or hex.')
  const sealers = new Map(keys.map((key) => [keyIdOf(key), sealerOf(key)]))
  let wrapping = sealerOf(first)
  let keyId = keyIdOf(first)
  const fromFile = masterKeys === undefined
  const { root, sealedBy } = await rootKey({ database, stored, sealers, wrapping, fromFile, dataDir })
  let rootKeyId = sealedBy

  function unwrap(wrapped: Uint8Array): Uint8Array {
    const sealedBy = keyIdIn(wrapped)
    const sealer = sealedBy === undefined ? undefined : sealers.get(sealedBy)
    if (sealer === undefined)
      throw new SealBroken(`Wrapped under master key ${sealedBy ?? '?'}, which is not given.`)
    return sealer.open(wrapped, wrapContext)
  }

  const derived = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', root, '', purpose, keyLength))

  return {
    get keyId() {
      return keyId
    },
    get rootKeyId() {
      return rootKeyId
    },
    reload() {
      const found = fromFile ? readKeyFile(dataDir, log) : undefined
      if (found === undefined || keyIdOf(found[0]) === keyId) return false
      // A file without the key in use is of another store, or half a rotation: nothing must be sealed under it.
      if (!found.some((key) => keyIdOf(key) === keyId)) return false
      for (const key of found) sealers.set(keyIdOf(key), sealerOf(key))
      wrapping = sealerOf(found[0])
      keyId = keyIdOf(found[0])
      return true
    },
    async rewrapRoot(tx) {
      const value = toText(wrapping.seal(root, rootContext))
      const sealedBy = keyId
      await replaceRoot.run(tx, { name: rootName, value })
      tx.afterCommit(() => (rootKeyId = sealedBy))
    },
    createDataKey() {
      const key = randomBytes(keyLength)
      return { wrapped: wrapping.seal(key, wrapContext), sealer: sealerOf(key) }
    },
    openDataKey: (wrapped) => sealerOf(unwrap(wrapped)),
    rewrap: (wrapped) =>
      keyIdIn(wrapped) === keyId ? undefined : wrapping.seal(unwrap(wrapped), wrapContext),
    derive: (purpose) => createSecretKey(derived(purpose)),
    sealer: (purpose) => sealerOf(derived(purpose)),
  }
}

function keysInDataDir(dataDir: string, { isNew, log }: { isNew: boolean; log: Log }): readonly Uint8Array[] {
  const found = readKeyFile(dataDir, log)
  if (found !== undefined) return found
  if (!isNew) {
    throw new MasterKeyRefused(
      `The database is sealed under a master key, and ${masterKeyFile(dataDir)} is missing. Restore that file from the backup, or give the key in INBOX_HUB_MASTER_KEY. Without it the linked sessions cannot be opened again.`,
    )
  }
  const key = createKeyFile(dataDir, log)
  log.info({ keyId: keyIdOf(key), path: masterKeyFile(dataDir) }, 'master key made; back it up with the data')
  return [key]
}

/** The key all derived ones come from, made on the first start. Being sealed, it also proves that the master key is the right one. */
async function rootKey({
  database,
  stored,
  sealers,
  wrapping,
  fromFile,
  dataDir,
}: {
  database: Database
  stored: string | undefined
  sealers: ReadonlyMap<string, Sealer>
  wrapping: Sealer
  fromFile: boolean
  dataDir: string
}): Promise<{ root: Uint8Array; sealedBy: string }> {
  let value = stored
  if (value === undefined) {
    const made = wrapping.seal(randomBytes(keyLength), rootContext)
    // Two nodes may start together on one database: the first one's stands.
    await database.write((tx) => storeRoot.run(tx, { name: rootName, value: toText(made) }))
    value = (await readRoot.first(database, { name: rootName }))?.value ?? toText(made)
  }
  const sealedBy = rootSealedBy(value)
  const sealer = sealers.get(sealedBy)
  if (sealer === undefined) {
    const given = fromFile ? `the one in ${masterKeyFile(dataDir)}` : 'the one in INBOX_HUB_MASTER_KEY'
    throw new MasterKeyRefused(
      `The database was sealed under master key ${sealedBy}, and ${given} is ${[...sealers.keys()].join(', ')}. Give the key that belongs to this database (all nodes need the same), or point to the right database.`,
    )
  }
  return { root: sealer.open(fromText(value), rootContext), sealedBy }
}

/** The master key that the root key of a store is sealed under, by its name; undefined in a store that no hub served from. */
export async function storedRootKeyId(store: StatementTarget): Promise<string | undefined> {
  const root = await readRoot.first(store, { name: rootName })
  return root === undefined ? undefined : rootSealedBy(root.value)
}

/** The name of the master key that a root key is sealed under, as it is stored in a database that is not open. */
export function rootSealedBy(stored: string): string {
  return keyIdIn(fromText(stored)) ?? '?'
}

/** Whether `masterKey` is the one of that database. */
export function rootOpensWith(stored: string, masterKey: Uint8Array): boolean {
  try {
    sealerOf(masterKey).open(fromText(stored), rootContext)
    return true
  } catch {
    return false
  }
}

function toText(sealed: Uint8Array): string {
  return JSON.stringify(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length).toString('base64'))
}

function fromText(value: string): Uint8Array {
  return Buffer.from(String(JSON.parse(value)), 'base64')
}
