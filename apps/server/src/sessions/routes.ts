import { setImmediate as turn } from 'node:timers/promises'

import {
  type DataOf,
  describeReason,
  endpoints,
  HubError,
  isoOf,
  type Language,
  offsetOf,
  paginationOf,
  type SessionWire,
  statusOfState,
} from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Http, RawAnswer } from '../platform/http/index.ts'
import { BAILEYS_VERSION } from './baileys/runtime/version.ts'
import { type DialRecord, verdictOf } from './diagnosis.ts'
import { renderQr, type QrRendering } from './qr/index.ts'
import { phoneNumberOf } from './session-actor.ts'
import { retryAt, type ShownQr, type WebVersion } from './session-state.ts'
import type { SessionRecord } from './session-store.ts'
import { type SessionLifecycle, shownQr } from './sessions.ts'
import { liveness, qrStatusWire, sessionWire, stateWire, syncWire, withoutPassword } from './wire.ts'

export interface SessionRoutesDeps {
  sessions: SessionLifecycle
  clock: Clock
  /** Of the hub. */
  version: string
  /** What is known of a session's own account, beside its name. */
  profile: (
    sessionId: number,
    baseUrl: string,
  ) => Promise<{ about: string | null; profilePictureUrl: string | null; isBusiness: boolean }>
  /** Of WhatsApp Web, when the operator set one. */
  whatsappVersion: WebVersion | undefined
}

/** The contract's limit, and what the desk's dialog expects. */
const usualQrWaitMs = 8_000
/** A pairing code needs the socket that shows the QR: as long as a dial may take. */
const pairingWaitMs = 20_000
/** So many QRs are drawn before others get their turn. */
const drawnAtOnce = 16
/** A QR links a device to the account: no cache keeps it. */
const noStore = { 'cache-control': 'no-store' }

type Format = 'json' | 'png' | 'svg' | 'raw' | 'terminal'

