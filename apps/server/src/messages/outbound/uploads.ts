import { HubError, type SendFailureReason } from '@inbox-hub/contract'
import {
  isNewsletter,
  type Jid,
  type Media as FileFacts,
  type MediaKind,
  type MediaSource,
  type MessageContent,
} from '@inbox-hub/whatsapp'

import type { Media } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import { Turns } from '../../platform/turns.ts'
import type { Link, OutboundContent, UploadedAs } from '../../sessions/baileys/index.ts'
import { type Sessions, UploadRefused } from '../../sessions/index.ts'
import { type SentContent, storedContent } from '../content.ts'
import { findUpload, noteUpload } from './upload-rows.ts'

/** A message that waits for its file, as far as this module knows it. */
interface WithFile {
  readonly messageId: number
  readonly sessionId: number
  readonly chat: Jid
  content: OutboundContent | undefined
}

/** A message whose kind is a file. */
type FileMessage = Extract<MessageContent, { kind: MediaKind }>

export interface Uploads<Message extends WithFile> extends AsyncDisposable {
  /** Whether the message waits for its file. */
  holds(message: Message): boolean
  /** Has a message whose file WhatsApp does not have wait for it, and answers whether it has to. */
  hold(message: Message): boolean
  /** Begins with what waits and may be tried: a session came online, or time passed. */
  resume(sessionId: number): void
  forget(message: Message): void
}

export interface UploadsDeps<Message extends WithFile> {
  database: Database
  media: Pick<Media, 'find' | 'open'>
  sessions: Pick<Sessions, 'link' | 'view'>
  clock: Clock
  log: Log
  /** The message can go: its `content` says where its file is. */
  onReady: (message: Message) => void
  onFailed: (message: Message, reason: SendFailureReason) => void
}

/** Files given to WhatsApp at once, per session. */
const atOnce = 3
/** A stuck upload is given up; large files have a second for each 64 KiB. */
const uploadWithinMs = 90_000
const slowestBytesPerMs = 64
const maxTries = 3
const retryMs = 5_000
/** WhatsApp keeps what was uploaded for weeks; a message that refers to an older upload might outlive it. */
const reuseWithinMs = 86_400_000
/** The same for a message that waited after its file was uploaded. */
const staleMs = 7 * 86_400_000

const setContent = statement((db, p: { id: number; from: string; to: string }) =>
  db.updateTable('message').set({ content: p.to }).where('id', '=', p.id).where('content', '=', p.from),
)

interface Wait {
  tries: number
  /** Monotonic ms. */
  notBefore: number
  running: boolean
}

/**
 * Brings the files of messages to WhatsApp before their turn comes, beside the lanes: one that is stuck holds up its chat alone. A file is
 * uploaded once for all messages that carry it, and what came of it is stored before any of them is sent.
 */
