import { EventEmitter } from 'node:events'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { silentLog } from '../../../platform/log.ts'
import { createManualClock } from '../../../platform/testing/manual-clock.ts'
import type { BinaryNode, WASocket } from '../baileys.ts'
import { initAuthCreds, makeEventBuffer } from '../baileys.ts'
import type { Acquaintance } from '../acquaintances.ts'
import type { LinkEvent } from './dial.ts'
import { silentLogger } from '../runtime/index.ts'
import { startRig } from '../testing/rig.ts'
import type { LinkParts } from './parts.ts'
import { SocketLink } from './link.ts'
import { PrivacyTokens } from './privacy-tokens.ts'

const ours = '+12025550100'
const bystander = '+12025550124'
const customer = '+12025550123'

/** A link on baileys' own event buffer, and a wire that is only an emitter. */
function bare(parts: Partial<LinkParts> = {}) {
  const clock = createManualClock()
  const events: LinkEvent[] = []
  const facts: Acquaintance[] = []
  const ev = makeEventBuffer(silentLogger)
  const ws = Object.assign(new EventEmitter(), { socket: null })
  ws.on('message', () => {})
  const lost = new AbortController()
  const link = new SocketLink({
    options: {
      sessionId: 1,
      generation: 1,
      lease: { sessionId: 1, epoch: 1, lost: lost.signal },
      pairing: { method: 'qr' },
      version: undefined,
      proxy: undefined,
      onEvent: (event) => events.push(event),
    },
    context: { sessionId: 1, generation: 1, handshake: undefined },
    creds: initAuthCreds(),
    // What the tests below do not reach.
    credentials: { changed: () => {}, durable: async () => {} } as never,
    store: {} as never,
    inbox: {} as never,
    devices: {} as never,
    tokens: new PrivacyTokens(),
    uploadRoute: { agent: undefined, mediaHost: 'mmg.whatsapp.net' },
    groupOf: async () => undefined,
    self: () => ({ pn: undefined, lid: undefined }),
    past: () => ({ messages: true, since: undefined }),
    clock,
    log: silentLog,
    tellPassing: () => {},
    keepFacts: async (told) => void facts.push(...told),
    onOnline: () => {},
    download: () => Promise.reject(new Error('nothing is fetched here')),
    onClosed: () => {},
    ...parts,
  })
  // The members that a link uses of a socket.
  link.attach({ ev, ws, end: async () => {} } as unknown as WASocket, { mediaHost: '', fetchOptions: {} })
  return { link, ev, events, facts, lost, clock }
}

test('what baileys still held back is handed over before a close throws it away', () => {
  const { ev } = bare()
  const told: unknown[] = []
  ev.on('groups.update', (groups) => told.push(...groups))
  ev.buffer()
  ev.emit('groups.update', [{ id: '120363000000000001@g.us' }])
  expect(told).toEqual([])
  ev.emit('connection.update', {
    connection: 'close',
    lastDisconnect: { error: undefined, date: new Date() },
  })
  ev.destroy()
  expect(told).toEqual([{ id: '120363000000000001@g.us' }])
})

test('stock baileys throws away what it held back', () => {
  const ev = makeEventBuffer(silentLogger)
  let told = 0
  ev.on('groups.update', () => (told += 1))
  ev.buffer()
  ev.emit('groups.update', [{ id: '120363000000000001@g.us' }])
  ev.destroy()
  ev.flush()
  expect(told).toBe(0)
})

test('a lease that is lost ends the link at once', async () => {
  const { lost, events, link, clock } = bare()
  lost.abort()
  expect(events).toContainEqual({ type: 'fenced' })
  const closed = link.close()
  await clock.advance(3_000)
  await closed
  expect(events.at(-1)).toMatchObject({ type: 'closed', cause: { reason: 'fenced' } })
})

test('a session that throws on an event does not disturb its link', async () => {
  const { link, clock } = bare({
    options: {
      sessionId: 1,
      generation: 1,
      lease: { sessionId: 1, epoch: 1, lost: new AbortController().signal },
      pairing: { method: 'qr' },
      version: undefined,
      proxy: undefined,
      onEvent: () => {
        throw new Error('a bug of the session')
      },
    },
  })
  const closed = link.close()
  await clock.advance(3_000)
  await expect(closed).resolves.toBeUndefined()
})

/** Stanzas of the kinds that baileys handles, with anything in them. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    's.whatsapp.net',
    '12025550123@s.whatsapp.net',
    '99@lid',
    'x@g.us',
    'status@broadcast',
    '@',
    '',
  ),
)
const stanza: fc.Arbitrary<BinaryNode> = fc.letrec<{ node: BinaryNode }>((tie) => ({
  node: fc.record({
    tag: fc.constantFrom(
      'message',
      'receipt',
      'notification',
      'ack',
      'iq',
      'ib',
      'call',
      'presence',
      'chatstate',
      'enc',
      'participants',
      'count',
      'add',
      'list',
      'item',
      'retry',
      'error',
      'offline',
      'dirty',
    ),
    attrs: fc.dictionary(
      fc.constantFrom(
        'id',
        'from',
        'to',
        'participant',
        'recipient',
        'type',
        't',
        'offline',
        'class',
        'error',
        'xmlns',
        'notify',
        'code',
        'count',
        'category',
        'jid',
      ),
      text.filter((value) => value !== ''),
      { maxKeys: 6 },
    ),
    content: fc.option(
      fc.oneof(
        { maxDepth: 3 },
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
      { nil: undefined },
    ),
  }) as fc.Arbitrary<BinaryNode>,
})).node

test('hostile stanzas end at most their own socket: the process and its other sessions go on', async () => {
  await using rig = await startRig()
  const other = await rig.linked(2, bystander)
  const stanzas = fc.sample(stanza, { numRuns: 400, seed: 20_260_728 })
  let session = await rig.linked(1, ours)
  for (const [index, node] of stanzas.entries()) {
    if (session.events.some(({ type }) => type === 'closed')) {
      session = await rig.dial(1)
      await session.event('online')
    }
    rig.emulator.account(ours).disconnect({ do: 'stanza', stanza: node })
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const before = rig.entries.length
  rig.emulator.phone(customer).sends(bystander, 'still here?')
  await rig.until(() =>
    rig.entries.slice(before).some((entry) => entry.kind === 'message' && entry.sessionId === 2),
  )
  expect(other.events.some(({ type }) => type === 'closed')).toBe(false)
})
