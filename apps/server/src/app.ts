/** Starts a hub: what everything stands on, then the modules, then what they serve; and ends it in reverse. */
import { createAccess } from './access/index.ts'
import { createCluster, takeNodeIdentity } from './cluster/index.ts'
import type { Config } from './config.ts'
import { createEvents, createTickets } from './events/index.ts'
import { buildModules, type Foundation } from './modules.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import { openDatabase } from './platform/database/index.ts'
import { createGuardedFetch } from './platform/guarded-fetch/index.ts'
import { createHttp } from './platform/http/index.ts'
import { createLog, type Log } from './platform/log.ts'
import { createMetrics } from './platform/metrics.ts'
import { createSecrets } from './platform/secrets/index.ts'
import { serveRoutes } from './routes.ts'
import { followMasterKey } from './sessions/master-key-rotation.ts'
import { version } from './system/index.ts'

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
  await using stack = new AsyncDisposableStack()
  const { dataDir } = config
  const metrics = createMetrics({ version })

  const database = stack.use(
    await openDatabase({
      url: config.databaseUrl,
      dataDir,
      log: log.child({ module: 'database' }),
      clock,
      metrics,
    }),
  )
  const secrets = await createSecrets({ database, dataDir, masterKeys: config.masterKeys, log })
  stack.use(followMasterKey({ database, secrets, clock, log: log.child({ module: 'secrets' }) }))
  const access = stack.use(
    await createAccess({
      database,
      secrets,
      clock,
      log: log.child({ module: 'access' }),
      apiKey: config.apiKey,
    }),
  )
  // SQLite has the directory for itself already, and leases of others in it are certainly nobody's.
  const node = database.dialect === 'postgres' ? stack.use(takeNodeIdentity({ dataDir, log })) : undefined
  const cluster = stack.use(
    createCluster({
      database,
      clock,
      log: log.child({ module: 'cluster' }),
      ...(node === undefined ? {} : { nodeId: node.nodeId }),
    }),
  )
  const events = stack.use(createEvents({ database, clock, log: log.child({ module: 'events' }) }))
  const outbound = stack.use(createGuardedFetch({ allowed: config.outboundAllowed, clock }))

  let servedAt = ''
  const foundation: Foundation = {
    config,
    database,
    secrets,
    cluster,
    events,
    outbound,
    metrics,
    clock,
    log,
    servedAt: () => servedAt,
    onUnhandledRejection,
  }
  const modules = await buildModules(stack, foundation)
  const { sessions, accounts, audit } = modules
  const tickets = createTickets(clock)
  const http = stack.use(
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
  const endStreams = serveRoutes(stack, http, { ...foundation, modules, access, tickets, stopping })

  const { url } = await http.listen(config)
  servedAt = url
  stack.defer(async () => {
    await endStreams()
    await http.drain(drainRequestsMs)
  })
  await modules.files.start()
  await modules.messages.start()
  await modules.calls.start()
  modules.search.start()
  sessions.start()
  log.info({ url, version }, 'the hub serves')

  const all = stack.move()
  return { url, firstKey: access.firstKey, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
