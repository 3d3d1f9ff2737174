/** What storing costs without WhatsApp around it: `node --conditions=source bench/src/projector.ts [messages]`. */
import { generateKeySync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseJid } from '@inbox-hub/whatsapp'
import { Registry } from 'prom-client'

import { createChats } from 'inbox-hub/internal/chats/index'
import { createEvents } from 'inbox-hub/internal/events/index'
import { createMessages } from 'inbox-hub/internal/messages/index'
import { noFiles } from 'inbox-hub/internal/messages/testing/no-files'
import { type ScriptedEntry, scriptedSessions } from 'inbox-hub/internal/messages/testing/scripted-sessions'
import { noMedia } from 'inbox-hub/internal/messages/testing/no-media'
import { noOutbound } from 'inbox-hub/internal/messages/testing/no-outbound'
import { systemClock as clock } from 'inbox-hub/internal/platform/clock'
import { openDatabase } from 'inbox-hub/internal/platform/database/index'
import { silentLog as log } from 'inbox-hub/internal/platform/log'

const count = Number(process.argv[2] ?? 20_000)
const sessionCount = 20
const customersPerSession = 20
/** Entries that become durable together: about what the engine's group commit tells at full load. */
const burst = 32

const dataDir = mkdtempSync(join(tmpdir(), 'inbox-hub-bench-'))
await using database = await openDatabase({ url: undefined, dataDir, log, clock })
const sessions = scriptedSessions(() => Date.now())
await using events = createEvents({ database, log, clock })
using chats = createChats({
  database,
  events,
  sessions,
  erasedKey: generateKeySync('hmac', { length: 256 }),
  clock,
  log,
})
await using messages = createMessages({
  database,
  events,
  sessions,
  chats,
  media: noMedia,
  outbound: noOutbound,
  uploadDir: undefined,
  files: noFiles,
  sealerOf: async () => ({ seal: (plain) => plain, open: (sealed) => sealed }),
  isAdmin: async () => false,
  isAnnouncementGroup: async () => false,
  ordinaryGroups: async () => () => true,
  clock,
  log,
  metrics: new Registry(),
})
await messages.start()

const customers = Array.from({ length: customersPerSession }, (_, index) => ({
  pn: parseJid(`120255501${String(index).padStart(2, '0')}@s.whatsapp.net`),
  lid: parseJid(`7770001${index}@lid`),
}))

let sequence = 0
function received(): ScriptedEntry {
  const index = sequence
  sequence += 1
  const customer = customers[Math.floor(index / sessionCount) % customersPerSession]!
  return {
    kind: 'message',
    sessionId: 1 + (index % sessionCount),
    chat: customer.lid,
    chatAlt: customer.pn,
    sender: customer.lid,
    senderAlt: customer.pn,
    id: `3A${index.toString(16).padStart(18, '0')}`,
    sentAt: Date.now(),
    pushName: `Customer ${index % customersPerSession}`,
    content: { kind: 'text', text: 'Good morning, I would like to know when my order arrives. Thank you!' },
  }
}

interface Cost {
  perSecond: number
  /** CPU per message, µs, and how much of it in the kernel. */
  cpuMicros: number
  kernelMicros: number
}

async function measured(howMany: number, run: () => Promise<void>): Promise<Cost> {
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const began = performance.now()
  await run()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: howMany / seconds,
    cpuMicros: (user + system) / howMany,
    kernelMicros: system / howMany,
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

async function receive(howMany: number): Promise<void> {
  for (let left = howMany; left > 0; left -= burst) {
    sessions.arrive(Array.from({ length: Math.min(burst, left) }, received))
    while (messages.backlog().projecting > 512) await turn()
    await turn()
  }
  while (messages.backlog().projecting > 0 || sessions.owedEntries().length > 0) await turn()
}

async function send(howMany: number, inFlight: number): Promise<void> {
  let next = 0
  const call = { language: 'en', signal: undefined } as const
  async function caller(): Promise<void> {
    while (next < howMany) {
      const index = next
      next += 1
      const session = sessions.view(1 + (index % sessionCount))!
      const to = customers[index % customersPerSession]!.pn
      await messages.send(
        session,
        [
          {
            to,
            content: { kind: 'text', text: `Your order ${index} is on its way.` },
            mentions: [],
            quotedId: undefined,
            idempotencyKey: undefined,
          },
        ],
        call,
      )
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
}

function print(what: string, { perSecond, cpuMicros, kernelMicros }: Cost): void {
  console.log(
    `${what.padEnd(30)} ${perSecond.toFixed(0).padStart(7)}/s ${cpuMicros.toFixed(1).padStart(7)} µs CPU each, ${kernelMicros.toFixed(1)} of it in the kernel`,
  )
}

for (let id = 1; id <= sessionCount; id += 1) sessions.online(id)
await receive(2_000)
print('received, projected', await measured(count, () => receive(count)))
await send(500, 20)
print('sent and acked, 20 in flight', await measured(count / 4, () => send(count / 4, 20)))
rmSync(dataDir, { recursive: true, force: true })