/** Sessions: their life, their QR, why they do not connect. No handler waits for WhatsApp, except for a QR or a pairing code. */
export function sessionRoutes(
  http: Pick<Http, 'serve'>,
  { sessions, clock, profile, version, whatsappVersion }: SessionRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): Readonly<SessionRecord> =>
    sessions.record(ownerId, ref, 'number_first')
  const wire = (record: Readonly<SessionRecord>, language: Language): SessionWire =>
    sessionWire(record, sessions.historyProgress(record.id), language, clock.now())
  const twice = (
    record: Readonly<SessionRecord>,
    language: Language,
  ): DataOf<typeof endpoints.createSession> => {
    const session = wire(record, language)
    return { ...session, session }
  }
  const lifecycle = (record: Readonly<SessionRecord>): DataOf<typeof endpoints.connectSession> => {
    const { state } = record.standing
    return {
      id: record.id,
      sessionId: record.sessionId,
      status: statusOfState[state.at],
      state: state.at,
      ...liveness(record, clock.now()),
    }
  }

  /** A page of sessions; drawing a thousand QRs at once would hold everybody else up. */
  async function listed(
    all: readonly Readonly<SessionRecord>[],
    { page, limit }: { page: number; limit: number },
    language: Language,
  ): Promise<DataOf<typeof endpoints.listSessions>> {
    const shown = all.slice(offsetOf({ page, limit }), page * limit)
    const items: SessionWire[] = []
    let drawn = 0
    for (const record of shown) {
      if (shownQr(record.standing, clock.now()) !== undefined && ++drawn % drawnAtOnce === 0) await turn()
      items.push(wire(record, language))
    }
    return { sessions: items, pagination: paginationOf(all.length, page, limit), total: all.length }
  }

  http.serve(endpoints.createSession, async ({ ownerId, body, headers, language }) => {
    const { is, record } = await sessions.create(ownerId, {
      sessionId: body.sessionId,
      name: body.sessionName ?? body.name,
      proxy: body.proxy,
      webhookUrl: body.webhookUrl,
      webhookSecret: body.webhookSecret,
      webhookEvents: body.webhookEvents,
      webhookPreset: body.webhookPreset,
      fromFrappe: (body.fromFrappe ?? false) || (headers['x-frappe-origin'] ?? false),
      autoConnect: body.autoConnect ?? true,
      history: body.history,
      historyDays: body.historyDays,
    })
    if (is === 'exists')
      throw new HubError('SESSION_ALREADY_EXISTS', {}, { data: { session: wire(record, language) } })
    return {
      status: 201,
      message: is === 'created' ? 'session_created' : 'session_revived',
      data: twice(record, language),
    }
  })

  http.serve(endpoints.listSessions, async ({ ownerId, grant, query, language }) => {
    const all = sessions
      .records(ownerId)
      .filter(
        ({ id, standing }) =>
          grant.sessions?.has(id) !== false &&
          (query.status === undefined || statusOfState[standing.state.at] === query.status),
      )
    return { data: await listed(all, query, language) }
  })

  http.serve(endpoints.listFrappeSessions, async ({ ownerId, query, language }) => {
    const all = sessions.records(ownerId).filter(({ settings }) => settings.sendToFrappe)
    return { data: await listed(all, query, language) }
  })

  http.serve(endpoints.sessionStats, ({ ownerId }) => {
    const stats = {
      total: 0,
      pending: 0,
      connecting: 0,
      qr_code: 0,
      connected: 0,
      disconnected: 0,
      error: 0,
      rate_limited: 0,
    }
    for (const { standing } of sessions.records(ownerId)) {
      stats.total += 1
      stats[statusOfState[standing.state.at]] += 1
    }
    return { data: { stats } }
  })

  http.serve(endpoints.getSession, async ({ ownerId, params, language, baseUrl }) => {
    const record = find(ownerId, params.ref)
    const known = await profile(record.id, baseUrl)
    const session = { ...wire(record, language), profile: { name: record.me?.name ?? null, ...known } }
    return { data: { ...session, session } }
  })

  http.serve(endpoints.getSessionStatus, ({ ownerId, params, language }) => ({
    data: wire(find(ownerId, params.ref), language),
  }))

  http.serve(endpoints.getQr, async ({ ownerId, params, query, headers, language, signal }) => {
    const record = find(ownerId, params.ref)
    const outcome = await sessions.awaitQr(record.id, query.wait ?? query.waitMs ?? usualQrWaitMs, signal)
    if (outcome.is === 'connected') throw alreadyConnected(record)
    if (outcome.is === 'not_ready') throw qrNotReady(record, language)
    return drawn(outcome.qr, record, query.format ?? formatFor(headers.accept))
  })

  http.serve(endpoints.getQrStatus, ({ ownerId, params, language }) => {
    const record = find(ownerId, params.ref)
    sessions.watched(record.id)
    return { data: qrStatusWire(record, language, clock.now()) }
  })

  http.serve(endpoints.connectSession, async ({ ownerId, params }) => {
    const record = await sessions.connect(ownerId, params.ref)
    return { message: 'session_connecting', data: lifecycle(record) }
  })

  http.serve(endpoints.restartSession, async ({ ownerId, params }) => {
    const record = find(ownerId, params.ref)
    await sessions.restart(record.id)
    return { message: 'session_restarted', data: lifecycle(record) }
  })

  http.serve(endpoints.disconnectSession, async ({ ownerId, params, body }) => {
    const { id, sessionId } = find(ownerId, params.ref)
    await sessions.disconnect(id, { logout: body.logout ?? false })
    const data: DataOf<typeof endpoints.disconnectSession> = { id, sessionId, status: 'disconnected' }
    return { message: 'session_disconnected', data }
  })

  http.serve(endpoints.deleteSession, async ({ ownerId, params }) => {
    const { id, sessionId } = find(ownerId, params.ref)
    await sessions.remove(id)
    const data: DataOf<typeof endpoints.deleteSession> = { id, sessionId, deleted: true }
    return { message: 'session_deleted', data }
  })

  http.serve(endpoints.requestPairingCode, async ({ ownerId, params, body, language, signal }) => {
    const record = find(ownerId, params.ref)
    const { phoneNumber } = body
    const made = await sessions.requestPairingCode(record.id, phoneNumber, pairingWaitMs, signal)
    if (made === undefined)
      throw record.standing.state.at === 'online' ? alreadyConnected(record) : qrNotReady(record, language)
    const { code, expiresAt } = made
    return {
      message: 'pairing_code_made',
      headers: noStore,
      data: {
        id: record.id,
        sessionId: record.sessionId,
        status: statusOfState[record.standing.state.at],
        code,
        formattedCode: `${code.slice(0, 4)}-${code.slice(4)}`,
        phoneNumber,
        expiresAt: isoOf(expiresAt),
      },
    }
  })

  http.serve(endpoints.setWebhook, async ({ ownerId, params, body }) => {
    const record = find(ownerId, params.ref)
    const { webhook } = record.settings
    await sessions.change(record.id, {
      webhook: {
        url: body.webhookUrl === undefined ? webhook.url : (body.webhookUrl ?? undefined),
        secret: body.webhookSecret ?? webhook.secret,
        events: body.webhookEvents ?? webhook.events,
        preset: body.webhookPreset ?? webhook.preset,
      },
    })
    const { url, events, preset } = record.settings.webhook
    return {
      message: 'webhook_saved',
      data: {
        id: record.id,
        sessionId: record.sessionId,
        webhookUrl: url ?? null,
        webhookEvents: [...events],
        webhookPreset: preset,
      },
    }
  })

  http.serve(endpoints.setProxy, async ({ ownerId, params, body }) => {
    const record = find(ownerId, params.ref)
    await sessions.change(record.id, { proxy: body.proxy ?? undefined })
    const { proxy } = record.settings
    return {
      message: 'proxy_saved',
      data: {
        id: record.id,
        sessionId: record.sessionId,
        proxy: proxy === undefined ? null : withoutPassword(proxy),
        status: statusOfState[record.standing.state.at],
      },
    }
  })

  http.serve(endpoints.setHistory, async ({ ownerId, params, body }) => {
    const record = find(ownerId, params.ref)
    const before = record.settings.history
    await sessions.change(record.id, {
      history: {
        mode: body.history ?? before.mode,
        days: body.historyDays === undefined ? before.days : (body.historyDays ?? undefined),
      },
    })
    const { mode, days } = record.settings.history
    return {
      message: 'history_set',
      data: {
        id: record.id,
        sessionId: record.sessionId,
        history: mode,
        historyDays: days ?? null,
        sync: syncWire(sessions.historyProgress(record.id)),
      },
    }
  })

  http.serve(endpoints.configureFrappe, async ({ ownerId, params, body: { sendToFrappe } }) => {
    const { id, sessionId } = find(ownerId, params.ref)
    await sessions.change(id, { sendToFrappe })
    return { message: sendToFrappe ? 'frappe_on' : 'frappe_off', data: { sessionId, sendToFrappe } }
  })

  http.serve(endpoints.getFrappeStatus, ({ ownerId, params }) => {
    const { sessionId, settings, standing } = find(ownerId, params.ref)
    return {
      data: {
        sessionId,
        sendToFrappe: settings.sendToFrappe,
        status: statusOfState[standing.state.at],
        sessionName: settings.name,
      },
    }
  })

  http.serve(endpoints.getDiagnostics, async ({ ownerId, params, query, language, signal }) => {
    const record = find(ownerId, params.ref)
    const { findings, dials, probes } = await sessions.diagnose(record.id, { probes: query.probes, signal })
    const { standing } = record
    const data: DataOf<typeof endpoints.getDiagnostics> = {
      id: record.id,
      sessionId: record.sessionId,
      ...stateWire(record, language, clock.now()),
      since: isoOf(standing.since),
      deadline: standing.deadline === undefined ? null : isoOf(standing.deadline),
      wish: standing.wish === 'run' ? 'run' : 'stop',
      generation: standing.generation,
      findings: findings.map((code) => describeReason(code, language)),
      dials: dials.map(dialWire),
      probes: probes.map((probe) => {
        const verdict = verdictOf(probe)
        const remedy = verdict === undefined ? null : describeReason(verdict, language).remedy
        return { ...probe, remedy }
      }),
      versions: {
        hub: version,
        node: process.versions.node,
        baileys: BAILEYS_VERSION,
        whatsappWeb: (standing.version.current ?? whatsappVersion)?.join('.') ?? null,
      },
    }
    return { data }
  })

  http.serve(endpoints.getTimeline, async ({ ownerId, params, query }) => {
    const { id, sessionId } = find(ownerId, params.ref)
    const { rows, total } = await sessions.timeline(id, { offset: offsetOf(query), limit: query.limit })
    return {
      data: {
        id,
        sessionId,
        timeline: rows.map((row) => ({ ...row, at: isoOf(row.at) })),
        pagination: paginationOf(total, query.page, query.limit),
        total,
      },
    }
  })

  function alreadyConnected({ me }: Readonly<SessionRecord>): HubError {
    const data = { status: 'connected', phoneNumber: phoneNumberOf(me) ?? null }
    return new HubError('SESSION_ALREADY_CONNECTED', {}, { data })
  }

  /** Not there yet, or not coming: the body says which. Never a fault of ours, so never a 5xx (contract §12, pain 3). */
  function qrNotReady(record: Readonly<SessionRecord>, language: Language): HubError {
    const { state } = record.standing
    const { status, reason } = stateWire(record, language, clock.now())
    const retryAfterMs = Math.max(1_000, Math.min(60_000, (retryAt(state) ?? 0) - clock.now()))
    return new HubError('QR_NOT_READY', reason === null ? {} : { reason: reason.code }, {
      retryAfterMs,
      data: { status, state: state.at, hasQR: false, retryAfter: Math.ceil(retryAfterMs / 1_000), reason },
    })
  }
}

