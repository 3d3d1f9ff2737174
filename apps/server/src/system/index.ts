/** What the process says of itself: what it is, whether it lives, whether it can work, its figures. */
import { readFileSync } from 'node:fs'

import { apiVersion, endpoints, HubError, type ReadinessCheck, type SessionStatus } from '@inbox-hub/contract'
import type { Registry } from 'prom-client'
import { z } from 'zod'

import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'

/** The version of the program, which is not that of the API. */
export const version: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))).version

export interface SystemDeps {
  database: Pick<Database, 'probe'>
  metrics: Registry
  clock: Clock
  /** How many sessions have each status. */
  sessionCounts: () => Record<SessionStatus, number>
  webhookBacklog: () => number
  /** Why files cannot be stored or read, and what to do; undefined when they can. */
  mediaFault: () => Promise<{ message: string; remedy: string } | undefined>
  /** Whether the process is on its way out. */
  isStopping: () => boolean
}

/** What the store said is believed for so long, ms: readiness is asked often, and each look is a commit. */
const believeMs = 2000
/** A store that does not answer for so long cannot be worked with, ms. */
const probeLimitMs = 3000

export function systemRoutes(http: Pick<Http, 'serve'>, deps: SystemDeps): void {
  const { metrics, clock } = deps
  const startedAt = clock.monotonic()
  const readiness = readinessOf(deps)
  const facts = () => ({
    version: apiVersion,
    environment: 'production',
    uptimeSeconds: Math.floor((clock.monotonic() - startedAt) / 1000),
  })
  const ready = async () => {
    const checks = await readiness()
    if (checks.some((check) => check.needed && !check.ok))
      throw new HubError('NOT_READY', {}, { data: { checks } })
    return { data: { ...facts(), checks }, message: 'ready' } as const
  }

  http.serve(endpoints.root, () => ({
    message: 'welcome',
    data: {
      version: apiVersion,
      documentation: endpoints.docs.path,
      health: endpoints.health.path,
      endpoints: {
        auth: '/api/auth',
        sessions: '/api/sessions',
        messages: '/api/messages',
        contacts: '/api/contacts',
        chats: '/api/chats',
        groups: '/api/groups',
        status: '/api/status',
        media: '/api/media',
        templates: '/api/templates',
        webhooks: '/api/webhooks',
        organizations: '/api/organizations',
        audit: '/api/audit',
        events: endpoints.listEvents.path,
        openapi: endpoints.openapi.path,
        metrics: endpoints.metrics.path,
      },
    },
  }))
  http.serve(endpoints.health, async ({ query }) =>
    query.ready ? await ready() : { message: 'healthy', data: facts() },
  )
  http.serve(endpoints.ready, ready)
  http.serve(endpoints.metrics, async () => ({ raw: await metrics.metrics(), type: metrics.contentType }))
}

type Check = ReadinessCheck & {
  /** Without it the process cannot work; the others are for whoever operates it. */
  needed: boolean
}

function readinessOf({ database, clock, sessionCounts, webhookBacklog, mediaFault, isStopping }: SystemDeps) {
  let store: { at: number; check: Promise<Check> } | undefined

  function storeCheck(): Promise<Check> {
    const now = clock.monotonic()
    if (store === undefined || now - store.at > believeMs) store = { at: now, check: probed(database, clock) }
    return store.check
  }

  let files: { at: number; check: Promise<Check> } | undefined
  async function mediaCheck(): Promise<Check> {
    const now = clock.monotonic()
    if (files === undefined || now - files.at > believeMs) {
      const check = mediaFault().then((fault) => ({
        name: 'media',
        // Text goes on without files.
        needed: false,
        ok: fault === undefined,
        message: fault?.message ?? null,
        remedy: fault?.remedy ?? null,
      }))
      files = { at: now, check }
    }
    return await files.check
  }

  return async (): Promise<Check[]> => {
    const { connected, connecting, error } = sessionCounts()
    const backlog = webhookBacklog()
    return [
      {
        name: 'process',
        needed: true,
        ok: !isStopping(),
        message: isStopping() ? 'The process is shutting down.' : null,
        remedy: isStopping() ? 'Send requests to another process, or wait for the next one.' : null,
      },
      await storeCheck(),
      {
        name: 'whatsapp',
        needed: false,
        ok: error === 0,
        message: `${connected} connected, ${connecting} connecting, ${error} with an error.`,
        remedy:
          error === 0 ? null : 'Ask GET /api/sessions/<id>/diagnostics of a session with status "error".',
      },
      {
        name: 'webhooks',
        needed: false,
        ok: true,
        message: `${backlog} deliveries owed.`,
        remedy: null,
      },
      await mediaCheck(),
    ]
  }
}

async function probed(database: Pick<Database, 'probe'>, clock: Clock): Promise<Check> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  using _timer = clock.after(probeLimitMs, () => reject(new Error('no answer')))
  try {
    await Promise.race([database.probe(), late])
    return { name: 'database', needed: true, ok: true, message: null, remedy: null }
  } catch {
    return {
      name: 'database',
      needed: true,
      ok: false,
      message: 'The database cannot commit. Messages stay at WhatsApp until it can.',
      remedy:
        'Look for a full or read-only disk, or for a PostgreSQL server that is down; the log says which.',
    }
  }
}
