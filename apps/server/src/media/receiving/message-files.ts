import { type EventData, type EventType, HubError } from '@inbox-hub/contract'
import { isGroup, type Jid, mediaOf, type MessageContent } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Events } from '../../events/index.ts'
import type { Draft } from '../../platform/blobs/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, statement, type Tx } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import type { Media } from '../index.ts'
import { mediaById, type MediaRow } from '../media-rows.ts'
import type { MessageLinks } from '../message-links.ts'
import { type FileFailure, type Outcome, standingAfter } from './download-outcome.ts'
import { createDownloadQueue } from './download-queue.ts'
import { fetchableOf, type FetchableFile, fetchFile, outcomeOfFailure } from './fetch-file.ts'
import type { MediaHost } from './media-host.ts'
import { askAgainMs, refusalOf } from './refusals.ts'
import { thumbnailIn } from './thumbnail.ts'
import {
  dropMessageFile,
  dueFiles,
  fileIsHere,
  fileOfMessage,
  insertMessageFiles,
  moveFile,
  nextDueFile,
  passFilesOn,
  passMediaOn,
  settleFile,
  shareMedia,
  thumbnailOfMessage,
  wantFile,
} from './message-file-rows.ts'
import { createPolicies, type Policies } from './policies.ts'
import { type DownloadPolicy, isFetchedByItself } from './policy.ts'

/** The files that messages lead to: fetched as they arrive or when they are asked for, and kept with the others. */
export interface MessageFiles extends AsyncDisposable {
  readonly policies: Policies
  readonly links: MessageLinks
  /** Files of messages that are just being stored, in that transaction. */
  arrived(tx: Tx, files: readonly ArrivedFile[]): Promise<void>
  /**
   * The file of a message, fetched if it is not here; waits for that at most `waitMs`.
   *
   * @throws {HubError} MEDIA_NOT_FOUND (no message, or no file in it), MEDIA_EXPIRED, MEDIA_REJECTED, FILE_TOO_LARGE,
   *   MEDIA_QUOTA_EXCEEDED, MEDIA_NOT_READY (with when to ask again)
   */
  ready(messageId: number, options: { waitMs: number; signal: AbortSignal }): Promise<MediaRow>
  /** The small JPEG that came in the message. */
  thumbnail(messageId: number): Promise<Uint8Array | undefined>
  /** The message is removed from the hub, and its file with it. */
  forget(tx: Tx, messageId: number): Promise<void>
  /** Messages go to another session of their owner, and their files with them. */
  move(tx: Tx, messageIds: readonly number[], sessions: { from: number; to: number }): Promise<void>
  /** Files under way. */
  backlog(): number
  /** Reads what was set. Once, before sessions connect. */
  start(): Promise<void>
}

export interface ArrivedFile {
  messageId: number
  sessionId: number
  content: MessageContent
  /** Whether it stands in a chat; what is kept for other pages (statuses) waits to be asked for. */
  shown: boolean
}

/** What a file needs of the message that leads to it. */
interface FileMessage {
  id: number
  session_id: number
  chat_jid: string
  sender_jid: string
  from_me: number
  whatsapp_id: string
  shown: number
  body: string
  content: string | null
}

export interface MessageFilesDeps {
  database: Database
  media: Pick<Media, 'receive' | 'keep' | 'settings' | 'letGo'>
  links: MessageLinks
  host: MediaHost
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'view' | 'link' | 'onOnline'>
  chats: Pick<Chats, 'addresses'>
  /** How messages are read and their events named: the messages module's, which is built on this one. */
  reading: {
    contentOf: (row: Pick<FileMessage, 'body' | 'content'>) => MessageContent
    eventId: (type: EventType, ...parts: readonly (string | number)[]) => string
  }
  /** For sessions that have none of their own. */
  policy: DownloadPolicy
  clock: Clock
  log: Log
  random?: () => number
}

/** `MEDIA_NOT_READY` says to come back after this at least. */
const soonMs = 5_000

const messageById = statement((db, p: { messageId: number }) =>
  db.selectFrom('message').selectAll().where('id', '=', p.messageId),
)
/** A file of the same session with these bytes: what was sent twice is fetched once. */
const sameFile = statement((db, p: { hash: string; sessionId: number }) =>
  db
    .selectFrom('media')
    .selectAll()
    .where('hash', '=', p.hash)
    .where('session_id', '=', p.sessionId)
    .limit(1),
)

