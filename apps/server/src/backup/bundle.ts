import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

import { OperatorError } from '../platform/operator-error.ts'

/** A backup cannot be made, or cannot be put back. The message says why and what to do. */
export class BackupRefused extends OperatorError {
  override readonly name = 'BackupRefused'
}

/** Where things lie in the directory of a backup. */
export function placesIn(directory: string) {
  return {
    manifest: join(directory, 'manifest.json'),
    store: join(directory, 'inbox-hub.db'),
    files: join(directory, 'files'),
  }
}

const hash = z.string().regex(/^[\da-f]{64}$/)
const count = z.int().min(0)

/** What a backup says of itself. Written last: a directory without one is no backup. */
const manifestSchema = z.object({
  format: z.literal(1),
  /** The hub that made it. */
  version: z.string(),
  /** ISO 8601. */
  madeAt: z.iso.datetime(),
  /** `schema`: the last migration that ran on it. */
  store: z.object({ bytes: count, sha256: hash, schema: z.string() }),
  /** Which master key opens it, by its name, and whether the key is in the backup. */
  masterKey: z.object({ id: z.string(), included: z.boolean() }),
  /** Null: files were left out. `missing`: hashes of those that the hub itself had not any more. */
  files: z.object({ count, bytes: count, missing: z.array(hash) }).nullable(),
})
export type Manifest = z.infer<typeof manifestSchema>

/** How far it is, for who waits. */
export type Progress = (step: { doing: 'store' | 'files'; done: number; of: number }) => void

/** Throws `BackupRefused` when `directory` holds no backup that this release knows. */
export async function readManifest(directory: string): Promise<Manifest> {
  const { manifest } = placesIn(directory)
  let text: string
  try {
    text = await readFile(manifest, 'utf8')
  } catch (cause) {
    throw new BackupRefused(
      `There is no backup in ${directory}: manifest.json cannot be read. Give the directory that "inbox-hub backup" made; one whose name ends in "unfinished" was interrupted.`,
      { cause },
    )
  }
  const parsed = manifestSchema.safeParse(jsonIn(text))
  if (parsed.success) return parsed.data
  throw new BackupRefused(
    `${manifest} is damaged, or of another release. Restore it with the release that made the backup, or take another backup.`,
    { cause: parsed.error },
  )
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** SHA-256, hex. */
export async function hashOfFile(path: string): Promise<string> {
  const sum = createHash('sha256')
  for await (const chunk of createReadStream(path)) sum.update(chunk as Buffer) // a stream without encoding
  return sum.digest('hex')
}

/** Has what was written to `path` on the disk. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

/** The store of a backup, read only. Nothing else has it open, and it keeps no log beside it. */
export class StoreCopy implements Disposable {
  readonly #database: DatabaseSync

  constructor(directory: string) {
    this.#database = new DatabaseSync(placesIn(directory).store, { readOnly: true })
  }

  /** What SQLite finds wrong with it; undefined when it is sound. */
  damage(): string | undefined {
    const found = String(this.#database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'])
    return found === 'ok' ? undefined : found
  }

  /** The last migration that ran on it. */
  schema(): string {
    return String(this.#database.prepare('SELECT max(name) AS name FROM migration').get()?.['name'])
  }

  /** The root key as it is stored, sealed under the master key; undefined in a store that no hub served from. */
  rootKey(): string | undefined {
    const value = this.#database.prepare(`SELECT value FROM setting WHERE name = 'root_key'`).get()?.['value']
    return value === undefined ? undefined : String(value)
  }

  /** The files it knows, each once. */
  files(): { hash: string; size: number }[] {
    return this.#database
      .prepare('SELECT DISTINCT hash, size FROM media ORDER BY hash')
      .all()
      .map(({ hash, size }) => ({ hash: String(hash), size: Number(size) }))
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