function drawn(
  qr: ShownQr,
  { id, sessionId }: Readonly<SessionRecord>,
  format: Format,
): { data: DataOf<typeof endpoints.getQr>; headers: typeof noStore } | RawAnswer {
  const drawing = renderQr(qr)
  if (format === 'json') {
    return {
      headers: noStore,
      data: {
        id,
        sessionId,
        status: 'qr_code',
        qrCode: draw(drawing, 'dataUrl'),
        qrCodeBase64: draw(drawing, 'base64'),
        qr: qr.text,
        index: qr.index,
        of: qr.of,
        generatedAt: isoOf(qr.generatedAt),
        expiresAt: isoOf(qr.expiresAt),
      },
    }
  }
  const { form, type } = drawings[format]
  return { raw: draw(drawing, form), type, headers: noStore }
}

const drawings = {
  png: { form: 'png', type: 'image/png' },
  svg: { form: 'svg', type: 'image/svg+xml' },
  raw: { form: 'text', type: 'text/plain; charset=utf-8' },
  terminal: { form: 'terminal', type: 'text/plain; charset=utf-8' },
} as const satisfies Record<Exclude<Format, 'json'>, { form: keyof QrRendering; type: string }>

/** The one place where a QR can be a fault of ours. */
function draw<Form extends keyof QrRendering>(drawing: QrRendering, form: Form): QrRendering[Form] {
  try {
    return drawing[form]
  } catch (cause) {
    throw new HubError('QR_GENERATION_ERROR', { reason: 'drawing_failed' }, { cause })
  }
}

