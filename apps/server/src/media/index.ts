/**
 * Files that messages carry: uploaded, imported, kept once however often they come, given out again. The bytes are in a `Blobs`, what is
 * known about them in the database (migration 0007).
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

import { HubError, maxBase64Bytes, type MediaKind } from '@inbox-hub/contract'

import {
  BlobMissing,
  type Blobs,
  BlobsUnavailable,
  type ByteRange,
  type Draft,
  DraftTooLarge,
  openBlobs,
  type S3Settings,
  sweepDrafts,
  writeDraft,
} from '../platform/blobs/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers, type Tx } from '../platform/database/index.ts'
import { type GuardedFetch, OutboundError } from '../platform/guarded-fetch/index.ts'
import type { FormRequest } from '../platform/http/index.ts'
import { keepHouse, type Turn } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { decodeBase64 } from './base64.ts'
import {
  type ConversionSettings,
  createConverter,
  type SourceFile,
  sweepConversions,
} from './conversion/index.ts'
import { cleanFileName, fileNameOfUrl } from './file-name.ts'
import { createLinks, type Links } from './links.ts'
import {
  checkBlobAt,
  forgetUse,
  insertMedia,
  mediaById,
  type MediaRow,
  type MediaSource,
  noteUse,
  openUsage,
  reserveBlob,
  takeRoom,
} from './media-rows.ts'
import { searchable } from './media-list.ts'
import { formBytes, fromClient, readForm } from './multipart.ts'
import { createRenditions, type Renditions } from './renditions.ts'
import { canBe, cleanType, kindOf, mediaTypeOf } from './sniff.ts'
import { forgetMedia, sweepMedia } from './sweep.ts'
import { verified } from './verified.ts'

export { createMessageLinks, type MessageLinks } from './message-links.ts'
export { createMediaHost, type MediaHost } from './receiving/media-host.ts'
export { type ArrivedFile, createMessageFiles, type MessageFiles } from './receiving/message-files.ts'
export type { DownloadPolicy } from './receiving/policy.ts'
export { messageFileRoutes } from './receiving/routes.ts'
export { mediaRoutes } from './routes.ts'
export type { MediaRow } from './media-rows.ts'
export { findPrograms } from './conversion/programs.ts'
export type { Rendition } from './renditions.ts'

/** What the operator set. */
export interface MediaSettings {
  /** Undefined = on the disk, in the data directory. */
  readonly s3: S3Settings | undefined
  /** The most bytes of one file. */
  readonly maxBytes: number
  /** The most bytes of all files of an owner; undefined = without limit. */
  readonly quotaBytes: number | undefined
  /** How long a file that nobody uses is kept, ms; undefined = for good. */
  readonly retentionMs: number | undefined
  /** How long a signed link works, ms. */
  readonly linkMs: number
  /** What makes of files what phones play. */
  readonly conversion: ConversionSettings
}

/** What is said about a file by whoever gives it. */
export interface NewMedia {
  readonly ownerId: number
  /** Undefined = of no session. */
  readonly sessionId?: number | undefined
  readonly source: MediaSource
  readonly fileName?: string | undefined
  readonly declaredType?: string | undefined
  /** Undefined = what its bytes say. */
  readonly kind?: MediaKind | undefined
  /** What is stored with it, in the same transaction. */
  readonly also?: ((tx: Tx, media: MediaRow) => Promise<void>) | undefined
}

/** A file that came in a form. */
export interface ReceivedForm {
  readonly draft: Draft
  /** '' when it has none. */
  readonly fileName: string
  readonly contentType: string
  readonly fields: Readonly<Record<string, string>>
}

