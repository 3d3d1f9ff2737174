import {
  endpoints,
  HubError,
  isoOf,
  issueText,
  offsetOf,
  paginationOf,
  type StatusWire,
} from '@inbox-hub/contract'
import { isLid, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import { contentOf, type createWires, type Messages, type WireReader } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { Statuses } from './index.ts'
import type { ListedStatus, StatusFilter } from './status-list.ts'
import { statusWire } from './status-wire.ts'

export interface StatusRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'files'>
  statuses: Statuses
  wires: Pick<ReturnType<typeof createWires>, 'messages'>
  clock: Clock
}

/** As many viewers of a status as are shown. */
const maxViewers = 5000

/** Statuses (contract §9). */
export function statusRoutes(
  http: Pick<Http, 'serve' | 'serveForm'>,
  { database, sessions, chats, messages, statuses, wires, clock }: StatusRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  async function wiresOf(listed: readonly ListedStatus[], reader: WireReader): Promise<StatusWire[]> {
    const messages = await wires.messages(
      listed.map(({ message }) => message),
      reader,
    )
    const now = clock.now()
    return listed.flatMap(({ status, message }, index) => {
      const wire = messages[index]
      if (wire === undefined) return []
      // A column that only canonical addresses are written to.
      const author = message.sender_jid as Jid
      const lid = message.from_me === 0 && isLid(author) ? author : null
      return [statusWire(status, wire, { lid, said: contentOf(message), now })]
    })
  }

  async function wireOf(listed: ListedStatus, reader: WireReader): Promise<StatusWire> {
    const [wire] = await wiresOf([listed], reader)
    if (wire === undefined) throw new Error('a status has a wire shape')
    return wire
  }

  async function pageOf(filter: StatusFilter, paging: { page: number; limit: number }, reader: WireReader) {
    const { statuses: listed, total } = await statuses.list.page(filter, paging.limit, offsetOf(paging))
    const { page, limit } = paging
    return {
      data: {
        statuses: await wiresOf(listed, reader),
        pagination: paginationOf(total, page, limit),
        total,
      },
    }
  }

  const canonical = async (sessionId: number, jid: Jid | undefined): Promise<Jid | undefined> =>
    jid && (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)

  http.serve(endpoints.listStatuses, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = find(ownerId, params.sessionId)
    const { fromMe, isArchived } = query
    const author = await canonical(sessionId, query.author)
    return pageOf({ sessionId, fromMe, isArchived, author }, query, { language, baseUrl })
  })

  http.serve(endpoints.listActiveStatuses, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = find(ownerId, params.sessionId)
    const author = await canonical(sessionId, query.author)
    return pageOf({ sessionId, fromMe: query.fromMe, author, activeAt: clock.now() }, query, {
      language,
      baseUrl,
    })
  })

  http.serve(endpoints.searchStatuses, async ({ params, query, ownerId, language, baseUrl }) =>
    pageOf({ sessionId: find(ownerId, params.sessionId).id, search: query.q }, query, { language, baseUrl }),
  )

  http.serve(endpoints.statusStats, async ({ params, ownerId }) => ({
    data: { stats: await statuses.list.stats(find(ownerId, params.sessionId).id, clock.now()) },
  }))

  http.serveForm(
    endpoints.postStatus,
    (form) => messages.files.readForm(form),
    async ({ params, body, headers, ownerId, language, baseUrl, signal, file: upload }) => {
      const { says, style, recipients, exclude = [], clientId } = body
      if (says === undefined)
        throw new HubError('VALIDATION_ERROR', { content: issueText('required', language) })
      // Whatever came of the request: bytes that were not kept are gone with its answer.
      await using taken = new AsyncDisposableStack()
      const notBase64 = (): HubError =>
        new HubError('VALIDATION_ERROR', { base64: issueText('not_base64', language) })
      const posted = await statuses.post(
        find(ownerId, params.sessionId),
        {
          says:
            'file' in says
              ? { file: await messages.files.take(says, taken, { signal, upload, notBase64 }), style }
              : { ...says, style },
          recipients,
          exclude,
          idempotencyKey: headers['idempotency-key'] ?? clientId,
        },
        { language, signal },
      )
      return { data: { status: await wireOf(posted, { language, baseUrl }) }, message: 'status_posted' }
    },
  )

  http.serve(endpoints.getStatus, async ({ params, ownerId, language, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const listed = await statuses.get(session, params.statusId)
    const views = await statuses.list.viewers(listed.message.id, maxViewers)
    // A column that only canonical addresses are written to.
    const viewers = views.map(({ viewer_jid: jid, viewed_at: at }) => ({ jid: jid as Jid, at }))
    const shown = await chats.addresses.shown(
      database,
      viewers.map(({ jid }) => ({ sessionId: session.id, jid })),
    )
    return {
      data: {
        status: {
          ...(await wireOf(listed, { language, baseUrl })),
          viewers: viewers.map(({ jid, at }) => ({
            id: shown(session.id, jid),
            lid: isLid(jid) ? jid : null,
            viewedAt: isoOf(at),
          })),
        },
      },
    }
  })

  http.serve(endpoints.viewStatus, async ({ params, ownerId, language, baseUrl }) => {
    const seen = await statuses.view(find(ownerId, params.sessionId), params.statusId)
    return { data: { status: await wireOf(seen, { language, baseUrl }) } }
  })

  for (const [endpoint, archived] of [
    [endpoints.archiveStatus, true],
    [endpoints.unarchiveStatus, false],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId, language, baseUrl }) => {
      const kept = await statuses.archive(find(ownerId, params.sessionId), params.statusId, archived)
      return { data: { status: await wireOf(kept, { language, baseUrl }) } }
    })
  }

  http.serve(endpoints.addStatusReaction, async ({ params, body, ownerId, language, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const reacted = await statuses.react(session, params.statusId, body.reaction)
    return { data: { status: await wireOf(reacted, { language, baseUrl }) } }
  })

  http.serve(endpoints.removeStatusReaction, async ({ params, ownerId, language, baseUrl }) => {
    const reacted = await statuses.react(find(ownerId, params.sessionId), params.statusId, '')
    return { data: { status: await wireOf(reacted, { language, baseUrl }) } }
  })

  http.serve(endpoints.deleteStatus, async ({ params, ownerId }) => {
    const id = await statuses.remove(find(ownerId, params.sessionId), params.statusId)
    return { data: { id, deleted: true as const }, message: 'status_deleted' }
  })
}