export function createMessageFiles({
  database,
  media,
  links,
  host,
  events,
  sessions,
  chats,
  reading: { contentOf, eventId },
  policy: usual,
  clock,
  log,
  random = Math.random,
}: MessageFilesDeps): MessageFiles {
  const policies = createPolicies(database, usual)
  const stopping = new AbortController()
  const queue = createDownloadQueue({
    isOnline: (sessionId) => sessions.link(sessionId) !== undefined,
    async due(sessionId, limit) {
      const rows = await dueFiles.all(database, { sessionId, now: clock.now(), limit })
      return rows.map((row) => row.message_id)
    },
    nextDue: async (sessionId) => (await nextDueFile.first(database, { sessionId }))?.due_at ?? undefined,
    attempt,
    clock,
    log,
  })
  // Another process may have had the session, and left files to fetch.
  const online = sessions.onOnline((sessionId) => queue.wake(sessionId))

  async function attempt(messageId: number, sessionId: number, awaited: boolean): Promise<void> {
    const row = await fileOfMessage.first(database, { messageId })
    if (row === undefined || row.state !== 'wanted') return
    let outcome: Outcome
    try {
      outcome = await fetched(messageId, { sessionId, awaited, directPath: row.direct_path ?? undefined })
    } catch (error) {
      if (stopping.signal.aborted) return // It is still wanted; the next start goes on with it.
      log.error({ sessionId, error }, 'fetching a file failed in a way that has no name')
      outcome = { is: 'unreachable', detail: 'a fault of ours' }
    }
    if (outcome.is === 'here') return
    const now = clock.now()
    const standing = standingAfter(outcome, { attempts: row.attempts, now, chance: random() })
    if (outcome.is !== 'not_by_itself')
      log.info(
        { sessionId, dbId: messageId, reason: outcome.is, state: standing.state },
        'a file could not be fetched',
      )
    await database.write(async (tx) => {
      const changed = await settleFile.run(tx, {
        messageId,
        state: standing.state,
        attempts: standing.state === 'wanted' ? standing.attempts : 0,
        dueAt: standing.state === 'wanted' ? standing.dueAt : null,
        failure: standing.state === 'failed' ? standing.failure : null,
        now,
      })
      if (changed > 0 && standing.state === 'failed') await tellFailed(tx, messageId, standing.failure, now)
    })
  }

  async function fetched(
    messageId: number,
    {
      sessionId,
      awaited,
      directPath,
    }: { sessionId: number; awaited: boolean; directPath: string | undefined },
  ): Promise<Outcome> {
    const message = await messageById.first(database, { messageId })
    const ownerId = sessions.view(sessionId)?.ownerId
    const file = message === undefined ? undefined : fetchableOf(contentOf(message))
    // Wiped or edited away meanwhile, or its session is: nothing is left to fetch.
    if (message === undefined || file === undefined || ownerId === undefined) return { is: 'expired' }
    const here = await alreadyHere(file, sessionId)
    if (here !== undefined) {
      await database.write((tx) => tellHere(tx, message, here))
      return { is: 'here' }
    }
    const { maxBytes: most } = media.settings
    const maxBytes = awaited ? most : Math.min(most, policies.of(sessionId).maxBytes)
    const tooLarge: Outcome = maxBytes < most ? { is: 'not_by_itself' } : { is: 'too_large' }
    if ((file.facts.bytes ?? 0) > maxBytes) return tooLarge
    const draft = await fetchFile(
      file,
      {
        sessionId,
        directPath,
        maxBytes,
        askPhone: phoneOf(message, file),
        moved: async (path) => {
          await database.write((tx) => moveFile.run(tx, { messageId, directPath: path }))
        },
        signal: stopping.signal,
      },
      { host, receive: (bytes, options) => media.receive(bytes, options) },
    )
    if ('is' in draft) return draft.is === 'too_large' ? tooLarge : draft
    return kept(draft, message, file, ownerId)
  }

  async function kept(
    draft: Draft,
    message: FileMessage,
    file: FetchableFile,
    ownerId: number,
  ): Promise<Outcome> {
    try {
      await media.keep(draft, {
        ownerId,
        sessionId: message.session_id,
        source: 'whatsapp',
        fileName: file.facts.name,
        declaredType: file.facts.mimetype,
        also: (tx, row) => tellHere(tx, message, row),
      })
      return { is: 'here' }
    } catch (error) {
      return outcomeOfFailure(error)
    }
  }

  /** By the hash that its message names: it is what the file would be checked against. */
  async function alreadyHere({ facts }: FetchableFile, sessionId: number): Promise<MediaRow | undefined> {
    if (facts.sha256 === undefined) return undefined
    const hash = Buffer.from(facts.sha256, 'base64').toString('hex')
    return sameFile.first(database, { hash, sessionId })
  }

  function phoneOf(
    message: FileMessage,
    file: FetchableFile,
  ): (() => ReturnType<Link['fileAgain']>) | undefined {
    const link = sessions.link(message.session_id)
    const { key } = file.facts.source
    // What is not sealed is nobody's in particular.
    if (link === undefined || key === undefined) return undefined
    return async () => {
      // Columns that only canonical addresses are written to.
      const chat = message.chat_jid as Jid
      const sender = message.sender_jid as Jid
      const fromMe = message.from_me === 1
      try {
        return (
          (await link.fileAgain({
            id: message.whatsapp_id,
            chat,
            sender: fromMe || !isGroup(chat) ? undefined : sender,
            fromMe,
            key: Buffer.from(key, 'base64'),
          })) ?? ({ is: 'silent' } as const)
        )
      } catch (error) {
        if (error instanceof HubError) return { is: 'silent' } as const // the connection went meanwhile
        throw error
      }
    }
  }

  async function tellHere(tx: Tx, message: FileMessage, row: MediaRow): Promise<void> {
    const now = clock.now()
    const isNews = (await fileIsHere.run(tx, { messageId: message.id, mediaId: row.id, now })) > 0
    // Of a message; what stands on other pages (statuses) was asked for.
    if (!isNews || message.shown === 0) return
    const data: EventData<'media.downloaded'> = {
      ...(await refOf(tx, message, now)),
      ...links.ofEvent(message.id),
      mediaId: row.id,
      mimetype: row.mimetype,
      filename: row.file_name === '' ? null : row.file_name,
      filesize: row.size,
      sha256: Buffer.from(row.hash, 'hex').toString('base64'),
    }
    const id = eventId('media.downloaded', message.session_id, String(message.id), row.id)
    await events.append(tx, [{ sessionId: message.session_id, type: 'media.downloaded', at: now, id, data }])
  }

  async function tellFailed(tx: Tx, messageId: number, failure: FileFailure, now: number): Promise<void> {
    const message = await messageById.first(tx, { messageId })
    if (message === undefined || message.shown === 0) return
    const data: EventData<'media.failed'> = { ...(await refOf(tx, message, now)), reason: failure }
    const id = eventId('media.failed', message.session_id, String(messageId), String(now))
    await events.append(tx, [{ sessionId: message.session_id, type: 'media.failed', at: now, id, data }])
  }

  async function refOf(tx: Tx, message: FileMessage, timestamp: number) {
    // A column that only canonical addresses are written to.
    const jid = message.chat_jid as Jid
    const { session_id: sessionId, whatsapp_id: messageId, id: dbId } = message
    const shown = await chats.addresses.shown(tx, [{ sessionId, jid }])
    return { messageId, dbId, chatId: shown(sessionId, jid), timestamp }
  }

  /** The file, if it is here; its row may outlive it. */
  async function found(messageId: number): Promise<MediaRow | undefined> {
    const row = await fileOfMessage.first(database, { messageId })
    if (row?.state !== 'here' || row.media_id === null) return undefined
    return mediaById.first(database, { id: row.media_id })
  }

  /** The file of a message that we sent, which is ours. */
  async function sentFile(message: FileMessage): Promise<MediaRow | undefined> {
    const id = mediaOf(contentOf(message))?.storedAs
    return id === undefined ? undefined : mediaById.first(database, { id })
  }

  /** Has it fetched now, unless it failed for good a moment ago. */
  async function want(messageId: number, message: FileMessage): Promise<void> {
    const now = clock.now()
    const row = await fileOfMessage.first(database, { messageId })
    if (row?.state === 'failed' && row.failure !== null && row.updated_at > now - askAgainMs)
      throw refusalOf(row.failure, media.settings)
    if (row?.state === 'wanted') return
    const fresh = newRow({ messageId, sessionId: message.session_id }, now)
    await database.write(async (tx) => {
      if (row === undefined) await insertMessageFiles.run(tx, [{ ...fresh, state: 'wanted', due_at: now }])
      else await wantFile.run(tx, { messageId, dueAt: now })
    })
  }

  return {
    policies,
    links,
    async arrived(tx, files) {
      const now = clock.now()
      const sessionIds = new Set<number>()
      const rows = files.flatMap(({ messageId, sessionId, content, shown }) => {
        const file = fetchableOf(content)
        const thumbnail = thumbnailIn(content)
        const wanted =
          shown &&
          file !== undefined &&
          isFetchedByItself(policies.of(sessionId), { kind: file.kind, bytes: file.facts.bytes })
        if (!wanted && thumbnail === null) return []
        if (wanted) sessionIds.add(sessionId)
        const row = { ...newRow({ messageId, sessionId }, now), thumbnail }
        return [wanted ? { ...row, state: 'wanted' as const, due_at: now } : row]
      })
      if (rows.length === 0) return
      await insertMessageFiles.run(tx, rows)
      if (sessionIds.size > 0)
        tx.afterCommit(() => {
          for (const sessionId of sessionIds) queue.wake(sessionId)
        })
    },
    async ready(messageId, { waitMs, signal }) {
      const here = await found(messageId)
      if (here !== undefined) return here
      const message = await messageById.first(database, { messageId })
      const sent = message === undefined ? undefined : await sentFile(message)
      if (sent !== undefined) return sent
      if (message === undefined || fetchableOf(contentOf(message)) === undefined)
        throw new HubError('MEDIA_NOT_FOUND')
      await want(messageId, message)
      const late = Promise.withResolvers<void>()
      using _timer = clock.after(waitMs, late.resolve)
      signal.addEventListener('abort', () => late.resolve(), { once: true })
      await Promise.race([queue.now(messageId, message.session_id), late.promise])
      const fetchedNow = await found(messageId)
      if (fetchedNow !== undefined) return fetchedNow
      const after = await fileOfMessage.first(database, { messageId })
      if (after?.failure) throw refusalOf(after.failure, media.settings)
      const retryAfterMs = Math.max((after?.due_at ?? 0) - clock.now(), soonMs)
      throw new HubError('MEDIA_NOT_READY', {}, { retryAfterMs })
    },
    async thumbnail(messageId) {
      const kept = await thumbnailOfMessage.first(database, { messageId })
      if (kept?.thumbnail) return kept.thumbnail
      // What we send has its thumbnail in itself.
      const message = await messageById.first(database, { messageId })
      return message === undefined ? undefined : (thumbnailIn(contentOf(message)) ?? undefined)
    },
    async forget(tx, messageId) {
      const [row] = await dropMessageFile.all(tx, { messageId })
      const mediaId = row?.media_id ?? undefined
      if (mediaId === undefined) return
      // Another message may lead to the same file: it goes with the last of them.
      const other = await tx.db
        .selectFrom('message_file')
        .select('message_id')
        .where('media_id', '=', mediaId)
        .limit(1)
        .executeTakeFirst()
      if (other === undefined) await media.letGo(tx, mediaId)
    },
    async move(tx, ids, { from, to }) {
      await passFilesOn.run(tx, { ids, to })
      await shareMedia.run(tx, { ids, from })
      await passMediaOn.run(tx, { ids, from, to })
    },
    backlog: () => queue.size(),
    start: () => policies.load(),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      online[Symbol.dispose]()
      await queue[Symbol.asyncDispose]()
    },
  }
}

function newRow({ messageId, sessionId }: { messageId: number; sessionId: number }, now: number) {
  return {
    message_id: messageId,
    session_id: sessionId,
    state: 'known' as const,
    media_id: null,
    attempts: 0,
    due_at: null,
    failure: null,
    direct_path: null,
    thumbnail: null,
    updated_at: now,
  }
}