export interface Media extends AsyncDisposable {
  readonly settings: MediaSettings
  readonly links: Links
  /** Throws FILE_TOO_LARGE when a file of so many bytes is not taken. */
  checkSize(bytes: number): void
  /** Writes what arrives to the disk, checking its size on the way. Throws FILE_TOO_LARGE, FILE_EMPTY, MEDIA_STORE_UNAVAILABLE. */
  receive(
    bytes: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal | undefined; announced?: number | undefined },
  ): Promise<Draft>
  /** The file of a form with its fields, while it arrives. Throws VALIDATION_ERROR for what is no such form, and what `receive` throws. */
  receiveForm(form: FormRequest): Promise<ReceivedForm>
  /** A file in base64, also as a data URL; undefined when the text is none. Throws what `receive` throws. */
  receiveBase64(
    text: string,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<{ draft: Draft; type: string | undefined } | undefined>
  /** Makes a file of a draft, which is used up. Throws FILE_TYPE_MISMATCH, MEDIA_QUOTA_EXCEEDED, MEDIA_STORE_UNAVAILABLE. */
  keep(draft: Draft, facts: NewMedia): Promise<MediaRow>
  /** Fetches a file from an address that somebody else chose. Throws MEDIA_URL_REFUSED, MEDIA_URL_FAILED and what `receive` throws. */
  fetch(
    url: string,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number },
  ): Promise<{ draft: Draft; fileName: string | undefined; declaredType: string | undefined }>
  /** Fetches and keeps it. Throws what `fetch` and `keep` throw. */
  importUrl(
    url: string,
    facts: Omit<NewMedia, 'source'>,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number },
  ): Promise<MediaRow>
  /** An owner's file. Throws MEDIA_NOT_FOUND, also for the file of another. */
  find(ownerId: number, id: string): Promise<MediaRow>
  /** A file whoever's it is, for one who holds a signed link. */
  findLinked(id: string): Promise<MediaRow>
  /**
   * Its bytes. Read from end to end they are checked: what was damaged ends in an error before its last chunk. Throws MEDIA_DAMAGED,
   * MEDIA_STORE_UNAVAILABLE.
   */
  open(
    media: MediaRow,
    options?: { range?: ByteRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<Readable>
  remove(media: MediaRow): Promise<void>
  /** What files become when they are sent. */
  readonly renditions: Renditions
  /** The same within a transaction of somebody else's; nothing happens when it is gone already. */
  letGo(tx: Tx, id: string): Promise<void>
  /** The square JPEG that a picture becomes when somebody shows it of themselves. The draft is used up. Throws what `Converter.prepare` throws. */
  profilePicture(draft: Draft, declaredType: string | undefined, signal: AbortSignal): Promise<Buffer>
  /** The small JPEG that a message shows of a picture; undefined when there is no ffmpeg to make it. The draft is used up. Throws the same. */
  thumbnail(draft: Draft, declaredType: string | undefined, signal: AbortSignal): Promise<Buffer | undefined>
  /** When retention takes it, unless it is used again, Unix ms; undefined = never. */
  expiryOf(media: MediaRow): number | undefined
  /** Has the files of a session that is purged go with the next sweeps. */
  forgetSession(tx: Tx, sessionId: number): Promise<void>
  /** Has files go with the next sweeps, whoever's they are. */
  forgetFiles(tx: Tx, ids: readonly string[]): Promise<void>
  /** Why the store of the bytes does not work, and what to do; undefined when it does. Answers within seconds. */
  fault(): Promise<{ message: string; remedy: string } | undefined>
  /** Removes what is too old and what nothing uses, now. Runs by itself every hour. */
  sweep(): Promise<void>
}

export interface MediaDeps {
  database: Database
  dataDir: string
  settings: MediaSettings
  outbound: Pick<GuardedFetch, 'download'>
  secrets: Pick<Secrets, 'derive'>
  clock: Clock
  log: Log
  /** For tests. */
  blobs?: Blobs
}

const sweepEveryMs = 3_600_000
/** `used_at` is exact to this, so that reading does not write. */
const usedToMs = 3_600_000
/** How long a file may take from being reserved to being there, ms. */
const reservationMs = 3_600_000
/** A draft that old has nobody who writes it. */
const abandonedMs = 86_400_000
/** A store that does not answer for so long does not work, ms. */
const probeLimitMs = 3_000
/** What an import may take in all, ms. */
const importTimeoutMs = 60_000
/** A file of the same content may be on its way out: so often, and so long apart, its removal is waited for. */
const removalTries = 20
const removalWaitMs = 100

export function createMedia({
  database,
  dataDir,
  settings,
  outbound,
  secrets,
  clock,
  log,
  blobs = openBlobs({ directory: join(dataDir, 'media', 'files'), s3: settings.s3, clock }),
}: MediaDeps): Media {
  // On the disk of the files, which a rename cannot leave.
  const drafts = join(dataDir, 'media', 'drafts')
  const conversions = join(dataDir, 'media', 'conversions')
  const { maxBytes, quotaBytes, retentionMs } = settings
  const stopping = new AbortController()

  // The directory is this process's own: what is in it now, one that was killed left there.
  const atStart = sweepDrafts(drafts, Date.now(), stopping.signal).catch((error: unknown) =>
    log.warn({ error }, 'files left half written could not be removed'),
  )
  const house = keepHouse({ what: 'old files', everyMs: sweepEveryMs, work: sweep, clock, log })
  async function sweep({ now, stop }: Turn): Promise<void> {
    // 1: those of purged sessions, which were last used in 1970.
    const unusedSince = retentionMs === undefined ? 1 : now - retentionMs
    await sweepMedia({ database, blobs }, { now, unusedSince, stop })
    await sweepDrafts(drafts, now - abandonedMs, stop)
    await sweepConversions(conversions, now)
  }

  const tooLarge = (cause?: unknown) => new HubError('FILE_TOO_LARGE', { maxBytes }, { cause })

  /** Has the blob stay for an hour, waiting for one of the same content that is just being removed. */
  async function reserve({ hash, size }: Draft): Promise<void> {
    for (let tries = 1; ; tries++) {
      const until = clock.now() + reservationMs
      if ((await database.write((tx) => reserveBlob.run(tx, { hash, size, until }))) > 0) return
      if (tries === removalTries) {
        throw new HubError('MEDIA_STORE_UNAVAILABLE', {}, { retryAfterMs: 5000 })
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      using _timer = clock.after(removalWaitMs, resolve)
      await promise
    }
  }

  async function insert(row: Omit<MediaRow, 'seq'>, also: NewMedia['also']): Promise<MediaRow> {
    const { owner_id: ownerId, size: bytes, hash } = row
    return await database.write(async (tx) => {
      await openUsage.run(tx, { ownerId })
      const most = (quotaBytes ?? Number.MAX_SAFE_INTEGER) - bytes
      if ((await takeRoom.run(tx, { ownerId, bytes, most })) === 0) {
        throw new HubError(
          'MEDIA_QUOTA_EXCEEDED',
          {},
          { values: { quotaMiB: Math.floor((quotaBytes ?? 0) / 1024 / 1024) } },
        )
      }
      // Took longer than it was reserved for, and is gone.
      if ((await checkBlobAt.run(tx, { hash, at: clock.now() + reservationMs })) === 0)
        throw new HubError('MEDIA_STORE_UNAVAILABLE', {}, { retryAfterMs: 5000 })
      const [seq = 0] = await nextIntegers(tx, 'media', 1)
      const stored = { ...row, seq }
      await insertMedia.run(tx, [stored])
      await also?.(tx, stored)
      return stored
    })
  }

  const converter = createConverter({
    directory: conversions,
    settings: settings.conversion,
    maxBytes,
    clock,
    log,
  })
  const media: Media = {
    settings,
    // Each asks for the other when it is called.
    renditions: createRenditions({
      database,
      media: {
        open: (row, options) => media.open(row, options),
        receive: (bytes, options) => media.receive(bytes, options),
        keep: (draft, facts) => media.keep(draft, facts),
      },
      converter,
    }),
    links: createLinks(secrets.derive('media links')),

    async profilePicture(draft, declaredType, signal) {
      await using used = draft
      await using made = await converter.profilePicture(sourceOf(used, declaredType), { signal })
      return await readFile(made.path ?? used.path)
    },

    async thumbnail(draft, declaredType, signal) {
      await using used = draft
      return await converter.thumbnail(sourceOf(used, declaredType), { signal })
    },

    checkSize(bytes) {
      if (bytes > maxBytes) throw tooLarge()
    },

    async receive(bytes, { signal, announced = 0 } = {}) {
      media.checkSize(announced)
      let draft: Draft
      try {
        draft = await writeDraft(bytes, { directory: drafts, maxBytes, signal })
      } catch (error) {
        if (error instanceof DraftTooLarge) throw tooLarge(error)
        throw storeFailure(error)
      }
      if (draft.size > 0) return draft
      await draft[Symbol.asyncDispose]()
      throw new HubError('FILE_EMPTY')
    },

    async receiveForm({ bytes, contentType, contentLength, language, signal }) {
      // The form around the file is small: a body larger than both holds a file that is too large.
      media.checkSize(contentLength === undefined ? 0 : contentLength - formBytes)
      let part = { fileName: '', contentType: '' }
      const { file: draft, fields } = await fromClient(
        readForm(bytes, contentType, language, async (found) => {
          part = found
          return await media.receive(found.bytes, { signal })
        }),
      )
      return { draft, fileName: part.fileName, contentType: part.contentType, fields }
    },

    async receiveBase64(text, { signal } = {}) {
      const decoded = decodeBase64(text)
      if (decoded === undefined) return undefined
      if (decoded.size > maxBase64Bytes) throw new HubError('FILE_TOO_LARGE', { maxBytes: maxBase64Bytes })
      const draft = await media.receive(decoded.bytes(), { signal, announced: decoded.size })
      return { draft, type: decoded.type }
    },

    async keep(draft, { ownerId, sessionId, source, fileName = '', declaredType, kind, also }) {
      await using used = draft
      const declared = cleanType(declaredType)
      const mimetype = mediaTypeOf(used.head, declared)
      if (kind !== undefined && !canBe(kind, mimetype))
        throw new HubError('FILE_TYPE_MISMATCH', { found: mimetype, type: kind })
      const name = cleanFileName(fileName)
      const now = clock.now()
      await reserve(used)
      try {
        await blobs.keep(used)
      } catch (error) {
        throw storeFailure(error)
      }
      const row: Omit<MediaRow, 'seq'> = {
        id: randomBytes(16).toString('base64url'),
        owner_id: ownerId,
        session_id: sessionId ?? null,
        hash: used.hash,
        size: used.size,
        kind: kind ?? kindOf(mimetype),
        mimetype,
        declared_type: declared ?? null,
        file_name: name,
        search: searchable(name),
        source,
        created_at: now,
        used_at: now,
        keep: 0,
      }
      return await insert(row, also)
    },

    async fetch(url, { signal, timeoutMs = importTimeoutMs } = {}) {
      try {
        return await outbound.download(url, { maxBytes, timeoutMs, signal }, async (answer) => {
          const type = answer.headers['content-type']
          return {
            declaredType: typeof type === 'string' ? type : undefined,
            fileName: fileNameOfUrl(answer.url),
            draft: await media.receive(answer.bytes, { signal }),
          }
        })
      } catch (error) {
        if (!(error instanceof OutboundError)) throw error
        if (error.because === 'too_large') throw tooLarge(error)
        const code = error.because === 'forbidden' ? 'MEDIA_URL_REFUSED' : 'MEDIA_URL_FAILED'
        throw new HubError(code, { reason: error.message }, { cause: error })
      }
    },

    async importUrl(url, facts, options) {
      const { draft, ...found } = await media.fetch(url, options)
      const fileName = facts.fileName ?? found.fileName
      const declaredType = facts.declaredType ?? found.declaredType
      return await media.keep(draft, { ...facts, fileName, declaredType, source: 'url' })
    },

    async find(ownerId, id) {
      const row = await mediaById.first(database, { id })
      if (row === undefined || row.owner_id !== ownerId) throw new HubError('MEDIA_NOT_FOUND')
      return row
    },

    async findLinked(id) {
      const row = await mediaById.first(database, { id })
      if (row === undefined) throw new HubError('MEDIA_NOT_FOUND')
      return row
    },

    async open(row, { range, signal } = {}) {
      const damaged = (cause?: unknown) => new HubError('MEDIA_DAMAGED', {}, { cause })
      let bytes: Readable
      try {
        bytes = await blobs.open(row.hash, { size: row.size, range, signal })
      } catch (error) {
        throw error instanceof BlobMissing ? damaged(error) : storeFailure(error)
      }
      const now = clock.now()
      if (row.used_at < now - usedToMs) {
        await database
          .write((tx) => noteUse.run(tx, { id: row.id, at: now }))
          .catch((error: unknown) => log.warn({ error, mediaId: row.id }, 'use of a file not noted'))
      }
      if (range !== undefined) return bytes
      return verified(bytes, row.hash, () => {
        log.error({ mediaId: row.id }, 'a file in the media store is damaged')
        return damaged()
      })
    },

    async remove(row) {
      const removed = await database.write((tx) => forgetMedia(tx, row, clock.now()))
      if (!removed) throw new HubError('MEDIA_NOT_FOUND')
    },

    async letGo(tx, id) {
      const row = await mediaById.first(tx, { id })
      if (row !== undefined) await forgetMedia(tx, row, clock.now())
    },

    expiryOf: ({ used_at: usedAt, keep }) =>
      retentionMs === undefined || keep === 1 ? undefined : usedAt + retentionMs,

    async forgetSession(tx, sessionId) {
      await tx.db
        .updateTable('media')
        .set({ used_at: 0, keep: 0 })
        .where('session_id', '=', sessionId)
        .execute()
    },

    async forgetFiles(tx, ids) {
      await forgetUse.runMany(
        tx,
        ids.map((id) => ({ id })),
      )
    },

    async fault() {
      const late = Promise.withResolvers<never>()
      using _timer = clock.after(probeLimitMs, () =>
        late.reject(
          new BlobsUnavailable(
            'The media store does not answer.',
            blobs.kind === 's3'
              ? 'Check S3_ENDPOINT, and the S3 server.'
              : 'Check the disk of the data directory.',
          ),
        ),
      )
      try {
        await Promise.race([blobs.probe(), late.promise])
        return undefined
      } catch (error) {
        if (error instanceof BlobsUnavailable) return { message: error.message, remedy: error.remedy }
        throw error
      }
    },
    sweep: () => sweep({ now: clock.now(), stop: stopping.signal }),

    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all([atStart, house[Symbol.asyncDispose]()])
      await blobs[Symbol.asyncDispose]()
    },
  }
  return media
}

function sourceOf({ path, size, head }: Draft, declaredType: string | undefined): SourceFile {
  return { path, size, mimetype: mediaTypeOf(head, cleanType(declaredType)) }
}

function storeFailure(error: unknown): unknown {
  return error instanceof BlobsUnavailable
    ? new HubError('MEDIA_STORE_UNAVAILABLE', {}, { cause: error, retryAfterMs: 5000 })
    : error
}
