import { hash } from 'node:crypto'

import type { AuthenticationCreds } from './baileys.ts'
import { proto } from './baileys.ts'

import type { Lease } from '../../cluster/index.ts'
import type { Database, Tx } from '../../platform/database/index.ts'
import { statement } from '../../platform/database/index.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import type { CommitQueue } from './commit-queue.ts'
import './tables.ts'
import { decodeJson, encodeJson } from './signal/value-codecs.ts'

/** What a session's credentials amount to. */
export type CredentialsKind =
  | 'none'
  /** A pairing began and never completed; the next dial starts from a new identity. */
  | 'unpaired'
  /** Linked to a phone: the next dial logs in. */
  | 'linked'

/** How long a copy of erased credentials is kept. */
export const ARCHIVE_KEPT_MS = 7 * 24 * 60 * 60_000

/** baileys appends to this list for ever and sends it nowhere. */
const PROCESSED_HISTORY_KEPT = 100

const readSealed = statement((db, p: { sessionId: number }) =>
  db.selectFrom('session_credentials').select('sealed').where('session_id', '=', p.sessionId),
)
const storeSealed = statement((db, p: { sessionId: number; sealed: Uint8Array; now: number }) =>
  db
    .insertInto('session_credentials')
    .values({ session_id: p.sessionId, sealed: p.sealed, updated_at: p.now })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({
        sealed: eb.ref('excluded.sealed'),
        updated_at: eb.ref('excluded.updated_at'),
      })),
    ),
)
const archiveSealed = statement(
  (db, p: { sessionId: number; now: number; cause: string; sealed: Uint8Array }) =>
    db
      .insertInto('session_credentials_archive')
      .values({ session_id: p.sessionId, archived_at: p.now, cause: p.cause, sealed: p.sealed })
      .onConflict((conflict) => conflict.columns(['session_id', 'archived_at']).doNothing()),
)
const eraseSealed = statement((db, p: { sessionId: number }) =>
  db.deleteFrom('session_credentials').where('session_id', '=', p.sessionId),
)
const eraseKeys = statement((db, p: { sessionId: number }) =>
  db.deleteFrom('signal_key').where('session_id', '=', p.sessionId),
)
const forgetArchive = statement((db, p: { before: number }) =>
  db.deleteFrom('session_credentials_archive').where('archived_at', '<', p.before),
)

const contextOf = (sessionId: number): string => `${sessionId}|session_credentials|creds`

/** What the store holds, and what it holds it as: the digest of the bytes. */
export interface StoredCredentials {
  creds: AuthenticationCreds
  digest: string
}

/** The stored credentials; undefined when there are none. Throws when they cannot be read, which is never taken for "none". */
export async function readCredentials(
  database: Database,
  sessionId: number,
  sealer: Sealer,
): Promise<StoredCredentials | undefined> {
  const row = await readSealed.first(database, { sessionId })
  if (row === undefined) return undefined
  const bytes = Buffer.from(sealer.open(row.sealed, contextOf(sessionId)))
  // Written by encodeCredentials from an AuthenticationCreds, and sealed since.
  return { creds: decodeJson(bytes.toString('utf8')) as AuthenticationCreds, digest: digestOf(bytes) }
}

/**
 * `registered` is false for QR logins all their life (only the code flow sets it), and `me` is set before a pairing
 * code is accepted: only both `me` and `account` mean that the phone agreed.
 */
export function credentialsKindOf(creds: AuthenticationCreds | undefined): CredentialsKind {
  if (creds?.me?.id === undefined) return 'none'
  return creds.account === undefined ? 'unpaired' : 'linked'
}

/** Moves the credentials to the archive and erases the session's Signal keys, in the caller's transaction. */
export async function eraseCredentials(
  tx: Tx,
  { sessionId, cause, now }: { sessionId: number; cause: string; now: number },
): Promise<void> {
  const row = await readSealed.first(tx, { sessionId })
  if (row !== undefined) await archiveSealed.run(tx, { sessionId, now, cause, sealed: row.sealed })
  await eraseSealed.run(tx, { sessionId })
  await eraseKeys.run(tx, { sessionId })
}

