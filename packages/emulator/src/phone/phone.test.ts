import { beforeAll, expect, test, vi } from 'vitest'

import { type Emulator, startEmulator } from '../emulator.ts'
import { BaileysClient } from '../testing/baileys-client.ts'
import { linked, reconnected } from '../testing/linked.ts'
import { WrongCodeError } from './pairing-code.ts'

// The phones' conversation with Baileys itself, over the emulator's own server.

const support = '+12025550100'
const customer = '+12025550123'
const other = '+12025550124'

// libsignal prints its session records, keys included.
beforeAll(() => {
  for (const method of ['info', 'warn', 'error', 'log'] as const) {
    vi.spyOn(console, method).mockImplementation(() => {})
  }
})

/** Everything a client's socket emits, to wait for. */
class Emitted {
  readonly #events: { name: string; json: string }[] = []
  readonly #waiting = new Set<() => void>()

  constructor(socket: BaileysClient['socket']) {
    socket.ev.process((batch) => {
      for (const [name, value] of Object.entries(batch))
        this.#events.push({ name, json: JSON.stringify(value) })
      for (const check of this.#waiting) check()
    })
  }

  /** Resolves once an event of this name holds all these parts of JSON. */
  seen(name: string, ...parts: string[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`No ${name} with ${parts.join(', ')}`)), 15_000)
    const check = (): void => {
      const found = this.#events.some(
        (event) => event.name === name && parts.every((part) => event.json.includes(part)),
      )
      if (!found) return
      clearTimeout(timer)
      this.#waiting.delete(check)
      resolve()
    }
    this.#waiting.add(check)
    check()
    return promise
  }
}

/** Waits until the client has left its initial sync: from then on it handles what comes offline at once. */
async function synced(client: BaileysClient): Promise<void> {
  await client.until(() => client.creds.accountSyncCounter === 1)
}

/** Waits until the client has a message with this text, and gives it. */
function hears(client: BaileysClient, text: string) {
  return client.until(() => client.messages.find(({ message }) => textIn(message.message) === text))
}

function textIn(message: BaileysClient['messages'][number]['message']['message']): string | undefined {
  return message?.conversation ?? message?.extendedTextMessage?.text ?? undefined
}

function nothingWentWrong(emulator: Emulator): void {
  expect([...emulator.truth.decryptFailures]).toEqual([])
  expect([...emulator.truth.retryReceipts]).toEqual([])
  expect([...emulator.truth.nacks]).toEqual([])
  expect(Object.fromEntries(emulator.truth.unanswered)).toEqual({})
}

test('a scanned client is linked, learns the name, its keys and the history, and leaves its initial sync', async () => {
  await using emulator = await startEmulator()
  const phone = emulator.phone(support)
  phone.setsPushName('Support')
  phone.remembers(customer, { text: 'from before', at: Date.UTC(2026, 0, 1) })
  await using client = new BaileysClient(emulator)
  client.connect()
  const qr = await client.qr()
  const companion = await phone.scan(qr)
  expect(companion).toMatchObject({ device: 1, pn: '12025550100:1@s.whatsapp.net' })
  await client.closed()
  client.forget()
  const emitted = new Emitted(client.connect())
  await synced(client)
  await client.until(() => client.creds.me?.name === 'Support')
  expect(client.creds.me).toMatchObject({ id: '12025550100:1@s.whatsapp.net' })
  await emitted.seen('messaging-history.set', 'from before', '"syncType":0')
  await emitted.seen('messaging-history.set', '"syncType":3', '"progress":100')
  await expect(phone.scan(qr)).rejects.toThrow('unknown ref')
  nothingWentWrong(emulator)
})

test('a typed code links a client; a wrong one does not, and can be typed again', async () => {
  await using emulator = await startEmulator()
  const phone = emulator.phone(support)
  await expect(async () => phone.scan('not a code')).rejects.toThrow('4 or 5 parts')
  await using client = new BaileysClient(emulator)
  client.connect()
  await client.qr()
  const code = await client.socket.requestPairingCode(support.slice(1))
  await expect(phone.enterCode('ABCD-1234')).rejects.toThrow(WrongCodeError)
  const companion = await phone.enterCode(`${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`)
  expect(companion.device).toBeGreaterThan(0)
  await client.closed()
  await reconnected(client)
  emulator.phone(customer).sends(support, 'hello')
  await hears(client, 'hello')
})

test('unlinking ends the client for good', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  client.forget()
  emulator.phone(support).unlink()
  expect(await client.closed()).toMatchObject({ code: 401, data: { tag: 'conflict' } })
  client.forget()
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 401, message: 'Connection Failure' })
})

