import './tables.ts'

import { type ErrorCode, HubError, type Language, type NewsletterUpdated } from '@inbox-hub/contract'
import type { Jid, MediaKind } from '@inbox-hub/whatsapp'

import type { Events, NewEvent } from '../events/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { eventId, type Messages, type TakenContent } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import { KeyedLocks } from '../platform/keyed-locks.ts'
import type { Log } from '../platform/log.ts'
import type { Acquaintance, Link, NewsletterMetadata } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import {
  findNewsletter,
  findPost,
  findPostById,
  keepPost,
  listReadAt,
  type NewsletterRow,
  pageOfNewsletters,
  pageOfPosts,
  type PostRow,
  purgeNewsletters,
  setNewsletter,
  setOwnReaction,
  setServerId,
  storeNewsletter,
  storeNewsletters,
  wipePost,
} from './newsletter-rows.ts'
import { createPosts, newPost } from './posts.ts'

export { newsletterRoutes } from './routes.ts'

/** What a message of a newsletter is to say. */
export type NewsletterSays = { kind: 'text'; text: string } | TakenContent

/** What a newsletter is to be changed to; what is left out stays. `picture` is a JPEG, base64; '' and null take away. */
export interface NewsletterWish {
  name?: string | undefined
  description?: string | null | undefined
  picture?: string | null | undefined
}

/**
 * The newsletters of sessions: read from WhatsApp when first needed, kept by what it tells of them. What asks WhatsApp throws
 * `SESSION_NOT_CONNECTED`, `NEWSLETTER_NOT_FOUND`, `NOT_NEWSLETTER_ADMIN`, `WHATSAPP_ERROR`.
 */
export interface Newsletters {
  /** Followed and owned ones; asks WhatsApp when it was never asked, or not for a day and the session is connected. */
  list(
    session: SessionView,
    page: Parameters<typeof pageOfNewsletters>[2],
  ): ReturnType<typeof pageOfNewsletters>
  /** As WhatsApp has it; as it is stored while the session is not connected. */
  get(session: SessionView, newsletter: Jid): Promise<NewsletterRow>
  invited(session: SessionView, code: string): Promise<NewsletterRow>
  create(
    session: SessionView,
    wish: { name: string; description: string | undefined; picture: string | undefined },
  ): Promise<NewsletterRow>
  update(session: SessionView, newsletter: Jid, wish: NewsletterWish): Promise<NewsletterRow>
  act(
    session: SessionView,
    newsletter: Jid,
    action: 'follow' | 'unfollow' | 'mute' | 'unmute',
  ): Promise<NewsletterRow>
  remove(session: SessionView, newsletter: Jid): Promise<void>
  posts(
    session: SessionView,
    newsletter: Jid,
    page: Parameters<typeof pageOfPosts>[3],
  ): ReturnType<typeof pageOfPosts>
  /** Fetches messages and keeps them, without events. */
  fetch(
    session: SessionView,
    newsletter: Jid,
    which: { count: number; before: number | undefined },
  ): Promise<readonly PostRow[]>
  /** Answers when WhatsApp has it, or after 20 s. Throws as `Messages.post` too. */
  post(
    session: SessionView,
    newsletter: Jid,
    message: { says: NewsletterSays; idempotencyKey: string | undefined },
    call: { language: Language; signal: AbortSignal | undefined },
  ): Promise<PostRow>
  /** Throws `MESSAGE_NOT_FOUND`. */
  removePost(session: SessionView, newsletter: Jid, serverId: number): Promise<void>
  /** An empty emoji takes our reaction back. Throws `MESSAGE_NOT_FOUND`. */
  react(session: SessionView, newsletter: Jid, serverId: number, emoji: string): Promise<void>
  /** Answers for how many seconds WhatsApp tells views and reactions. */
  live(session: SessionView, newsletter: Jid): Promise<number>
}

export interface NewslettersDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'link' | 'linkWithin' | 'onAcquaintances' | 'view' | 'whilePurging'>
  messages: Pick<Messages, 'post' | 'files'>
  files: Pick<MessageFiles, 'arrived' | 'forget' | 'links'>
  clock: Clock
  log: Log
}

type News = Extract<Acquaintance, { type: 'newsletter' }>

/** What was read is good for so long: WhatsApp tells changes, and this heals what it did not. */
const freshForMs = 86_400_000

