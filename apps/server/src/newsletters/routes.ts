import {
  endpoints,
  HubError,
  isoOf,
  issueText,
  messageTypes,
  type NewsletterPostWire,
  type NewsletterWire,
  offsetOf,
  paginationOf,
} from '@inbox-hub/contract'

import type { MessageLinks } from '../media/index.ts'
import { contentOf, contentWire, fileLinksAt, type Messages } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { Newsletters } from './index.ts'
import { type NewsletterRow, type PostRow, reactionsOf } from './newsletter-rows.ts'

export interface NewsletterRoutesDeps {
  database: Pick<Database, 'read'>
  sessions: Pick<Sessions, 'find'>
  newsletters: Newsletters
  messages: Pick<Messages, 'files'>
  links: MessageLinks
}

/** Newsletters: channels, in the words of WhatsApp's apps. */
export function newsletterRoutes(
  http: Pick<Http, 'serve' | 'serveForm'>,
  { database: { read }, sessions, newsletters, messages, links }: NewsletterRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  async function postWires(rows: readonly PostRow[], baseUrl: string): Promise<NewsletterPostWire[]> {
    const ids = rows.flatMap(({ message_id: id }) => (id === null ? [] : [id]))
    const found =
      ids.length === 0
        ? []
        : await read
            .selectFrom('message')
            .select(['id', 'from_me', 'status'])
            .where('id', 'in', ids)
            .execute()
    const byId = new Map(found.map((message) => [message.id, message]))
    const linksOf = fileLinksAt(links, baseUrl)
    return rows.map((row) => {
      const { message_id: id } = row
      // Of others only those with a file are messages too.
      const posted = id !== null && byId.get(id)?.from_me !== 0
      const status = posted ? (byId.get(id)?.status ?? 'sent') : 'received'
      return {
        ...postWire(row, () => (id === null ? undefined : linksOf(id))),
        fromMe: posted,
        status,
      }
    })
  }

  http.serve(endpoints.listNewsletters, async ({ params, query, ownerId }) => {
    const { page, limit, search, role } = query
    const session = find(ownerId, params.sessionId)
    const { rows, total } = await newsletters.list(session, { search, role, limit, offset: offsetOf(query) })
    return {
      data: { newsletters: rows.map(newsletterWire), pagination: paginationOf(total, page, limit), total },
    }
  })

  http.serve(endpoints.createNewsletter, async ({ params, body, ownerId }) => {
    const { name, description, picture } = body
    const made = await newsletters.create(find(ownerId, params.sessionId), {
      name,
      description,
      picture: picture === '' ? undefined : picture,
    })
    return { data: { newsletter: newsletterWire(made) }, message: 'newsletter_created' }
  })

  http.serve(endpoints.getInvitedNewsletter, async ({ params, ownerId }) => ({
    data: {
      newsletter: newsletterWire(
        await newsletters.invited(find(ownerId, params.sessionId), params.inviteCode),
      ),
    },
  }))

  http.serve(endpoints.getNewsletter, async ({ params, ownerId }) => ({
    data: {
      newsletter: newsletterWire(await newsletters.get(find(ownerId, params.sessionId), params.newsletterId)),
    },
  }))

  http.serve(endpoints.updateNewsletter, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const changed = await newsletters.update(session, params.newsletterId, body)
    return { data: { newsletter: newsletterWire(changed) }, message: 'newsletter_saved' }
  })

  http.serve(endpoints.deleteNewsletter, async ({ params, ownerId }) => {
    await newsletters.remove(find(ownerId, params.sessionId), params.newsletterId)
    return { data: { id: params.newsletterId, deleted: true as const }, message: 'newsletter_deleted' }
  })

  for (const [endpoint, action] of [
    [endpoints.followNewsletter, 'follow'],
    [endpoints.unfollowNewsletter, 'unfollow'],
    [endpoints.muteNewsletter, 'mute'],
    [endpoints.unmuteNewsletter, 'unmute'],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId }) => {
      const session = find(ownerId, params.sessionId)
      return {
        data: { newsletter: newsletterWire(await newsletters.act(session, params.newsletterId, action)) },
      }
    })
  }

  http.serve(endpoints.listNewsletterMessages, async ({ params, query, ownerId, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const { page, limit } = query
    const paging = { limit, offset: offsetOf(query) }
    const { rows, total } = await newsletters.posts(session, params.newsletterId, paging)
    return {
      data: { messages: await postWires(rows, baseUrl), pagination: paginationOf(total, page, limit), total },
    }
  })

  http.serve(endpoints.fetchNewsletterMessages, async ({ params, body, ownerId, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const { count = 50, before } = body
    const rows = await newsletters.fetch(session, params.newsletterId, { count, before })
    return { data: { messages: await postWires(rows, baseUrl) } }
  })

  http.serveForm(
    endpoints.postNewsletterMessage,
    (form) => messages.files.readForm(form),
    async ({ params, body, headers, ownerId, language, baseUrl, signal, file: upload }) => {
      const { says: asked, clientId } = body
      const session = find(ownerId, params.sessionId)
      // Whatever came of the request: bytes that were not kept are gone with its answer.
      await using taken = new AsyncDisposableStack()
      const notBase64 = (): HubError =>
        new HubError('VALIDATION_ERROR', { message: issueText('not_base64', language) })
      const says =
        'file' in asked ? await messages.files.take(asked, taken, { signal, upload, notBase64 }) : asked
      const posted = await newsletters.post(
        session,
        params.newsletterId,
        { says, idempotencyKey: headers['idempotency-key'] ?? clientId },
        { language, signal },
      )
      const [message] = await postWires([posted], baseUrl)
      if (message === undefined) throw new Error('a message has a wire shape')
      return { data: { message }, message: 'message_sent' }
    },
  )

  http.serve(endpoints.deleteNewsletterMessage, async ({ params, ownerId }) => {
    const { newsletterId, serverId } = params
    await newsletters.removePost(find(ownerId, params.sessionId), newsletterId, Number(serverId))
    return { data: { serverId, deleted: true as const } }
  })

  http.serve(endpoints.addNewsletterReaction, async ({ params, body, ownerId }) => {
    const { newsletterId, serverId } = params
    const session = find(ownerId, params.sessionId)
    await newsletters.react(session, newsletterId, Number(serverId), body.reaction)
    return { data: { serverId, reaction: body.reaction } }
  })

  http.serve(endpoints.removeNewsletterReaction, async ({ params, ownerId }) => {
    const { newsletterId, serverId } = params
    await newsletters.react(find(ownerId, params.sessionId), newsletterId, Number(serverId), '')
    return { data: { serverId, reaction: null } }
  })

  http.serve(endpoints.followNewsletterLive, async ({ params, ownerId }) => ({
    data: { seconds: await newsletters.live(find(ownerId, params.sessionId), params.newsletterId) },
  }))
}

function newsletterWire(row: NewsletterRow): NewsletterWire {
  return {
    id: row.jid,
    name: row.name,
    description: row.description,
    inviteCode: row.invite,
    inviteUrl: row.invite === null ? null : `https://whatsapp.com/channel/${row.invite}`,
    pictureUrl: row.picture,
    createdAt: row.created_at === null ? null : isoOf(row.created_at),
    subscriberCount: row.subscribers,
    isVerified: row.verified === 1,
    state: row.state,
    role: row.role,
    isFollowed: row.role !== 'guest',
    isMuted: row.muted === 1,
  }
}

function postWire(
  row: PostRow,
  linksOf: Parameters<typeof contentWire>[1],
): Omit<NewsletterPostWire, 'fromMe' | 'status'> {
  return {
    messageId: row.whatsapp_id,
    serverId: row.server_id === null ? null : String(row.server_id),
    newsletterId: row.jid,
    type: messageTypes.find((type) => type === row.type) ?? 'text',
    content: row.body,
    ...contentWire(contentOf(row), linksOf),
    timestamp: isoOf(row.sent_at),
    views: row.views,
    reactions: reactionsOf(row),
    myReaction: row.own_reaction,
    deletedAt: row.deleted_at === null ? null : isoOf(row.deleted_at),
  }
}