test.each(['lid', 'pn'] as const)('texts go both ways in a chat addressed by %s', async (addressing) => {
  await using emulator = await startEmulator({ phones: { addressing, receipts: 'read' } })
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  const sent = phone.sends(support, 'Are you open today?')
  const heard = await hears(client, 'Are you open today?')
  expect(heard.type).toBe('notify')
  expect(heard.message.key).toMatchObject({
    remoteJid: phone[addressing],
    remoteJidAlt: addressing === 'lid' ? phone.pn : phone.lid,
    fromMe: false,
    id: sent.id,
  })
  expect(heard.message.pushName).toBe('Phone 0123')
  // The account's own phone, and the client.
  await phone.delivered(sent, { devices: 2 })
  await client.socket.readMessages([heard.message.key])
  await phone.wasRead(sent)

  const answer = await client.socket.sendMessage(
    phone[addressing],
    { text: 'Until six.' },
    { quoted: heard.message },
  )
  const received = await phone.receives('Until six.')
  expect(received).toMatchObject({ id: answer?.key.id, chat: '12025550100@s.whatsapp.net', fromMe: false })
  expect(received.message.extendedTextMessage?.contextInfo).toMatchObject({ stanzaId: sent.id })
  const types = () =>
    client.stanzas.filter(({ tag, attrs }) => tag === 'receipt' && attrs['id'] === received.id)
  await client.until(() => types().some(({ attrs }) => attrs['type'] === 'read'))
  expect(types().map(({ attrs }) => attrs['type'])).toEqual([undefined, 'read'])

  phone.sends(support, { text: 'Thanks @support', quoted: received, mentions: [support] })
  const thanks = await hears(client, 'Thanks @support')
  expect(thanks.message.message?.extendedTextMessage?.contextInfo).toMatchObject({
    stanzaId: received.id,
    mentionedJid: [emulator.phone(support)[addressing]],
    quotedMessage: { extendedTextMessage: { text: 'Until six.' } },
  })
  nothingWentWrong(emulator)
})

test('a phone sends the receipts it is told to, and reads when told', async () => {
  await using emulator = await startEmulator({ phones: { receipts: 'off' } })
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  const receiptsFor = (id: string | null | undefined) =>
    client.stanzas
      .filter(({ tag, attrs }) => tag === 'receipt' && attrs['id'] === id)
      .map(({ attrs }) => attrs['type'] ?? 'delivery')
  const one = await client.socket.sendMessage(phone.pn, { text: 'one' })
  await phone.receives('one')
  phone.receipts = 'delivery'
  const two = await client.socket.sendMessage(phone.pn, { text: 'two' })
  await client.until(() => receiptsFor(two?.key.id).length > 0)
  expect([receiptsFor(one?.key.id), receiptsFor(two?.key.id)]).toEqual([[], ['delivery']])
  await phone.receives('two')
  phone.reads(support)
  phone.reads(support)
  await client.until(() => receiptsFor(one?.key.id).length > 0)
  expect(receiptsFor(one?.key.id)).toEqual(['read'])
})

test('every device of a contact gets its own copy, and can write', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  const web = phone.addDevice()
  await client.socket.sendMessage(phone.lid, { text: 'to all of you' })
  await phone.receives('to all of you')
  await phone.receives('to all of you', { device: web })
  phone.sends(support, 'from the web', { device: web })
  const { message } = await hears(client, 'from the web')
  expect(message.key.remoteJid).toBe(phone.lid)
  await client.socket.sendMessage(phone.lid, { text: 'again' })
  await phone.receives('again', { device: web })
  nothingWentWrong(emulator)
})

test('the account’s own phone shows what its client sends, and the client what the phone sends', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  await using second = await linked(emulator, support)
  const own = emulator.phone(support)
  await client.socket.sendMessage(emulator.phone(customer).lid, { text: 'from the client' })
  expect(await own.showsSent('from the client')).toMatchObject({
    chat: '12025550123@s.whatsapp.net',
    from: '12025550100:1@s.whatsapp.net',
  })
  expect((await hears(second, 'from the client')).message.key.fromMe).toBe(true)
  own.sends(customer, 'from the phone')
  for (const each of [client, second]) {
    const { message } = await hears(each, 'from the phone')
    expect(message.key).toMatchObject({ fromMe: true, remoteJid: emulator.phone(customer).lid })
  }
  await emulator.phone(customer).receives('from the phone')
  nothingWentWrong(emulator)
})

