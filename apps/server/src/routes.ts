import type { Access } from './access/index.ts'
import { keyRoutes, makeKeyFor } from './access/routes.ts'
import { authRoutes, organizationRoutes } from './accounts/index.ts'
import { auditRoutes } from './audit/index.ts'
import { callRoutes } from './calls/index.ts'
import { chatRoutes } from './chat-settings/index.ts'
import { createPeopleSearch, identityRoutes } from './chats/index.ts'
import { contactRoutes } from './chats/routes.ts'
import { createStreams, eventRoutes, type Tickets } from './events/index.ts'
import { communityRoutes, groupRoutes } from './groups/index.ts'
import { historyRoutes } from './history/index.ts'
import { labelRoutes } from './labels/index.ts'
import { mediaRoutes, messageFileRoutes } from './media/index.ts'
import { createRequestedSends, createWires, messageRoutes, transferRoutes } from './messages/index.ts'
import type { Foundation, Modules } from './modules.ts'
import { newsletterRoutes } from './newsletters/index.ts'
import { extrasOf, peopleRoutes, shopRoutes } from './people/index.ts'
import type { Http } from './platform/http/index.ts'
import { privacyRoutes } from './privacy/index.ts'
import { profileRoutes } from './profile/index.ts'
import { searchRoutes } from './search/index.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { statusRoutes } from './statuses/index.ts'
import { systemRoutes, version } from './system/index.ts'
import { templateRoutes } from './templates/index.ts'
import { webhookRoutes } from './webhooks/index.ts'

/** How long a link to the file of a message waits for it: clients give up after 30 s. */
const linkWaitMs = 25_000

export interface RoutesDeps extends Pick<
  Foundation,
  'config' | 'database' | 'events' | 'outbound' | 'metrics' | 'clock' | 'log'
> {
  modules: Modules
  access: Access
  tickets: Tickets
  /** Aborted when the process is asked to stop. */
  stopping: AbortSignal
}

/** Has every operation of the contract served. What it answers ends the streams that are open, and whoever waits for events. */
export function serveRoutes(
  stack: AsyncDisposableStack,
  http: Http,
  { config, database, events, outbound, metrics, clock, log, modules, access, tickets, stopping }: RoutesDeps,
): () => Promise<void> {
  const { whatsapp, frappe } = config
  const {
    sessions,
    chats,
    media,
    files,
    messages,
    own,
    search,
    groups,
    calls,
    statuses,
    labels,
    newsletters,
    chatSettings,
    webhooks,
    people,
    profiles,
    accounts,
    templates,
    audit,
  } = modules
  systemRoutes(http, {
    database,
    metrics,
    clock,
    sessionCounts: () => sessions.counts(),
    webhookBacklog: () => webhooks.backlog(),
    mediaFault: () => media.fault(),
    isStopping: () => stopping.aborted,
  })
  const sessionNumber = (ownerId: number, ref: string): number => sessions.find(ownerId, ref, 'name_first').id
  keyRoutes(http, {
    access,
    sessionNumber,
    sessionName: (id) => sessions.view(id)?.sessionId,
  })
  const { isRegistrationOpen: isOpen } = config
  authRoutes(http, {
    ...accounts,
    ownerOfKey: (key) => access.ownerOfFullKey(key),
    isOpen,
    clock,
    log: log.child({ module: 'accounts' }),
  })
  organizationRoutes(http, {
    ...accounts,
    database,
    isOpen,
    sessionsOf: (organizationId) => {
      const all = sessions.list(organizationId)
      return { all: all.length, connected: all.filter(({ id }) => sessions.link(id) !== undefined).length }
    },
    keysOf: async (organizationId) =>
      (await access.listKeys()).filter((key) => key.ownerId === organizationId && key.revokedAt === undefined)
        .length,
    createKey: (organizationId, body) => makeKeyFor(organizationId, body, { access, sessionNumber }),
    async forget(tx, organizationId) {
      await access.revokeKeysOf(tx, organizationId)
      await templates.forget(tx, organizationId)
    },
  })
  auditRoutes(http, { audit, organizations: accounts.organizations })
  const extras = extrasOf(people, { media, clock })
  sessionRoutes(http, {
    sessions,
    clock,
    async profile(sessionId, baseUrl) {
      const view = sessions.view(sessionId)
      const known = view === undefined ? undefined : await profiles.glance(view)
      const link = (mediaId: string): string =>
        media.links.linkTo(baseUrl, mediaId, clock.now() + media.settings.linkMs)
      return {
        about: known?.about ?? null,
        profilePictureUrl: known?.pictureMedia === undefined ? null : link(known.pictureMedia),
        isBusiness: known?.isBusiness ?? false,
      }
    },
    version,
    whatsappVersion: whatsapp.version,
  })
  shopRoutes(http, { sessions, people })
  privacyRoutes(http, { database, sessions, chats, files, media, search, clock })
  profileRoutes(http, { sessions, people, profiles, media, clock })
  const requested = createRequestedSends({
    database,
    sessions,
    chats,
    messages,
    fillTemplate: (ownerId, asked, language) => templates.fill(ownerId, asked, language),
    links: files.links,
    clock,
  })
  templateRoutes(http, { templates, sessions, requested })
  messageRoutes(http, {
    database,
    sessions,
    chats,
    messages,
    requested,
    extras,
    links: files.links,
    clock,
  })
  transferRoutes(http, { database, events, sessions, chats, files, clock })
  identityRoutes(http, { database, sessions, chats })
  contactRoutes(http, { database, sessions, events, chats, extras, clock })
  peopleRoutes(http, { database, sessions, chats, messages, media, people, clock })
  stack.use(historyRoutes(http, { database, sessions, chats, own, clock }))
  const wires = createWires({
    database,
    chats,
    extras,
    own,
    list: messages.list,
    waiting: (sessionId, whatsappId) => messages.waiting(sessionId, whatsappId),
    links: files.links,
    clock,
  })
  searchRoutes(http, { sessions, messages, people: createPeopleSearch(database), search, extras, wires })
  newsletterRoutes(http, { database, sessions, newsletters, messages, links: files.links })
  statusRoutes(http, { database, sessions, chats, messages, statuses, wires, clock })
  chatRoutes(http, { sessions, settings: chatSettings, messages, wires, clock })
  labelRoutes(http, { database, sessions, chats, messages, wires, labels })
  callRoutes(http, { database, sessions, chats, calls })
  communityRoutes(http, { database, sessions, chats, groups })
  groupRoutes(http, { database, sessions, chats, messages, groups })
  mediaRoutes(http, {
    database,
    media,
    fileOfMessage: (messageId, signal) => files.ready(messageId, { waitMs: linkWaitMs, signal }),
    sessions,
    clock,
  })
  messageFileRoutes(http, { media, files, finder: messages.finder, sessions, clock })
  webhookRoutes(http, { webhooks, sessions, outbound, frappe, version, clock })
  const closing = new AbortController()
  const streams = createStreams({
    events,
    sessionsOf: (ownerId) => sessions.list(ownerId).map(({ id }) => id),
    sessionOf: (id) => sessions.view(id),
    clock,
    log: log.child({ module: 'streams' }),
  })
  eventRoutes(http, {
    events,
    streams,
    tickets,
    clock,
    closing: AbortSignal.any([stopping, closing.signal]),
    readable: (ownerId, ref) =>
      ref === undefined ? sessions.list(ownerId) : [sessions.find(ownerId, ref, 'name_first')],
  })

  return async () => {
    closing.abort()
    await streams[Symbol.asyncDispose]()
  }
}
