import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import type { Jid } from '@inbox-hub/whatsapp'
import { parseJid } from '@inbox-hub/whatsapp'

import { createManualClock } from '../../../platform/testing/manual-clock.ts'
import { proto } from '../baileys.ts'
import type { Link } from './dial.ts'
import type { OutboundContent } from './outbound.ts'
import type { Rig } from '../testing/rig.ts'
import { slowly, startRig } from '../testing/rig.ts'
import { StockClient } from '../testing/stock.ts'

const ours = '+12025550100'
const customer = '+12025550123'
const customerJid = parseJid('12025550123@s.whatsapp.net')

let sent = 0
function send(
  link: Link,
  to: Jid,
  { text, mentions, quoted }: { text: string; mentions?: readonly Jid[] } & Partial<OutboundContent>,
) {
  sent += 1
  const id = `3EB0${sent.toString(16).padStart(18, '0').toUpperCase()}`
  const protos: proto.Message[] = []
  const done = link.send(
    {
      id,
      to,
      content: { content: { kind: 'text', text, ...(mentions && { mentions }) }, quoted },
      refreshDevices: false,
    },
    async (bytes) => void protos.push(proto.Message.decode(bytes)),
  )
  return { id, done, protos }
}

function readBy(rig: Rig, number: string): string[] {
  return rig.emulator.phone(number).inbox.map(({ text }) => text ?? '')
}

test('text, mentions and quotes arrive as they were written', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  rig.emulator.phone(customer).sends(ours, 'Are you open?')
  await rig.until(() => rig.entries.some(({ kind }) => kind === 'message'))
  const question = rig.entries.find((entry) => entry.kind === 'message')
  if (question === undefined) throw new Error('no question')
  const { protos, done } = send(link, question.chat, {
    text: 'Yes @12025550123, until six',
    mentions: [question.sender],
    quoted: {
      id: question.id,
      chat: question.chat,
      sender: question.sender,
      fromMe: false,
      content: question.content,
    },
  })
  await done
  await rig.emulator.truth.until(() => readBy(rig, customer).length === 1)
  const text = protos[0]?.extendedTextMessage
  expect(text).toMatchObject({
    text: 'Yes @12025550123, until six',
    contextInfo: {
      mentionedJid: [question.sender],
      stanzaId: question.id,
      participant: question.sender,
      quotedMessage: { conversation: 'Are you open?' },
    },
  })
})

test('the ciphertext reaches the wire only after the ratchet step is stored', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await send(link, customerJid, { text: 'warm' }).done
  const release = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  rig.database.beforeWrite = () => {
    asked.resolve()
    return release.promise
  }
  const { id, done } = send(link, customerJid, { text: 'held' })
  await asked.promise
  expect(rig.emulator.truth.sent.find((one) => one.id === id)).toBeUndefined()
  rig.database.beforeWrite = undefined
  release.resolve()
  await done
  await rig.emulator.truth.until(() => readBy(rig, customer).includes('held'))
})

test('no counter is used twice when sends and receipts overlap on a slow store', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  const phone = rig.emulator.phone(customer)
  phone.sends(ours, 'hello')
  await rig.until(() => rig.entries.some(({ kind }) => kind === 'message'))
  await send(link, customerJid, { text: 'hello' }).done
  rig.database.beforeWrite = slowly(12)
  for (let round = 0; round < 25; round += 1) {
    const { done } = send(link, customerJid, { text: `out ${round}` })
    phone.sends(ours, `in ${round}`)
    await done
  }
  rig.database.beforeWrite = undefined
  await rig.emulator.truth.until(() => readBy(rig, customer).length >= 26)
  await rig.until(() => rig.entries.filter(({ kind }) => kind === 'message').length === 26)
  expect(rig.emulator.truth.decryptFailures.find(() => true)).toBeUndefined()
  expect(rig.emulator.truth.retryReceipts.find(() => true)).toBeUndefined()
})

test('numbers are answered with the address to write to, or as unknown', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  rig.emulator.account('+12025550177').setRegistered(false)
  rig.emulator.phone(customer)
  const answers = await link.numbers(['12025550123', '12025550177'])
  const { lid } = rig.emulator.addresses(customer)
  expect(answers).toEqual([
    { digits: '12025550123', exists: true, pn: customerJid, lid },
    { digits: '12025550177', exists: false, pn: undefined, lid: undefined },
  ])
})

test('read receipts and typing reach the other side', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  const { id } = rig.emulator.phone(customer).sends(ours, 'hello')
  await rig.until(() => rig.entries.some(({ kind }) => kind === 'message'))
  const message = rig.entries.find((entry) => entry.kind === 'message')
  if (message === undefined) throw new Error('no message')
  await link.typing(message.chat, 'composing')
  await link.markRead([{ chat: message.chat, sender: undefined, id }])
  await rig.emulator.truth.until(
    ({ receipts }) => receipts.find(({ ids, type }) => ids.includes(id) && type === 'read') !== undefined,
  )
  await expect(link.markRead([])).resolves.toBeUndefined()
})

