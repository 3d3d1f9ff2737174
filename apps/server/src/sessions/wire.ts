import {
  type DataOf,
  describeReason,
  type endpoints,
  isoOf,
  type Language,
  type SessionWire,
  statusOfState,
} from '@inbox-hub/contract'

import type { HistoryProgress } from './history-progress.ts'
import { renderQr } from './qr/index.ts'
import { phoneNumberOf } from './session-actor.ts'
import { type Cause, causeIn, retryAt } from './session-state.ts'
import type { SessionRecord } from './session-store.ts'
import { shownQr } from './sessions.ts'

type QrStatus = DataOf<typeof endpoints.getQrStatus>

/** A session as the API shows it (contract §4). */
export function sessionWire(
  record: Readonly<SessionRecord>,
  progress: HistoryProgress | undefined,
  language: Language,
  now: number,
): SessionWire {
  const { standing, settings, me } = record
  const qr = shownQr(standing, now)
  return {
    id: record.id,
    sessionId: record.sessionId,
    sessionName: settings.name,
    name: settings.name,
    ...stateWire(record, language, now),
    phoneNumber: phoneNumberOf(me) ?? null,
    phoneNumberId: me?.pn ?? null,
    ...liveness(record, now),
    lastActivity: isoOf(record.lastActivityAt),
    sendToFrappe: settings.sendToFrappe,
    webhookUrl: settings.webhook.url ?? null,
    webhookEvents: [...settings.webhook.events],
    webhookPreset: settings.webhook.preset,
    proxy: settings.proxy === undefined ? null : withoutPassword(settings.proxy),
    qrCode: qr === undefined ? null : renderQr(qr).dataUrl,
    qrCodeGeneratedAt: qr === undefined ? null : isoOf(qr.generatedAt),
    qrCodeExpiresAt: qr === undefined ? null : isoOf(qr.expiresAt),
    sync: syncWire(progress),
    history: settings.history.mode,
    historyDays: settings.history.days ?? null,
    userId: record.ownerId,
    organizationId: null,
    createdAt: isoOf(record.createdAt),
    updatedAt: isoOf(record.updatedAt),
  }
}

/** How far the history has come. */
export function syncWire(progress: HistoryProgress | undefined): SessionWire['sync'] {
  return {
    state: progress?.at ?? 'none',
    percent: progress?.percent ?? 0,
    messages: progress?.messages ?? 0,
    chats: progress?.chats ?? 0,
    contacts: progress?.contacts ?? 0,
    startedAt: progress === undefined ? null : isoOf(progress.startedAt),
    updatedAt: progress === undefined ? null : isoOf(progress.updatedAt),
    finishedAt: progress?.finishedAt === undefined ? null : isoOf(progress.finishedAt),
    error: progress?.failure ?? null,
  }
}

/** The word on the wire, the finer one, why, and what last went wrong. */
export function stateWire(
  { standing, lastError }: Readonly<SessionRecord>,
  language: Language,
  now: number,
): Pick<SessionWire, 'status' | 'state' | 'reason' | 'lastError'> {
  const { state, newChatsFrom } = standing
  const cause = causeIn(state)
  const reason =
    state.at === 'online' && newChatsFrom !== undefined && newChatsFrom > now
      ? reasonWire({ code: 'new_chats_restricted' }, language, newChatsFrom)
      : cause === undefined
        ? null
        : reasonWire(cause, language, retryAt(state))
  return {
    status: statusOfState[state.at],
    state: state.at,
    reason,
    lastError:
      lastError === undefined
        ? null
        : { ...describeReason(lastError.code, language), at: isoOf(lastError.at) },
  }
}

function reasonWire({ code }: Cause, language: Language, retry?: number): NonNullable<SessionWire['reason']> {
  const told = describeReason(code, language)
  return retry === undefined ? told : { ...told, retryAt: isoOf(retry) }
}

/** `isConnected` is true exactly when the status is `connected`: a client reports anything else as out of step (contract rule 7). */
export function liveness(
  { standing }: Readonly<SessionRecord>,
  now: number,
): Pick<SessionWire, 'isConnected' | 'hasQR'> {
  return { isConnected: standing.state.at === 'online', hasQR: shownQr(standing, now) !== undefined }
}

export function qrStatusWire(record: Readonly<SessionRecord>, language: Language, now: number): QrStatus {
  const qr = shownQr(record.standing, now)
  return {
    id: record.id,
    sessionId: record.sessionId,
    ...stateWire(record, language, now),
    ...liveness(record, now),
    expiresAt: qr === undefined ? null : isoOf(qr.expiresAt),
  }
}

/** Where the traffic goes, without the password it goes there with. */
export function withoutPassword(proxy: string): string {
  const url = URL.parse(proxy)
  return url === null ? '' : `${url.protocol}//${url.host}`
}
