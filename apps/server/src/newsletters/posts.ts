import { messageTypes } from '@inbox-hub/contract'
import { type Jid, mediaOf, type MessageContent } from '@inbox-hub/whatsapp'

import type { NewEvent } from '../events/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { contentWire, eventId, forgetMessages, keepUnlisted, storedContent } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Tx } from '../platform/database/index.ts'
import type { NewsletterPost } from '../sessions/baileys/index.ts'
import {
  fileMessageOf,
  findPost,
  findPostById,
  keepPost,
  loseFile,
  type PostRow,
  reactionsOf,
  setCounts,
  setServerId,
  wipePost,
} from './newsletter-rows.ts'

interface Told {
  sessionId: number
  /** The newsletter. */
  jid: Jid
  post: NewsletterPost
}

/** What becomes of the messages of newsletters as WhatsApp tells them; the events to append are answered. */
export interface Posts {
  /** A message came, or was taken back. */
  arrived(tx: Tx, told: Told & { receivedAt: number }): Promise<readonly NewEvent[]>
  /** The same of one that was asked for. */
  keep(tx: Tx, told: Told): Promise<void>
  /** How often it was seen, and the reactions to it. `at` is Unix ms. */
  counted(tx: Tx, told: Told & { at: number }): Promise<readonly NewEvent[]>
}

export function createPosts({
  files,
  clock,
}: {
  files: Pick<MessageFiles, 'arrived' | 'forget' | 'links'>
  clock: Pick<Clock, 'now'>
}): Posts {
  /** Answers the row of a message that is new. */
  async function keep(tx: Tx, { sessionId, jid, post }: Told): Promise<Omit<PostRow, 'id'> | undefined> {
    const { serverId, id: whatsappId, sentAt, content, isDeleted } = post
    const known =
      (await findPost.first(tx, { sessionId, jid, serverId })) ??
      (await findPostById.first(tx, { sessionId, jid, whatsappId }))
    if (known !== undefined) {
      // Another of our devices, or the ack of ours, was faster.
      await setServerId.run(tx, { sessionId, jid, whatsappId: known.whatsapp_id, serverId })
      if (isDeleted) await takeBack(tx, known, sentAt)
      await counted(tx, { sessionId, jid, post, at: sentAt })
      return undefined
    }
    if (content === undefined || isDeleted) return undefined
    // A file is fetched for a message.
    const message =
      mediaOf(content) === undefined
        ? undefined
        : await keepUnlisted(tx, { sessionId, chat: jid, whatsappId, content, sentAt }, clock.now(), files)
    const row = {
      ...newPost({ sessionId, jid, whatsappId, sentAt, stored: message ?? storedContent(content) }),
      server_id: serverId,
      message_id: message?.id ?? null,
      views: post.views ?? 0,
      reactions: JSON.stringify(post.reactions ?? []),
    }
    return (await keepPost(tx, row)) ? row : undefined
  }

  async function takeBack(tx: Tx, { id, message_id: messageId }: PostRow, at: number): Promise<void> {
    await wipePost.run(tx, { id, at })
    if (messageId === null || (await fileMessageOf.first(tx, { messageId })) === undefined) return
    await loseFile.run(tx, { id })
    await forgetMessages(tx, [messageId], files)
  }

  const counted: Posts['counted'] = async (tx, { sessionId, jid, post, at }) => {
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

  function messageEvent(
    { sessionId, jid, post, receivedAt }: Told & { receivedAt: number },
    content: MessageContent,
    row: Pick<PostRow, 'type' | 'body' | 'message_id'>,
  ): NewEvent {
    const messageId = row.message_id
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
        type: messageTypes.find((type) => type === row.type) ?? 'text',
        text: row.body,
        ...contentWire(content, () => (messageId === null ? undefined : files.links.ofEvent(messageId))),
      },
    }
  }

  return {
    async arrived(tx, told) {
      const row = await keep(tx, told)
      const { content } = told.post
      return row === undefined || content === undefined ? [] : [messageEvent(told, content, row)]
    },
    keep: async (tx, told) => void (await keep(tx, told)),
    counted,
  }
}

/** A message as it stands when it comes, or is posted. Times are Unix ms. */
export function newPost({
  sessionId,
  jid,
  whatsappId,
  sentAt,
  stored: { type, body, content },
}: {
  sessionId: number
  jid: Jid
  whatsappId: string
  sentAt: number
  stored: { type: string; body: string; content: string | null }
}): Omit<PostRow, 'id'> {
  return {
    session_id: sessionId,
    jid,
    whatsapp_id: whatsappId,
    server_id: null,
    message_id: null,
    type,
    body,
    content,
    sent_at: sentAt,
    views: 0,
    reactions: '[]',
    own_reaction: null,
    deleted_at: null,
  }
}
