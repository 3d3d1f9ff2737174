import { endpoints } from '@inbox-hub/contract'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'

import { ApiError, type ApiClient } from '../../client/index.ts'
import { renderQr } from '../../sessions/qr/index.ts'
import { CommandFailure } from '../failure.ts'
import { type HubOptions, hubOf } from '../hub.ts'
import { createBoard, print, printJson, styled, table, type Terminal } from '../terminal.ts'

export interface ListOptions extends HubOptions {
  status?: string
}

export interface CreateOptions extends HubOptions {
  name?: string
  webhook?: string
  webhookSecret?: string
  webhookEvents?: string
  webhookPreset?: string
  proxy?: string
}

export interface LinkOptions extends HubOptions {
  phone?: string
}

export async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const hub = hubOf(options, terminal)
  const { sessions } = await hub.call(endpoints.listSessions, {
    query: { limit: 1000, ...(options.status === undefined ? {} : { status: options.status }) },
  })
  if (options.json === true) {
    printJson(terminal, sessions)
    return
  }
  if (sessions.length === 0) {
    print(terminal, 'No sessions yet. Make one: inbox-hub sessions create support')
    return
  }
  const rows = sessions.map(({ id, sessionId, status, state, phoneNumber, reason }) => [
    String(id),
    sessionId,
    status,
    state,
    phoneNumber === null ? '' : `+${phoneNumber}`,
    reason === null ? '' : `${reason.message}. ${reason.remedy}`,
  ])
  print(terminal, ...table(['ID', 'SESSION', 'STATUS', 'STATE', 'NUMBER', 'WHY'], rows))
}

export async function create(sessionId: string, options: CreateOptions, terminal: Terminal): Promise<void> {
  const session = await hubOf(options, terminal).call(endpoints.createSession, {
    body: {
      sessionId,
      sessionName: options.name,
      webhookUrl: options.webhook,
      webhookSecret: options.webhookSecret,
      webhookEvents: options.webhookEvents?.split(','),
      webhookPreset: options.webhookPreset,
      proxy: options.proxy,
    },
  })
  if (options.json === true) printJson(terminal, session.session)
  else {
    print(
      terminal,
      `Session ${session.sessionId} made (number ${session.id}).`,
      `Link a phone to it: inbox-hub sessions link ${session.sessionId}`,
    )
  }
}

export async function restart(session: string, options: HubOptions, terminal: Terminal): Promise<void> {
  const answer = await hubOf(options, terminal).call(endpoints.restartSession, { params: { ref: session } })
  if (options.json === true) printJson(terminal, answer)
  else print(terminal, `Session ${answer.sessionId} is connecting anew.`)
}

export async function remove(session: string, options: HubOptions, terminal: Terminal): Promise<void> {
  const answer = await hubOf(options, terminal).call(endpoints.deleteSession, { params: { ref: session } })
  if (options.json === true) printJson(terminal, answer)
  else {
    print(
      terminal,
      `Session ${answer.sessionId} deleted. Within 30 days, creating it again recovers it with its link and its number.`,
    )
  }
}

/** How often the status is looked at while a phone is being linked, ms. Status and QR are never rate limited. */
const lookEveryMs = 400

/** Follows one session to *connected*: draws each QR as it comes, says what happens, ends with why when it ends badly. */
export async function link(session: string, options: LinkOptions, terminal: Terminal): Promise<void> {
  const hub = hubOf(options, terminal)
  const { signal } = terminal
  const params = { ref: session }
  const board = createBoard(terminal)
  await hub.call(endpoints.connectSession, { params, body: {}, signal })
  if (options.phone !== undefined) await showPairingCode(hub, session, options.phone, terminal)

  let drawn: string | undefined
  for (;;) {
    const now = await hub.call(endpoints.getSessionStatus, { params, signal })
    if (now.isConnected) {
      if (options.json === true) printJson(terminal, now)
      else print(terminal, styled(terminal, 'green', `Connected as +${now.phoneNumber ?? ''}.`))
      return
    }
    if (now.status === 'disconnected' || now.status === 'error' || now.status === 'rate_limited') {
      throw new CommandFailure(
        now.reason?.message ?? `The session is ${now.state}.`,
        now.reason?.remedy ?? `Try again: inbox-hub sessions link ${session}`,
      )
    }
    if (options.json !== true) {
      const qr = now.hasQR && options.phone === undefined ? await shownQr(hub, session, signal) : undefined
      if (qr !== undefined && qr.qr !== drawn) {
        drawn = qr.qr
        board.draw([
          ...renderQr({ text: qr.qr }).terminal.trimEnd().split('\n'),
          `Scan it: WhatsApp on the phone > Linked devices > Link a device.  (code ${qr.index} of ${qr.of}; a new one comes by itself)`,
        ])
      } else if (!now.hasQR) {
        board.draw([
          drawn === undefined || now.state === 'waiting'
            ? waitingFor(now)
            : 'Scanned. The phone and the hub are finishing …',
        ])
      }
    }
    await pause(lookEveryMs, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
  }
}

function waitingFor({ state, reason }: { state: string; reason: { message: string } | null }): string {
  return reason === null
    ? `Connecting to WhatsApp (${state}) …`
    : `Connecting to WhatsApp (${state}): ${reason.message} …`
}

/** The code that waits now; undefined when it went between two looks. */
async function shownQr(hub: ApiClient, session: string, signal: AbortSignal) {
  try {
    return await hub.call(endpoints.getQr, { params: { ref: session }, query: { wait: 0 }, signal })
  } catch (error) {
    if (
      error instanceof ApiError &&
      (error.code === 'QR_NOT_READY' || error.code === 'SESSION_ALREADY_CONNECTED')
    ) {
      return undefined
    }
    throw error
  }
}

async function showPairingCode(
  hub: ApiClient,
  session: string,
  phone: string,
  terminal: Terminal,
): Promise<void> {
  const { formattedCode, expiresAt } = await hub.call(endpoints.requestPairingCode, {
    params: { ref: session },
    body: { phoneNumber: phone },
    signal: terminal.signal,
  })
  print(
    terminal,
    `Code: ${styled(terminal, 'bold', formattedCode)}  (until ${z.iso.datetime().parse(expiresAt).slice(11, 19)} UTC)`,
    'Type it on the phone: WhatsApp > Linked devices > Link a device > Link with phone number instead.',
  )
}