const formats: readonly { type: RegExp; format: Format }[] = [
  { type: /^(\*\/\*|application\/(\*|json))$/, format: 'json' },
  { type: /^image\/(\*|png)$/, format: 'png' },
  { type: /^image\/svg\+xml$/, format: 'svg' },
  { type: /^text\/plain$/, format: 'raw' },
]

/** The form a client asked for with `Accept`: the one it wants most among ours; JSON when it names none. */
export function formatFor(accept: string | undefined): Format {
  const wanted = (accept ?? '')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.trim().toLowerCase().split(';')
      const quality = parameters
        .map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1])
        .find((q) => q !== undefined)
      return { type, quality: quality === undefined ? 1 : Number(quality) }
    })
    .sort((a, b) => b.quality - a.quality)
  for (const { type } of wanted) {
    const known = formats.find((one) => one.type.test(type))
    if (known !== undefined) return known.format
  }
  return 'json'
}

function dialWire({
  generation,
  startedAt,
  endedAt,
  outcome,
  steps,
}: DialRecord): DataOf<typeof endpoints.getDiagnostics>['dials'][number] {
  return {
    generation,
    startedAt: isoOf(startedAt),
    endedAt: endedAt === undefined ? null : isoOf(endedAt),
    outcome,
    steps: steps.map(({ at, step, detail }) => ({ at: isoOf(at), afterMs: at - startedAt, step, detail })),
  }
}
