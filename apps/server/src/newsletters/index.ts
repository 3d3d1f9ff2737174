import './tables.ts'

import {
  type ErrorCode,
  HubError,
  type Language,
  messageTypes,
  type NewsletterUpdated,
} from '@inbox-hub/contract'
import type { Jid, MessageContent } from '@inbox-hub/whatsapp'

import type { Events, NewEvent } from '../events/index.ts'
import { contentWire, eventId, type Messages, type PostContent, storedContent } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import { KeyedLocks } from '../platform/keyed-locks.ts'
import type { Log } from '../platform/log.ts'
import type { Acquaintance, Link, NewsletterMetadata, NewsletterPost } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import {
  findNewsletter,
  findPost,
  findPostById,
  keepPost,
  listReadAt,
  noLinks,
  type NewsletterRow,
  pageOfNewsletters,
  pageOfPosts,
  type PostRow,
  purgeNewsletters,
  reactionsOf,
  setCounts,
  setNewsletter,
  setOwnReaction,
  setServerId,
  storeNewsletter,
  storeNewsletters,
  wipePost,
} from './newsletter-rows.ts'

export { newsletterRoutes } from './routes.ts'

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
    message: { text: string; idempotencyKey: string | undefined },
    call: { language: Language },
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
  messages: Pick<Messages, 'post'>
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
  clock,
  log,
}: NewslettersDeps): Newsletters {
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
      case 'message': {
        const isNew = await keepFetched(tx, sessionId, jid, news.post)
        return isNew && news.post.content !== undefined
          ? [messageEvent(sessionId, jid, news.post, news.post.content, news.receivedAt)]
          : []
      }
      case 'counts': {
        const told: NewEvent[] = []
        for (const post of news.posts)
          told.push(...(await keepCounts(tx, { sessionId, jid, post, at: news.at })))
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

  /** Keeps a message, or what became of it; answers whether it is new. */
  async function keepFetched(tx: Tx, sessionId: number, jid: Jid, post: NewsletterPost): Promise<boolean> {
    const known =
      (await findPost.first(tx, { sessionId, jid, serverId: post.serverId })) ??
      (await findPostById.first(tx, { sessionId, jid, whatsappId: post.id }))
    if (known !== undefined) {
      // Another of our devices, or the ack of ours, was faster.
      await setServerId.run(tx, { sessionId, jid, whatsappId: known.whatsapp_id, serverId: post.serverId })
      if (post.isDeleted) await wipePost.run(tx, { id: known.id, at: post.sentAt })
      await keepCounts(tx, { sessionId, jid, post, at: post.sentAt })
      return false
    }
    if (post.content === undefined || post.isDeleted) return false
    const { type, body, content } = storedContent(post.content)
    return keepPost(tx, {
      session_id: sessionId,
      jid,
      whatsapp_id: post.id,
      server_id: post.serverId,
      message_id: null,
      type,
      body,
      content,
      sent_at: post.sentAt,
      views: post.views ?? 0,
      reactions: JSON.stringify(post.reactions ?? []),
      own_reaction: null,
      deleted_at: null,
    })
  }

  async function keepCounts(
    tx: Tx,
    { sessionId, jid, post, at }: { sessionId: number; jid: Jid; post: NewsletterPost; at: number },
  ): Promise<readonly NewEvent[]> {
    const known = await findPost.first(tx, { sessionId, jid, serverId: post.serverId })
    if (known === undefined) return []
    const views = post.views ?? known.views
    const reactions = post.reactions === undefined ? known.reactions : JSON.stringify(post.reactions)
    if (views === known.views && reactions === known.reactions) return []
    await setCounts.run(tx, { id: known.id, views, reactions })
    return [
      {
        sessionId,
        type: 'newsletter.counts',
        at: clock.now(),
        id: eventId('newsletter.counts', sessionId, jid, post.serverId, views, reactions, at),
        data: {
          newsletterId: jid,
          serverId: String(post.serverId),
          timestamp: at,
          views,
          reactions: reactionsOf({ reactions }),
        },
      },
    ]
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
          await keepFetched(tx, sessionId, newsletter, post)
          const row = await findPost.first(tx, { sessionId, jid: newsletter, serverId: post.serverId })
          if (row !== undefined) rows.push(row)
        }
        return rows.sort((left, right) => (right.server_id ?? 0) - (left.server_id ?? 0))
      })
    },
    async post(session, newsletter, { text, idempotencyKey }, call) {
      const content: PostContent = { kind: 'text', text }
      const { type, body, content: json } = storedContent(content)
      const row = await acked(
        messages.post(
          session,
          {
            chat: newsletter,
            asked: [content, null],
            content: async () => content,
            idempotencyKey,
            beside: async (tx, message) => {
              await keepPost(tx, {
                session_id: session.id,
                jid: newsletter,
                whatsapp_id: message.whatsapp_id,
                server_id: null,
                message_id: message.id,
                type,
                body,
                content: json,
                sent_at: message.sent_at,
                views: 0,
                reactions: '[]',
                own_reaction: null,
                deleted_at: null,
              })
            },
          },
          call,
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

function changesBetween(before: NewsletterRow, now: NewsletterRow): NewsletterUpdated['changes'] {
  return {
    ...(now.name !== before.name && { name: now.name }),
    ...(now.description !== before.description && { description: now.description }),
    ...(now.role !== before.role && { role: now.role }),
    ...(now.muted !== before.muted && { isMuted: now.muted === 1 }),
    ...(now.state !== before.state && { state: now.state }),
  }
}

function messageEvent(
  sessionId: number,
  jid: Jid,
  post: NewsletterPost,
  content: MessageContent,
  receivedAt: number,
): NewEvent {
  const stored = storedContent(content)
  return {
    sessionId,
    type: 'newsletter.message',
    at: receivedAt,
    id: eventId('newsletter.message', sessionId, jid, post.serverId, post.id),
    data: {
      newsletterId: jid,
      timestamp: post.sentAt,
      serverId: String(post.serverId),
      messageId: post.id,
      type: messageTypes.find((type) => type === stored.type) ?? 'text',
      text: stored.body,
      ...contentWire(content, noLinks),
    },
  }
}