export function createUploads<Message extends WithFile>({
  database,
  media,
  sessions,
  clock,
  log,
  onReady,
  onFailed,
}: UploadsDeps<Message>): Uploads<Message> {
  const waiting = new Map<Message, Wait>()
  const turns = new Map<number, Turns>()
  /** Uploads under way, by session, file and kind. */
  const underWay = new Map<string, Promise<MediaSource>>()
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()

  const turnsOf = (sessionId: number): Turns => {
    const known = turns.get(sessionId) ?? new Turns(atOnce)
    turns.set(sessionId, known)
    return known
  }

  async function upload(
    sessionId: number,
    facts: FileFacts,
    sealedAs: UploadedAs,
    link: Link,
  ): Promise<MediaSource> {
    const hash = Buffer.from(facts.sha256 ?? '', 'base64').toString('hex')
    const since = clock.now() - reuseWithinMs
    const known = await findUpload.first(database, { sessionId, hash, sealedAs, since })
    // Only the lines below write this column.
    if (known !== undefined) return JSON.parse(known.source) as MediaSource
    using _turn = await turnsOf(sessionId).take(stopping.signal)
    const ownerId = sessions.view(sessionId)?.ownerId
    if (ownerId === undefined || facts.storedAs === undefined) throw new HubError('MEDIA_NOT_FOUND')
    const row = await media.find(ownerId, facts.storedAs)
    const late = new AbortController()
    const withinMs = Math.max(uploadWithinMs, row.size / slowestBytesPerMs)
    using _timer = clock.after(withinMs, () => late.abort(new Error(`no upload within ${withinMs} ms`)))
    const signal = AbortSignal.any([late.signal, stopping.signal])
    const {
      url,
      sha256: _,
      ...placed
    } = await link.upload({ kind: sealedAs, open: (signal) => media.open(row, { signal }) }, signal)
    const source = { ...(url !== undefined && { url }), ...placed }
    const at = clock.now()
    await database.write((tx) =>
      noteUpload.run(tx, { sessionId, hash, sealedAs, source: JSON.stringify(source), at }),
    )
    return source
  }

  /** One upload for all that wait for the same. */
  function sourceOf(message: Message, content: FileMessage, link: Link): Promise<MediaSource> {
    const sealed = sealedAsOf(content.kind)
    const sealedAs = isNewsletter(message.chat) ? (`newsletter-${sealed}` as const) : sealed
    const key = `${message.sessionId} ${sealedAs} ${content.media.sha256}`
    const known = underWay.get(key)
    if (known !== undefined) return known
    const made = upload(message.sessionId, content.media, sealedAs, link).finally(() => underWay.delete(key))
    underWay.set(key, made)
    return made
  }

  async function bring(
    message: Message,
    wait: Wait,
    outbound: OutboundContent,
    content: FileMessage,
    link: Link,
  ) {
    try {
      const source = await sourceOf(message, content, link)
      const placed: FileMessage = { ...content, media: { ...content.media, source } }
      const [from, to] = [storedContent(content).content ?? '', storedContent(placed).content ?? '']
      // After a crash it is sent with the very same keys.
      await database.write((tx) => setContent.run(tx, { id: message.messageId, from, to }))
      if (!waiting.delete(message)) return
      message.content = { ...outbound, content: placed }
      onReady(message)
    } catch (error) {
      if (!waiting.has(message) || stopping.signal.aborted) return
      const { sessionId, messageId: dbId } = message
      log.warn({ error, sessionId, dbId }, 'a file was not given to WhatsApp')
      const reason = lostCause(error)
      // A connection that went away says nothing about the file.
      if (sessions.link(sessionId) === link) wait.tries++
      if (reason === undefined && wait.tries < maxTries) {
        wait.notBefore = clock.monotonic() + retryMs * wait.tries
        return
      }
      waiting.delete(message)
      onFailed(message, reason ?? 'MEDIA_UPLOAD_FAILED')
    } finally {
      wait.running = false
    }
  }

  function begin(message: Message, wait: Wait): void {
    const link = sessions.link(message.sessionId)
    const { content: outbound } = message
    if (wait.running || link === undefined || outbound === undefined) return
    if (clock.monotonic() < wait.notBefore || stopping.signal.aborted) return
    const { content } = outbound
    if (!isFile(content)) return
    wait.running = true
    const work = bring(message, wait, outbound, content, link).finally(() => running.delete(work))
    running.add(work)
  }

  return {
    holds: (message) => waiting.has(message),

    hold(message) {
      const content = message.content?.content
      if (content === undefined || !isOwed(content, clock.now())) return false
      const wait = waiting.get(message) ?? { tries: 0, notBefore: 0, running: false }
      waiting.set(message, wait)
      begin(message, wait)
      return true
    },

    resume(sessionId) {
      for (const [message, wait] of waiting) if (message.sessionId === sessionId) begin(message, wait)
    },

    forget: (message) => void waiting.delete(message),

    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('the hub stops'))
      await Promise.all(running)
    },
  }
}

function isFile(content: SentContent): content is FileMessage {
  return 'media' in content
}

/** Whether a message has a file of ours that WhatsApp does not have (any more). Others' files are sent on as they are. */
export function isOwed(content: SentContent, now: number): boolean {
  if (!isFile(content) || content.media.storedAs === undefined) return false
  const { source } = content.media
  return source === undefined || (source.keyTimestamp ?? 0) * 1000 < now - staleMs
}

/** What WhatsApp derives the keys for. */
function sealedAsOf(kind: MediaKind): 'image' | 'video' | 'audio' | 'document' {
  switch (kind) {
    case 'image':
    case 'sticker':
      return 'image'
    case 'video':
    case 'gif':
    case 'video_note':
      return 'video'
    case 'audio':
    case 'voice':
      return 'audio'
    case 'document':
      break
  }
  return 'document'
}

/** Why trying again cannot help; undefined when it can. */
function lostCause(error: unknown): SendFailureReason | undefined {
  if (error instanceof UploadRefused) return 'MEDIA_REFUSED'
  const isGone = error instanceof HubError && ['MEDIA_NOT_FOUND', 'MEDIA_DAMAGED'].includes(error.code)
  return isGone ? 'MEDIA_GONE' : undefined
}
