// The yardstick: as many lines of Baileys as make a gateway, storing nothing. What it receives it posts, what it is asked it sends.
// `--tricks` adds everything of DESIGN §9 that makes Baileys itself faster, so that the ratio shows what durability costs.
import { randomBytes } from 'node:crypto'

import type { AuthenticationCreds, SignalDataTypeMap, WASocket } from 'baileys'

import { pnOf } from '@inbox-hub/whatsapp'
import { Pool } from 'undici'

import { answerParent } from '../support/child.ts'
import { customerNumber } from './numbers.ts'

const tricks = process.argv.includes('--tricks')
// First, because it changes what Baileys will import.
const { silentLogger } = tricks
  ? await import('inbox-hub/internal/sessions/baileys/runtime/index')
  : { silentLogger: undefined }
const caches = tricks
  ? new (await import('inbox-hub/internal/sessions/baileys/caches')).SharedCaches()
  : undefined
const tokens = tricks
  ? new (await import('inbox-hub/internal/sessions/baileys/link/privacy-tokens')).PrivacyTokens()
  : undefined
const {
  default: makeWASocket,
  initAuthCreds,
  WA_CERT_DETAILS,
  DEFAULT_CONNECTION_CONFIG,
} = await import('baileys')

const nothing = (): void => {}
const silent = {
  level: 'silent',
  child: () => silent,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}

interface Session {
  socket: WASocket
  qr: Promise<string>
  online: Promise<void>
  acks: Map<string, () => void>
}

const sessions = new Map<number, Session>()
let target: { url: string; rootKey: string } | undefined
let webhooks: Pool | undefined
let posted = 0

/** A store of its own keeps bytes, not views: `structuredClone` would copy the whole block that a key is a part of. */
function copied(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(copied)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copied(inner)]))
}

function open(index: number): Session {
  const creds: AuthenticationCreds = initAuthCreds()
  const store = new Map<string, unknown>()
  const keys = {
    get: async <Type extends keyof SignalDataTypeMap>(type: Type, ids: string[]) => {
      const found: Record<string, SignalDataTypeMap[Type]> = {}
      for (const id of ids) {
        const value = store.get(`${type} ${id}`)
        if (value !== undefined) found[id] = copied(value) as SignalDataTypeMap[Type] // as it was set
      }
      return found
    },
    set: async (changes: Partial<Record<string, Record<string, unknown>>>) => {
      for (const [type, entries] of Object.entries(changes)) {
        for (const [id, value] of Object.entries(entries ?? {})) {
          if (value === null || value === undefined) store.delete(`${type} ${id}`)
          else store.set(`${type} ${id}`, copied(value))
        }
      }
    },
  }
  const qr = Promise.withResolvers<string>()
  const online = Promise.withResolvers<void>()
  const session: Session = { socket: dial(), qr: qr.promise, online: online.promise, acks: new Map() }

  function dial(): WASocket {
    const socket = makeWASocket({
      ...DEFAULT_CONNECTION_CONFIG,
      waWebSocketUrl: target?.url ?? '',
      auth: { creds, keys: tokens?.over(keys) ?? keys },
      logger: silentLogger ?? silent,
      markOnlineOnConnect: false,
      ...(caches === undefined
        ? {}
        : { connectTimeoutMs: 0, enableRecentMessageCache: false, ...caches.of(index) }),
    })
    socket.ev.on('creds.update', (update) => Object.assign(creds, update))
    socket.ev.on('connection.update', (update) => {
      if (update.qr !== undefined) qr.resolve(update.qr)
      if (update.connection === 'open') online.resolve()
      if (update.connection === 'close') session.socket = dial()
    })
    socket.ev.on('messages.upsert', ({ messages }) => {
      for (const message of messages) {
        const text = message.message?.conversation ?? message.message?.extendedTextMessage?.text
        if (message.key.fromMe !== true && typeof text === 'string')
          void post(index, message.key.id ?? '', text)
      }
    })
    socket.ws.on('CB:ack,class:message', ({ attrs }: { attrs: Record<string, string> }) => {
      session.acks.get(attrs['id'] ?? '')?.()
    })
    return socket
  }
  return session
}

async function post(session: number, id: string, text: string): Promise<void> {
  const body = JSON.stringify({
    event: 'message.received',
    sessionId: `bench-${session}`,
    data: { message: { messageId: id, content: text } },
  })
  const answer = await webhooks?.request({
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/json' },
    body,
  })
  await answer?.body.dump()
  posted += 1
}

function session(index: number): Session {
  const found = sessions.get(index) ?? open(index)
  sessions.set(index, found)
  return found
}

answerParent({
  configure: ({ url, rootKey, webhook }: { url: string; rootKey: string; webhook: string }) => {
    target = { url, rootKey }
    Object.assign(WA_CERT_DETAILS, { PUBLIC_KEY: Buffer.from(rootKey, 'hex') })
    webhooks = new Pool(webhook, { connections: 128, pipelining: 4 })
  },
  qr: ({ index }: { index: number }) => session(index).qr,
  online: async ({ index }: { index: number }) => session(index).online,
  posted: () => posted,
  /** Sends texts to contacts in turn, `inFlight` at a time; answers when the last one is acknowledged. */
  send: async (order: { index: number; contacts: number; count: number; inFlight: number }) => {
    const { socket, acks } = session(order.index)
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < order.count) {
        const contact = customerNumber(next % order.contacts).slice(1)
        next += 1
        const id = `3EB0${randomBytes(9).toString('hex').toUpperCase()}`
        const acked = Promise.withResolvers<void>()
        acks.set(id, acked.resolve) // before sending: the ack can overtake the promise of sendMessage
        const to = pnOf(contact)
        const text = `#${next} ${Date.now()}`
        const send = async (): Promise<void> => {
          await socket.sendMessage(to, { text }, { messageId: id })
        }
        await (tokens === undefined ? send() : tokens.behind(socket, to, send))
        await acked.promise
        acks.delete(id)
      }
    }
    await Promise.all(Array.from({ length: order.inFlight }, lane))
  },
})
