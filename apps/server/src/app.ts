/** Builds every module by hand, lowest first, and disposes them in reverse. */
import type { Config } from './config.ts'
import { createAccess } from './access/index.ts'
import { keyRoutes, makeKeyFor } from './access/routes.ts'
import { callRoutes, createCalls } from './calls/index.ts'
import { contactRoutes } from './chats/routes.ts'
import { createChats, createPeopleSearch, identityRoutes } from './chats/index.ts'
import { chatRoutes, createChatSettings } from './chat-settings/index.ts'
import { createCluster, takeNodeIdentity } from './cluster/index.ts'
import { auditRoutes, createAudit } from './audit/index.ts'
import { createEvents, createStreams, createTickets, eventRoutes } from './events/index.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import { communityRoutes, createGroups, groupRoutes } from './groups/index.ts'
import { createLabels, labelRoutes } from './labels/index.ts'
import { historyRoutes } from './history/index.ts'
import {
  createMedia,
  createMediaHost,
  createMessageFiles,
  createMessageLinks,
  mediaRoutes,
  messageFileRoutes,
} from './media/index.ts'
import { openDatabase } from './platform/database/index.ts'
import { createGuardedFetch } from './platform/guarded-fetch/index.ts'
import { createHttp } from './platform/http/index.ts'
import { createLog, type Log } from './platform/log.ts'
import { createMetrics } from './platform/metrics.ts'
import { probeWebSocketServer } from './platform/probes.ts'
import { createSecrets, type Sealer } from './platform/secrets/index.ts'
import { privacyRoutes } from './privacy/index.ts'
import { createProfiles, profileRoutes } from './profile/index.ts'
import { createPeople, extrasOf, peopleRoutes, shopRoutes } from './people/index.ts'
import {
  contentOf,
  createMessages,
  createRequestedSends,
  createWires,
  eventId,
  messageRoutes,
  type Own,
  transferRoutes,
} from './messages/index.ts'
import { createNewsletters, newsletterRoutes } from './newsletters/index.ts'
import { createSearch, searchRoutes } from './search/index.ts'
import { followMasterKey } from './sessions/master-key-rotation.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { createSessions } from './sessions/sessions.ts'
import { createStatuses, statusRoutes } from './statuses/index.ts'
import { systemRoutes, version } from './system/index.ts'
import { createTemplates, templateRoutes } from './templates/index.ts'
import { createWebhooks, webhookRoutes } from './webhooks/index.ts'
import { authRoutes, createAccountsModule, organizationRoutes } from './accounts/index.ts'

export interface AppOptions {
  config: Config
  clock?: Clock
  log?: Log
  /** Aborted when the process is asked to stop: the app is then disposed of by whoever started it. */
  stopping?: AbortSignal
  /** Has rejections that nobody handled offered to `claim`; the process guard's. */
  onUnhandledRejection?: (claim: (reason: unknown) => boolean) => Disposable
}

/** A hub that serves. Disposing drains it: no new work, what is begun is finished, sockets are closed, sessions stay linked. */
export interface App extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string
  /** The API key that this start made because there was none: show it once. */
  readonly firstKey: string | undefined
}

/** How long a link to the file of a message waits for it: clients give up after 30 s. */
const linkWaitMs = 25_000
/** How long requests under way may take when the hub is disposed of, ms. */
const drainRequestsMs = 5000