test('when both sides write first at once, everything is read in the end', async () => {
  await using emulator = await startEmulator()
  const sent = new Map<string, object>()
  await using client = await linked(emulator, support, {
    getMessage: async ({ id }) => sent.get(id ?? ''),
  })
  const phones = Array.from({ length: 5 }, (_, index) => emulator.phone(`+120255501${30 + index}`))
  const writing = phones.map(async (phone) => {
    const message = await client.socket.sendMessage(phone.lid, { text: `to ${phone.number}` })
    sent.set(message?.key.id ?? '', message?.message ?? {})
  })
  for (const phone of phones) phone.sends(support, `from ${phone.number}`)
  await Promise.all(writing)
  for (let turn = 0; turn < 3; turn++) {
    for (const phone of phones) {
      phone.sends(support, `turn ${turn} from ${phone.number}`)
      const message = await client.socket.sendMessage(phone.lid, { text: `turn ${turn} to ${phone.number}` })
      sent.set(message?.key.id ?? '', message?.message ?? {})
    }
  }
  for (const phone of phones) {
    await phone.receives(`to ${phone.number}`)
    await hears(client, `from ${phone.number}`)
    for (let turn = 0; turn < 3; turn++) {
      await phone.receives(`turn ${turn} to ${phone.number}`)
      await hears(client, `turn ${turn} from ${phone.number}`)
    }
  }
  // libsignal spoils a session when two meet (signal-device.test.ts); what cannot be read is asked for again.
  expect(emulator.truth.owed()).toEqual([])
})

test('a message damaged on its way is asked for again and sent again under its id', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  phone.sends(support, 'first')
  await hears(client, 'first')
  emulator.account(support).onDeliveries({ kind: 'corrupt' })
  const sent = phone.sends(support, 'damaged')
  const heard = await hears(client, 'damaged')
  expect(heard.message.key.id).toBe(sent.id)
  expect(emulator.truth.retryReceipts.find(({ id }) => id === sent.id)).toMatchObject({ count: 1 })
  phone.sends(support, 'after')
  await hears(client, 'after')
})

test('a copy for the account’s own client is sent again too', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  await synced(client)
  emulator.account(support).onDeliveries({ kind: 'corrupt' })
  const sent = emulator.phone(support).sends(customer, 'from the phone')
  const { message } = await hears(client, 'from the phone')
  expect(message.key).toMatchObject({ id: sent.id, fromMe: true, remoteJid: emulator.phone(customer).lid })
})

test('a contact with a new telephone, and so new keys, is understood and understands', async () => {
  await using emulator = await startEmulator()
  const sent = new Map<string, object>()
  await using client = await linked(emulator, support, {
    getMessage: async ({ id }) => sent.get(id ?? ''),
  })
  const phone = emulator.phone(customer)
  phone.sends(support, 'old keys')
  await hears(client, 'old keys')
  await client.socket.sendMessage(phone.lid, { text: 'to the old' })
  await phone.receives('to the old')
  phone.reinstalls()
  const message = await client.socket.sendMessage(phone.lid, { text: 'to the new' }, { messageId: 'NEW' })
  sent.set('NEW', message?.message ?? {})
  await phone.receives('to the new')
  phone.sends(support, 'new keys')
  expect((await hears(client, 'new keys')).message.key.remoteJid).toBe(phone.lid)
})

test('a phone that lost its sessions asks again, and reads what is sent again', async () => {
  await using emulator = await startEmulator()
  const sent = new Map<string, object>()
  await using client = await linked(emulator, support, {
    getMessage: async ({ id }) => sent.get(id ?? ''),
    enableRecentMessageCache: false,
  })
  const phone = emulator.phone(customer)
  phone.sends(support, 'hello')
  await hears(client, 'hello')
  await client.socket.sendMessage(phone.lid, { text: 'one' })
  await phone.receives('one')
  phone.losesSessions()
  const message = await client.socket.sendMessage(phone.lid, { text: 'two' }, { messageId: 'TWO' })
  sent.set('TWO', message?.message ?? {})
  expect(await phone.receives('two')).toMatchObject({ id: 'TWO' })
  expect([...emulator.truth.decryptFailures]).toMatchObject([{ id: 'TWO', reason: 'no_session' }])
  phone.losesSessions()
  phone.sends(support, 'three')
  await hears(client, 'three')
})