test('a closed link refuses everything, and closing again changes nothing', async () => {
  await using rig = await startRig()
  const session = await rig.linked(1, ours)
  const { link } = session
  await Promise.all([link.close(), link.close()])
  expect((await session.event('closed')).cause.reason).toBe('asked')
  const refusal = { code: 'SESSION_NOT_CONNECTED' }
  await expect(send(link, customerJid, { text: 'late' }).done).rejects.toMatchObject(refusal)
  await expect(link.markRead([])).rejects.toMatchObject(refusal)
  await expect(link.numbers(['12025550123'])).rejects.toMatchObject(refusal)
  await expect(link.typing(customerJid, 'paused')).rejects.toMatchObject(refusal)
  await expect(link.logout()).rejects.toMatchObject(refusal)
  await expect(link.requestPairingCode('12025550100')).rejects.toMatchObject(refusal)
})

/** A way to the emulator that a cut cable can be made of: nothing passes any more, and nobody is told. */
async function cable() {
  let target = 0
  const ends = new Set<net.Socket>()
  const server = net.createServer((client) => {
    const far = net.connect(target, '127.0.0.1')
    for (const end of [client, far]) {
      ends.add(end)
      end.on('error', () => {})
    }
    client.pipe(far)
    far.pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server's address is an object.
  const { port } = server.address() as net.AddressInfo
  return {
    url: `ws://127.0.0.1:${port}/ws/chat`,
    leadsTo: (url: string) => {
      target = Number(new URL(url).port)
    },
    cut: () => {
      for (const end of ends) end.unpipe().pause()
    },
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) end.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('closing a connection whose peer is dead takes 2 s', async () => {
  const clock = createManualClock()
  await using wire = await cable()
  await using rig = await startRig({ clock, url: wire.url })
  wire.leadsTo(rig.emulator.url)
  const { link, events } = await rig.linked(1, ours)
  wire.cut()
  let isOver = false
  const closing = link.close().then(() => (isOver = true))
  await clock.advance(1_900)
  expect(isOver).toBe(false)
  await clock.advance(100)
  await closing
  expect(events.at(-1)).toMatchObject({ type: 'closed', cause: { reason: 'asked' } })
})

test('stock baileys waits for the dead peer (ws gives up after 30 s)', async () => {
  await using wire = await cable()
  await using rig = await startRig()
  wire.leadsTo(rig.emulator.url)
  await using stock = new StockClient(rig.emulator)
  const sock = await stock.link(ours, { waWebSocketUrl: wire.url })
  wire.cut()
  let isOver = false
  const ended = sock.end(undefined).then(() => (isOver = true))
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(isOver).toBe(false)
  // `socket` is a plain field of baileys' client.
  ;(sock.ws as unknown as { socket: { terminate(): void } }).socket.terminate()
  await ended
})

test('logging out takes the device off the phone', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  expect(rig.emulator.phone(ours).companions()).toHaveLength(1)
  await link.logout()
  await rig.emulator.truth.until(() => rig.emulator.phone(ours).companions().length === 0)
})

test('forgotten credentials are archived, and the session pairs anew', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await link.close()
  await rig.engine.forget(await rig.lease(1), 'logged_out')
  expect(await rig.engine.credentialsKind(1)).toBe('none')
  const count = async (table: string): Promise<unknown> =>
    (await rig.database.sql.execute(`SELECT count(*) AS n FROM ${table}`, [])).rows[0]
  expect(await count('session_credentials_archive')).toEqual({ n: 1 })
  expect(await count('signal_key')).toEqual({ n: 0 })
  const next = await rig.dial(1)
  await next.event('qr')
})

test('a contact is given a privacy token behind the first message, not behind each', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  const { privacyTokens } = rig.emulator.truth
  await send(link, customerJid, { text: 'one' }).done
  await rig.emulator.truth.until(() => privacyTokens.total === 1)
  for (const text of ['two', 'three', 'four']) await send(link, customerJid, { text }).done
  await send(link, parseJid('12025550124@s.whatsapp.net'), { text: 'to another' }).done
  await rig.emulator.truth.until(() => privacyTokens.total > 1)
  expect(privacyTokens.filter(() => true).map(({ to }) => to)).toEqual([
    customerJid,
    '12025550124@s.whatsapp.net',
  ])
})

test('a privacy token that WhatsApp did not take is given behind the next message', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  const { privacyTokens } = rig.emulator.truth
  rig.emulator.account(ours).onQueries({ query: 'privacy set tokens', answer: { code: 500, text: 'no' } })
  await send(link, customerJid, { text: 'one' }).done
  for (let round = 0; privacyTokens.total === 0; round += 1)
    await send(link, customerJid, { text: `again ${round}` }).done
  expect(privacyTokens.total).toBe(1)
})

test('stock baileys gives a contact a privacy token with every message', async () => {
  await using rig = await startRig()
  await using stock = new StockClient(rig.emulator)
  const sock = await stock.link(ours)
  const { privacyTokens } = rig.emulator.truth
  // One that goes while a token is under way brings none.
  for (let count = 1; privacyTokens.total < 3; count += 1) {
    await sock.sendMessage(customerJid, { text: `${count}` })
    await nextTurn() // its answer has to be read
  }
  expect(privacyTokens.filter(({ to }) => to === customerJid).length).toBeGreaterThanOrEqual(3)
})