export function createNewsletters({
  database,
  events,
  sessions,
  messages,
  files,
  clock,
  log,
}: NewslettersDeps): Newsletters {
  const posts = createPosts({ files, clock })

  // -- what WhatsApp tells

  sessions.onAcquaintances(async (tx, facts) => {
    const ours = facts.filter((fact) => fact.type === 'newsletter')
    if (ours.length === 0) return
    const told: NewEvent[] = []
    for (const fact of ours) told.push(...(await keep(tx, fact)))
    if (told.length > 0) await events.append(tx, told)
  })
  sessions.whilePurging(purgeNewsletters)

  async function keep(tx: Tx, { sessionId, jid, news }: News): Promise<readonly NewEvent[]> {
    switch (news.is) {
      case 'message':
        return posts.arrived(tx, { sessionId, jid, post: news.post, receivedAt: news.receivedAt })
      case 'counts': {
        const told: NewEvent[] = []
        for (const post of news.posts)
          told.push(...(await posts.counted(tx, { sessionId, jid, post, at: news.at })))
        return told
      }
      case 'posted':
        await setServerId.run(tx, { sessionId, jid, whatsappId: news.id, serverId: news.serverId })
        return []
      case 'changed':
        tx.afterCommit(() => void readAnew(sessionId, jid))
        break
    }
    return []
  }

  /** WhatsApp says that it changed, not how. */
  async function readAnew(sessionId: number, jid: Jid): Promise<void> {
    const session = sessions.view(sessionId)
    if (session === undefined || sessions.link(sessionId) === undefined) return
    try {
      await readNow(session, jid)
    } catch (error) {
      if (error instanceof HubError && error.code === 'NEWSLETTER_NOT_FOUND') return ended(sessionId, jid)
      // It is read again when somebody asks for it.
      log.info({ error, sessionId }, 'a newsletter that changed could not be read')
    }
  }

  async function ended(sessionId: number, jid: Jid): Promise<void> {
    await database.write(async (tx) => {
      const before = await findNewsletter.first(tx, { sessionId, jid })
      if (before === undefined || before.state === 'deleted') return
      await setNewsletter(tx, sessionId, jid, { state: 'deleted', role: 'guest' })
      await events.append(tx, [updatedEvent(sessionId, jid, { state: 'deleted', role: 'guest' })])
    })
  }

  function updatedEvent(sessionId: number, jid: Jid, changes: NewsletterUpdated['changes']): NewEvent {
    const at = clock.now()
    return {
      sessionId,
      type: 'newsletter.updated',
      at,
      // Told once, because it is told only when it changes the row.
      id: eventId('newsletter.updated', sessionId, jid, at, JSON.stringify(changes)),
      data: { newsletterId: jid, timestamp: at, changes },
    }
  }

  // -- asking WhatsApp

  const ask = <T>(session: SessionView, call: (calls: Link['newsletters']) => Promise<T>): Promise<T> =>
    askWhatsApp(sessions, session.id, (link) => call(link.newsletters), meaningOf)

  /** Readings of one newsletter follow one another: the last that is stored is the last that was asked for. */
  const turns = new KeyedLocks()
  const readNow = (session: SessionView, jid: Jid): Promise<NewsletterRow> =>
    turns.run(`${session.id} ${jid}`, async () =>
      kept(session, await ask(session, (calls) => calls.find(jid))),
    )

  /** Stores what was read; tells what changed, whoever changed it. */
  async function kept({ id }: SessionView, metadata: NewsletterMetadata): Promise<NewsletterRow> {
    return database.write(async (tx) => {
      const { before, now } = await storeNewsletter(tx, id, metadata, clock.now())
      const changes = before === undefined ? {} : changesBetween(before, now)
      if (Object.keys(changes).length > 0) await events.append(tx, [updatedEvent(id, metadata.jid, changes)])
      return now
    })
  }

  async function get(session: SessionView, newsletter: Jid): Promise<NewsletterRow> {
    if (sessions.link(session.id) === undefined) {
      const stored = await findNewsletter.first(database, { sessionId: session.id, jid: newsletter })
      if (stored !== undefined) return stored
    }
    return readNow(session, newsletter)
  }

  async function fill(session: SessionView): Promise<void> {
    const readAt = await listReadAt(database, session.id)
    const isFresh = readAt !== undefined && clock.now() - readAt < freshForMs
    if (isFresh || (readAt !== undefined && sessions.link(session.id) === undefined)) return
    const all = await ask(session, (calls) => calls.all())
    await database.write((tx) => storeNewsletters(tx, session.id, all, clock.now()))
  }

  async function postOf({ id: sessionId }: SessionView, jid: Jid, serverId: number): Promise<PostRow> {
    const row = await findPost.first(database, { sessionId, jid, serverId })
    if (row === undefined || row.deleted_at !== null) throw new HubError('MESSAGE_NOT_FOUND')
    return row
  }

  /** WhatsApp's ack of a message says no with the number that a query would. */
  async function acked<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      const status =
        error instanceof HubError ? (error.details['status'] ?? error.details['ackError']) : undefined
      const code = typeof status === 'number' ? meaningOf(status) : undefined
      throw code === undefined ? error : new HubError(code, {}, { cause: error })
    }
  }

  return {
    async list(session, page) {
      await fill(session)
      return pageOfNewsletters(database, session.id, page)
    },
    get,
    invited: async (session, code) => kept(session, await ask(session, (calls) => calls.invited(code))),
    async create(session, wish) {
      const made = await ask(session, (calls) => calls.create(wish))
      return kept(session, { ...made, role: made.role ?? 'owner' })
    },
    async update(session, newsletter, { name, description, picture }) {
      const updates = {
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description: description ?? '' }),
        ...(picture !== undefined && { picture: picture ?? '' }),
      }
      if (Object.keys(updates).length > 0) await ask(session, (calls) => calls.update(newsletter, updates))
      return readNow(session, newsletter)
    },
    async act(session, newsletter, action) {
      await ask(session, (calls) => calls.act(newsletter, action))
      return readNow(session, newsletter)
    },
    async remove(session, newsletter) {
      await ask(session, (calls) => calls.act(newsletter, 'delete'))
      await database.write((tx) =>
        setNewsletter(tx, session.id, newsletter, { state: 'deleted', role: 'guest' }),
      )
    },
    posts: ({ id }, newsletter, page) => pageOfPosts(database, id, newsletter, page),
    async fetch(session, newsletter, which) {
      const { id: sessionId } = session
      const fetched = await ask(session, (calls) => calls.messages(newsletter, which))
      return database.write(async (tx) => {
        const rows: PostRow[] = []
        for (const post of fetched) {
          await posts.keep(tx, { sessionId, jid: newsletter, post })
          const row = await findPost.first(tx, { sessionId, jid: newsletter, serverId: post.serverId })
          if (row !== undefined) rows.push(row)
        }
        return rows.sort((left, right) => (right.server_id ?? 0) - (left.server_id ?? 0))
      })
    },
    async post(session, newsletter, { says, idempotencyKey }, { language, signal }) {
      const row = await acked(
        messages.post(
          session,
          {
            chat: newsletter,
            asked: [says, null],
            content: async () =>
              'file' in says ? messages.files.ready(says, session, signal, postedAs) : says,
            idempotencyKey,
            beside: async (tx, message) => {
              const { id: messageId, whatsapp_id: whatsappId, sent_at: sentAt, type, body, content } = message
              const stored = { type, body, content }
              await keepPost(tx, {
                ...newPost({ sessionId: session.id, jid: newsletter, whatsappId, sentAt, stored }),
                message_id: messageId,
              })
            },
          },
          { language },
        ),
      )
      const name = { sessionId: session.id, jid: newsletter, whatsappId: row.whatsapp_id }
      const post = await findPostById.first(database, name)
      if (post === undefined) throw new HubError('MESSAGE_NOT_FOUND')
      return post
    },
    async removePost(session, newsletter, serverId) {
      const row = await postOf(session, newsletter, serverId)
      await acked(ask(session, (calls) => calls.revoke(newsletter, row.whatsapp_id)))
      await database.write((tx) => wipePost.run(tx, { id: row.id, at: clock.now() }))
    },
    async react(session, newsletter, serverId, emoji) {
      const row = await postOf(session, newsletter, serverId)
      await acked(ask(session, (calls) => calls.react(newsletter, serverId, emoji)))
      const reaction = emoji === '' ? null : emoji
      await database.write((tx) => setOwnReaction.run(tx, { id: row.id, reaction }))
    },
    live: (session, newsletter) => ask(session, (calls) => calls.live(newsletter)),
  }
}

/** What a refusal of WhatsApp means here. Pure. */
function meaningOf(status: number): ErrorCode | undefined {
  if (status === 404 || status === 410) return 'NEWSLETTER_NOT_FOUND'
  return status === 401 || status === 403 ? 'NOT_NEWSLETTER_ADMIN' : undefined
}

/** Newsletters show no round videos. Pure. */
const postedAs = (kind: MediaKind): MediaKind => (kind === 'video_note' ? 'video' : kind)

function changesBetween(before: NewsletterRow, now: NewsletterRow): NewsletterUpdated['changes'] {
  return {
    ...(now.name !== before.name && { name: now.name }),
    ...(now.description !== before.description && { description: now.description }),
    ...(now.role !== before.role && { role: now.role }),
    ...(now.muted !== before.muted && { isMuted: now.muted === 1 }),
    ...(now.state !== before.state && { state: now.state }),
  }
}