test('what is written while the client is offline comes when it is back, once', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  await synced(client)
  await client.end()
  const phone = emulator.phone(customer)
  const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`)
  for (const text of texts) phone.sends(support, text)
  await reconnected(client)
  await hears(client, 'message 29')
  expect(client.messages.flatMap(({ message }) => textIn(message.message) ?? [])).toEqual(texts)
  await emulator.truth.until(() => emulator.account(support).owed === 0)
  nothingWentWrong(emulator)
})

test('a phone that is offline gets everything when it is back', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  phone.goOffline()
  await client.socket.sendMessage(phone.lid, { text: 'are you there?' })
  await emulator.phone(support).showsSent('are you there?')
  expect(phone.inbox).toEqual([])
  phone.goOnline()
  await phone.receives('are you there?')
})

test('a group reads both ways, and who left cannot read on', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const [phone, friend] = [emulator.phone(customer), emulator.phone(other)]
  const group = emulator.group('Orders', [support, customer, other])
  phone.sends(group.jid, 'hello all')
  const heard = await hears(client, 'hello all')
  expect(heard.message.key).toMatchObject({
    remoteJid: group.jid,
    participant: phone.lid,
    participantAlt: phone.pn,
  })
  await friend.receives('hello all')
  await client.socket.sendMessage(group.jid, { text: 'hello back' })
  for (const each of [phone, friend]) {
    expect(await each.receives('hello back')).toMatchObject({
      chat: group.jid,
      from: '12025550100:1@s.whatsapp.net',
    })
  }
  friend.sends(group.jid, 'two')
  phone.sends(group.jid, 'three')
  await hears(client, 'two')
  await hears(client, 'three')
  await client.socket.groupParticipantsUpdate(group.jid, [friend.lid], 'remove')
  phone.sends(group.jid, 'without you')
  await hears(client, 'without you')
  await client.socket.sendMessage(group.jid, { text: 'me neither' })
  await phone.receives('me neither')
  expect(friend.inbox.map(({ text }) => text)).toEqual(['hello all', 'hello back', 'three'])
  nothingWentWrong(emulator)
})

test('a group message that cannot be read is asked for again', async () => {
  await using emulator = await startEmulator()
  const sent = new Map<string, object>()
  await using client = await linked(emulator, support, { getMessage: async ({ id }) => sent.get(id ?? '') })
  const phone = emulator.phone(customer)
  const group = emulator.group('Orders', [support, customer])
  phone.sends(group.jid, 'one')
  await hears(client, 'one')
  await client.socket.sendMessage(group.jid, { text: 'two' })
  await phone.receives('two')
  phone.losesSessions()
  const message = await client.socket.sendMessage(group.jid, { text: 'three' }, { messageId: 'THREE' })
  sent.set('THREE', message?.message ?? {})
  await phone.receives('three')
  emulator.account(support).onDeliveries({ kind: 'corrupt' })
  const four = phone.sends(group.jid, 'four')
  expect((await hears(client, 'four')).message.key.id).toBe(four.id)
})

test('reactions, edits, deletions, typing, presence and calls arrive as WhatsApp’s do', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  const socket = client.socket
  const emitted = new Emitted(socket)
  await socket.sendMessage(phone.lid, { text: 'hello' })
  const received = await phone.receives('hello')
  phone.reacts(received, '👍')
  await emitted.seen('messages.reaction', '👍', received.id)
  const sent = phone.sends(support, 'helo')
  phone.edits(sent, 'hello')
  await emitted.seen('messages.update', sent.id, 'editedMessage')
  phone.deletes(sent)
  await emitted.seen('messages.update', sent.id, '"message":null')
  phone.types(support)
  await emitted.seen('presence.update', 'composing')
  await socket.presenceSubscribe(phone.lid)
  phone.appears('available')
  await emitted.seen('presence.update', 'available')
  const call = phone.calls(support)
  await emitted.seen('call', call, 'offer')
  phone.hangsUp(support, call)
  await emitted.seen('call', call, 'terminate')
  await socket.sendPresenceUpdate('composing', phone.lid)
  expect(await phone.sees('composing', support)).toMatchObject({ from: emulator.phone(support).lid })
  nothingWentWrong(emulator)
})

test('app state goes both ways', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const emitted = new Emitted(client.socket)
  await synced(client)
  const phone = emulator.phone(support)
  const chat = emulator.phone(customer).lid
  phone.settings.archives(customer)
  await emitted.seen('chats.update', chat, '"archived":true')
  phone.settings.savesContact(customer, 'Ana Pérez')
  await emitted.seen('contacts.upsert', 'Ana Pérez')
  await client.socket.chatModify({ pin: true }, chat)
  expect(phone.appState('regular_low', ['pin_v1', chat])?.pinAction?.pinned).toBe(true)
  phone.settings.archives(customer, false)
  await emitted.seen('chats.update', chat, '"archived":false')
  phone.setsPushName('New name')
  await client.until(() => client.creds.me?.name === 'New name')
  nothingWentWrong(emulator)
})

test('bytes that are no message are asked for again, and then they are one', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, support)
  const phone = emulator.phone(customer)
  const plaintext = Buffer.concat([Buffer.alloc(30, 0xff), Buffer.from([1])])
  const { id } = phone.sends(support, 'readable at last', { plaintext })
  await hears(client, 'readable at last')
  expect([...emulator.truth.retryReceipts].map((retry) => retry.id)).toContain(id)
})