export async function sweepArchive(database: Database, now: number): Promise<void> {
  await database.write((tx) => forgetArchive.run(tx, { before: now - ARCHIVE_KEPT_MS }))
}

export function encodeCredentials(creds: AuthenticationCreds): Buffer {
  creds.processedHistoryMessages = creds.processedHistoryMessages.slice(-PROCESSED_HISTORY_KEPT)
  const { account, ...rest } = creds
  const plainAccount =
    account === undefined ? undefined : proto.ADVSignedDeviceIdentity.toObject(asMessage(account))
  return Buffer.from(encodeJson({ ...rest, account: plainAccount }), 'utf8')
}

function asMessage(account: proto.IADVSignedDeviceIdentity): proto.ADVSignedDeviceIdentity {
  return proto.ADVSignedDeviceIdentity.fromObject(account)
}

/**
 * Writes one socket's credentials whenever baileys says they changed: the whole object, serialised at that moment (it is
 * changed in place), in order, the last one winning. Nothing is stored before the phone has agreed to the pairing, so an
 * abandoned pairing leaves nothing behind.
 */
export class CredentialsWriter {
  readonly #creds: AuthenticationCreds
  readonly #lease: Lease
  readonly #sealer: Sealer
  readonly #commits: CommitQueue
  readonly #now: () => number
  readonly #onFault: (error: unknown) => void
  /** Of what the store holds of this identity; undefined while it holds nothing. */
  #stored: string | undefined
  #latest: Buffer | undefined
  #writing: Promise<void> | undefined

  constructor(deps: {
    creds: AuthenticationCreds
    /** The digest of what is stored; undefined when the identity is new: its first write erases what a former one left. */
    stored: string | undefined
    lease: Lease
    sealer: Sealer
    commits: CommitQueue
    now: () => number
    onFault: (error: unknown) => void
  }) {
    this.#creds = deps.creds
    this.#stored = deps.stored
    this.#lease = deps.lease
    this.#sealer = deps.sealer
    this.#commits = deps.commits
    this.#now = deps.now
    this.#onFault = deps.onFault
  }

  /** Takes the credentials as they are now. */
  changed(): void {
    if (credentialsKindOf(this.#creds) !== 'linked') return
    const bytes = encodeCredentials(this.#creds)
    // baileys says so at each login, when nothing did.
    if (this.#writing === undefined && digestOf(bytes) === this.#stored) return
    this.#latest = bytes
    if (this.#writing !== undefined) return
    this.#writing = this.#write()
    // Whoever waits for it is told by durable(); the fault itself was told by #write.
    this.#writing.catch(() => {})
  }

  /** Resolves when everything taken so far is durable; rejects with what the store threw. */
  async durable(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    // After the caller's turn: baileys often changes several fields in a row.
    await Promise.resolve()
    const { sessionId } = this.#lease
    try {
      for (let bytes = this.#latest; bytes !== undefined; bytes = this.#latest) {
        this.#latest = undefined
        const sealed = this.#sealer.seal(bytes, contextOf(sessionId))
        const now = this.#now()
        const isFirst = this.#stored === undefined
        await this.#commits.commit({
          lease: this.#lease,
          puts: [],
          deletes: [],
          rows: [],
          facts: [],
          also: async (tx) => {
            if (isFirst) await eraseCredentials(tx, { sessionId, cause: 'replaced', now })
            await storeSealed.run(tx, { sessionId, sealed, now })
          },
        })
        this.#stored = digestOf(bytes)
      }
      this.#writing = undefined
    } catch (error) {
      this.#onFault(error)
      throw error
    }
  }
}

/** Of credentials: compared instead of kept, which would be 3 kB of secrets per session. */
const digestOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'base64')