/** Starts a hub. Rejects with what is wrong: `DataDirInUse`, `MigrationRefused`, `MasterKeyRefused`, `StoreFault`, or a port that is taken. */
export async function startApp({
  config,
  clock = systemClock,
  log = createLog({ level: config.logLevel }),
  stopping = new AbortController().signal,
  onUnhandledRejection = () => ({ [Symbol.dispose]: () => {} }),
}: AppOptions): Promise<App> {
  await using modules = new AsyncDisposableStack()
  const { dataDir, whatsapp, frappe } = config
  const metrics = createMetrics({ version })

  const database = modules.use(
    await openDatabase({
      url: config.databaseUrl,
      dataDir,
      log: log.child({ module: 'database' }),
      clock,
      metrics,
    }),
  )
  const secrets = await createSecrets({ database, dataDir, masterKeys: config.masterKeys, log })
  modules.use(followMasterKey({ database, secrets, clock, log: log.child({ module: 'secrets' }) }))
  const access = modules.use(
    await createAccess({
      database,
      secrets,
      clock,
      log: log.child({ module: 'access' }),
      apiKey: config.apiKey,
    }),
  )
  // SQLite has the directory for itself already, and leases of others in it are certainly nobody's.
  const node = database.dialect === 'postgres' ? modules.use(takeNodeIdentity({ dataDir, log })) : undefined
  const cluster = modules.use(
    createCluster({
      database,
      clock,
      log: log.child({ module: 'cluster' }),
      ...(node === undefined ? {} : { nodeId: node.nodeId }),
    }),
  )
  const events = modules.use(createEvents({ database, clock, log: log.child({ module: 'events' }) }))
  const outbound = modules.use(createGuardedFetch({ allowed: config.outboundAllowed, clock }))

  // Known once the sessions are: only they can open a session's data key.
  let sealerOf: (sessionId: number) => Sealer = () => {
    throw new Error('The sessions are not there yet.')
  }
  const sessions = modules.use(
    await createSessions({
      database,
      events,
      cluster,
      secrets,
      clock,
      log: log.child({ module: 'sessions' }),
      createEngine: async (openSealer) => {
        sealerOf = openSealer
        const { createBaileys } = await import('./sessions/baileys/index.ts')
        return createBaileys({
          database,
          cluster,
          clock,
          log: log.child({ module: 'baileys' }),
          sealerOf: async (id) => openSealer(id),
          whatsapp: {
            url: whatsapp.url,
            rootKey: whatsapp.rootKey && Buffer.from(whatsapp.rootKey).toString('hex'),
            version: whatsapp.version,
            mediaHost: whatsapp.mediaHost,
            mediaCa: whatsapp.mediaCa,
          },
          onUnhandledRejection,
        })
      },
      fetchPage:
        whatsapp.rootKey === undefined
          ? (pageUrl, limits) => outbound.fetchBytes(pageUrl, limits)
          : undefined,
      probe: (proxy, signal) => probeWebSocketServer({ url: whatsapp.url, proxy, clock, signal }),
      frappeUrl: frappe?.url,
      metrics,
    }),
  )
  const chats = modules.use(
    createChats({
      database,
      events,
      sessions,
      erasedKey: secrets.derive('erased contacts'),
      clock,
      log: log.child({ module: 'chats' }),
    }),
  )
  // Known once we listen, which is before any session connects.
  let servedAt = ''
  const media = modules.use(
    createMedia({
      database,
      dataDir,
      settings: config.media,
      outbound,
      secrets,
      clock,
      log: log.child({ module: 'media' }),
    }),
  )
  const files = modules.use(
    createMessageFiles({
      database,
      media,
      links: createMessageLinks(media.links, {
        linkMs: config.media.linkMs,
        now: () => clock.now(),
        ownUrl: () => config.publicUrl ?? servedAt,
      }),
      host: modules.use(
        createMediaHost({
          host: whatsapp.mediaHost,
          ca: whatsapp.mediaCa,
          proxyOf: (id) => sessions.proxyOf(id),
          clock,
        }),
      ),
      events,
      sessions,
      chats,
      reading: { contentOf, eventId },
      policy: config.media.downloads,
      clock,
      log: log.child({ module: 'media' }),
    }),
  )
  const messages = modules.use(
    createMessages({
      database,
      events,
      sessions,
      chats,
      media,
      outbound,
      uploadDir: config.media.uploadDir,
      files,
      sealerOf: async (id) => sealerOf(id),
      isAdmin: async (sessionId, group) => {
        const session = sessions.view(sessionId)
        const role = session && (await groups.get(session, group)).row.role
        return role === 'admin' || role === 'superadmin'
      },
      clock,
      log,
      metrics,
    }),
  )
  const own = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }
  const search = modules.use(
    createSearch({ database, chats, own, clock, log: log.child({ module: 'search' }), metrics }),
  )
  const groups = createGroups({
    database,
    events,
    sessions,
    chats,
    clock,
    log: log.child({ module: 'groups' }),
  })
  const calls = modules.use(
    createCalls({
      database,
      events,
      sessions,
      chats,
      messages,
      clock,
      log: log.child({ module: 'calls' }),
    }),
  )
  const statuses = modules.use(
    createStatuses({
      database,
      events,
      sessions,
      chats,
      messages,
      files,
      own,
      clock,
      log: log.child({ module: 'statuses' }),
    }),
  )
  const labels = createLabels({ database, events, sessions, chats, clock })
  const newsletters = createNewsletters({
    database,
    events,
    sessions,
    messages,
    files,
    clock,
    log: log.child({ module: 'newsletters' }),
  })
  const chatSettings = createChatSettings({ database, events, sessions, chats, messages, groups })
  const webhooks = modules.use(
    await createWebhooks({
      database,
      events,
      sessions,
      frappe,
      secrets,
      outbound,
      waitingQr: (id) => sessions.waitingQr(id),
      clock,
      log: log.child({ module: 'webhooks' }),
      metrics,
    }),
  )
  const people = modules.use(
    createPeople({
      database,
      events,
      sessions,
      chats,
      messages,
      media,
      clock,
      log: log.child({ module: 'people' }),
    }),
  )
  const profiles = createProfiles({
    database,
    sessions,
    chats,
    people,
    media,
    clock,
    log: log.child({ module: 'profile' }),
  })
  sessions.whilePurging(async (tx, id) => {
    await files.policies.forget(tx, id)
    await media.forgetSession(tx, id)
    await webhooks.forget(tx, id)
    await events.forget(tx, id)
  })

  const accounts = modules.use(
    createAccountsModule({
      database,
      secrets,
      clock,
      log: log.child({ module: 'accounts' }),
      mail: config.mail,
      publicUrl: config.publicUrl ?? `http://localhost:${config.port}`,
    }),
  )
  const templates = createTemplates({ database, clock })
  const audit = modules.use(createAudit({ database, secrets, clock, log: log.child({ module: 'audit' }) }))
  const tickets = createTickets(clock)
  const http = modules.use(
    createHttp({
      log: log.child({ module: 'http' }),
      clock,
      metrics,
      authenticate: access.authenticate,
      authenticateUser: (token) => accounts.logins.of(token),
      membershipsOf: async (userId) =>
        (await accounts.organizations.mine(userId)).map(({ organization, role }) => ({
          organizationId: organization.id,
          role,
        })),
      redeemTicket: (ticket) => tickets.redeem(ticket),
      sessionNumber: (ownerId, ref) => numberOf(ownerId, ref),
      audit: (request) => audit.recorder.record(request),
      publicUrl: config.publicUrl,
      trustedProxies: config.trustedProxies,
      ...(config.rateLimits === undefined ? {} : { rateLimits: config.rateLimits }),
    }),
  )
  const numberOf = (ownerId: number, ref: string): number | undefined => {
    try {
      return sessions.find(ownerId, ref, 'number_first').id
    } catch {
      return undefined // no such session: it counts under the name it was called
    }
  }
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
  modules.use(historyRoutes(http, { database, sessions, chats, own, clock }))
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

  const { url } = await http.listen(config)
  servedAt = url
  modules.defer(async () => {
    closing.abort()
    await streams[Symbol.asyncDispose]()
    await http.drain(drainRequestsMs)
  })
  await files.start()
  await messages.start()
  await calls.start()
  search.start()
  sessions.start()
  log.info({ url, version }, 'the hub serves')

  const all = modules.move()
  return { url, firstKey: access.firstKey, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
