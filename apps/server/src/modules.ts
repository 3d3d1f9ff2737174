import type { Registry } from 'prom-client'

import { createAccountsModule } from './accounts/index.ts'
import { createAudit } from './audit/index.ts'
import { createCalls } from './calls/index.ts'
import { createChatSettings } from './chat-settings/index.ts'
import { createChats } from './chats/index.ts'
import type { Cluster } from './cluster/index.ts'
import type { Config } from './config.ts'
import type { Events } from './events/index.ts'
import { createGroups } from './groups/index.ts'
import { createLabels } from './labels/index.ts'
import { createMedia, createMediaHost, createMessageFiles, createMessageLinks } from './media/index.ts'
import { contentOf, createMessages, eventId, type Own } from './messages/index.ts'
import { createNewsletters } from './newsletters/index.ts'
import { createPeople } from './people/index.ts'
import type { Clock } from './platform/clock.ts'
import type { Database } from './platform/database/index.ts'
import type { GuardedFetch } from './platform/guarded-fetch/index.ts'
import type { Log } from './platform/log.ts'
import { probeWebSocketServer } from './platform/probes.ts'
import type { Sealer, Secrets } from './platform/secrets/index.ts'
import { createProfiles } from './profile/index.ts'
import { createSearch } from './search/index.ts'
import { createSessions } from './sessions/sessions.ts'
import { createStatuses } from './statuses/index.ts'
import { createTemplates } from './templates/index.ts'
import { createWebhooks } from './webhooks/index.ts'

/** What the modules stand on. */
export interface Foundation {
  config: Config
  database: Database
  secrets: Secrets
  cluster: Cluster
  events: Events
  outbound: GuardedFetch
  metrics: Registry
  clock: Clock
  log: Log
  /** Where the hub listens, once it does: before any session connects. */
  servedAt: () => string
  /** Has rejections that nobody handled offered to `claim`; the process guard's. */
  onUnhandledRejection: (claim: (reason: unknown) => boolean) => Disposable
}

export type Modules = Awaited<ReturnType<typeof buildModules>>

/** Builds what the hub is made of by hand, lowest first, each with what it needs; `stack` disposes of them in reverse. */
export async function buildModules(stack: AsyncDisposableStack, foundation: Foundation) {
  const { config, database, secrets, cluster, events, outbound, metrics, clock, log } = foundation
  const { dataDir, whatsapp, frappe } = config

  // Known once the sessions are: only they can open a session's data key.
  let sealerOf: (sessionId: number) => Sealer = () => {
    throw new Error('The sessions are not there yet.')
  }
  const sessions = stack.use(
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
          onUnhandledRejection: foundation.onUnhandledRejection,
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
  const chats = stack.use(
    createChats({
      database,
      events,
      sessions,
      erasedKey: secrets.derive('erased contacts'),
      clock,
      log: log.child({ module: 'chats' }),
    }),
  )
  const media = stack.use(
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
  const files = stack.use(
    createMessageFiles({
      database,
      media,
      links: createMessageLinks(media.links, {
        linkMs: config.media.linkMs,
        now: () => clock.now(),
        ownUrl: () => config.publicUrl ?? foundation.servedAt(),
      }),
      host: stack.use(
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
  const messages = stack.use(
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
      isAnnouncementGroup: async (sessionId, group) => {
        const session = sessions.view(sessionId)
        return session !== undefined && groups.isForAnnouncements(session, group)
      },
      ordinaryGroups: (on, asked) => groups.ordinary(on, asked),
      clock,
      log,
      metrics,
    }),
  )
  const own = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }
  const search = stack.use(
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
  const calls = stack.use(
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
  const statuses = stack.use(
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
  const webhooks = stack.use(
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
  const people = stack.use(
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

  const accounts = stack.use(
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
  const audit = stack.use(
    createAudit({
      database,
      secrets,
      clock,
      log: log.child({ module: 'audit' }),
      organizationsOf: (tx, userIds) => accounts.organizations.ofEach(tx, userIds),
    }),
  )
  return {
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
  }
}
