// The benchmark's WhatsApp, in a process of its own: linked accounts, customers who write, and counts of what came.
import { historyNotification, type Phone, startEmulator } from '@inbox-hub/emulator'

import { answerParent, parentIsDone } from '../support/child.ts'
import { customerNumber, sessionNumber } from './numbers.ts'
import { type Past, partsOf } from './past.ts'

await using emulator = await startEmulator({
  truth: { keep: 50_000 },
  phones: { receipts: 'delivery', keepMessages: 100 },
})
const { truth } = emulator

/** Messages from customers to sessions, spread over both evenly. */
export interface Traffic {
  sessions: number
  customers: number
  messages: number
  /** At most so many unacknowledged at once: a saturated client decides the rate. */
  window?: number
  /** Or so many per second, whatever comes back. */
  perSecond?: number
  /** Into this group, which every session is a member of: each message reaches all of them. */
  group?: string
}

/** `#<index> <Unix ms>`: the receiver knows from the text when it was written. */
function write(index: number, { sessions, customers, group }: Traffic): void {
  const turn = group === undefined ? Math.floor(index / sessions) : index
  const customer: Phone = emulator.phone(customerNumber(turn % customers))
  customer.sends(group ?? sessionNumber(index % sessions), `#${index} ${Date.now()}`)
}

const settled = (): number => truth.receipts.total

async function saturate(traffic: Traffic, window: number): Promise<void> {
  const before = settled()
  const receivedBy = traffic.group === undefined ? 1 : traffic.sessions
  for (let index = 0; index < traffic.messages;) {
    const hasRoom = (): boolean => index * receivedBy - (settled() - before) < window
    while (index < traffic.messages && hasRoom()) {
      write(index, traffic)
      index += 1
    }
    await truth.until(hasRoom, { timeoutMs: 60_000 })
  }
}

async function atRate(traffic: Traffic, perSecond: number): Promise<void> {
  const start = performance.now()
  for (let index = 0; index < traffic.messages; index += 1) {
    const waitMs = start + (index * 1000) / perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    write(index, traffic)
  }
}

/** Made before anything is measured: encoding and deflating it takes longer than telling it. */
let history: readonly Parameters<Phone['tellsNotification']>[0][] = []

answerParent({
  address: () => ({ url: emulator.url, rootKey: emulator.rootKey, environment: emulator.environment }),
  prepareHistory: (past: Past) => {
    history = Array.from(partsOf(past), (part) => historyNotification(part, emulator.media))
    return history.length
  },
  tellHistory: async ({ session }: { session: number }) => {
    for (const notification of history) {
      emulator.phone(sessionNumber(session)).tellsNotification(notification)
      // Live messages of others are not to wait for all of it on the emulator's side.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  },
  scan: async ({ session, qr }: { session: number; qr: string }) => {
    await emulator.phone(sessionNumber(session)).scan(qr)
  },
  /** A customer sends a file of zeros that is made while it is fetched; answers the id of its message. */
  sendFile: ({ session, bytes }: { session: number; bytes: number }) =>
    emulator.phone(customerNumber(0)).sendsMedia(sessionNumber(session), {
      media: 'document',
      bytes: { zeros: bytes },
      fileName: 'zeros.bin',
    }).id,
  traffic: async (traffic: Traffic) => {
    if (traffic.perSecond === undefined) await saturate(traffic, traffic.window ?? 256)
    else await atRate(traffic, traffic.perSecond)
  },
  group: ({ sessions, customers }: { sessions: number; customers: number }) =>
    emulator.group('Bench', [
      ...Array.from({ length: sessions }, (_, index) => sessionNumber(index)),
      ...Array.from({ length: customers }, (_, index) => customerNumber(index)),
    ]).jid,
  /** Answers when every member has so many messages, and the receipts for them have reached their sender. */
  everybodyHas: async ({ messages, members: count }: { messages: number; members: number }) => {
    await truth.until(() => truth.decrypted.total >= messages * count, { timeoutMs: 60_000 })
    // Acks of receipts are nothing that the truth tells.
    while (emulator.account(sessionNumber(0)).owed > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  },
  /** Answers when all of them are down. */
  cutAll: async () => {
    for (const connection of emulator.connections()) connection.act({ do: 'reset' })
    await truth.until(() => emulator.online().length === 0)
  },
  untilOnline: ({ count }: { count: number }) =>
    truth.until(() => emulator.online().length >= count, { timeoutMs: 60_000 }),
  counts: () => ({
    sent: truth.sent.total,
    receipts: truth.receipts.total,
    decrypted: truth.decrypted.total,
    decryptFailures: truth.decryptFailures.total,
    retries: truth.retryReceipts.total,
    dials: truth.dials.total,
    unanswered: Object.fromEntries(truth.unanswered),
  }),
})

await parentIsDone()
