import { expect, test } from 'vitest'
import { startEmulator } from '../emulator.ts'
import type { BaileysClient } from '../testing/baileys-client.ts'
import { collectRejections } from '../testing/rejections.ts'
import { linked, reconnected } from '../testing/linked.ts'

const mine = '+12025550100'
const theirs = '+12025550123'
const pnOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

type Told = Pick<BaileysClient['messages'][number], 'message'>

const textOf = ({ message }: Told): string | undefined =>
  message.message?.conversation ?? message.message?.extendedTextMessage?.text ?? undefined

/** Texts of others a client was told, in order. */
const textsOf = ({ messages }: BaileysClient): string[] =>
  messages.flatMap((each) => (each.message.key.fromMe === true ? [] : (textOf(each) ?? [])))

test('text goes both ways, is acknowledged, delivered and read', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)

  const question = customer.sends(mine, 'Are you open today?')
  await client.until(() => textsOf(client).includes('Are you open today?'))
  await customer.delivered(question)

  const answer = await client.socket.sendMessage(pnOf(theirs), { text: 'Until eight.' })
  const received = await customer.receives('Until eight.')
  await client.until(() =>
    client.stanzas.some(({ tag, attrs }) => tag === 'ack' && attrs['id'] === answer?.key.id),
  )
  await client.until(() =>
    client.stanzas.some(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === undefined),
  )
  customer.reads(received)
  await client.until(() =>
    client.stanzas.some(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === 'read'),
  )

  expect(emulator.truth.sentIds(mine)).toEqual([answer?.key.id])
  expect(emulator.truth.decryptFailures.total).toBe(0)
  await emulator.truth.until((truth) => truth.owed(mine).length === 0)
  expect([...emulator.truth.unanswered.keys()]).toEqual([])
})

test('a message that nobody acknowledged is delivered again after the next login, and once only when it was', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  await client.end()
  await emulator.truth.until(() => emulator.online().length === 0)

  const texts = Array.from({ length: 250 }, (_, index) => `message ${index}`)
  for (const text of texts) customer.sends(mine, text)
  expect(emulator.truth.owed(mine)).toHaveLength(250)

  // A connection that breaks as soon as it has the queue: nothing of it counts.
  using _ = collectRejections()
  emulator.nextConnection({ at: 'open', do: 'reset' }, { number: mine })
  client.connect()
  await client.closed()
  expect(emulator.truth.deliveries.filter(({ attempts }) => attempts === 1).length).toBeGreaterThan(0)

  await reconnected(client)
  await emulator.truth.until((truth) => truth.owed(mine).length === 0)
  await client.end()
  await reconnected(client)
  expect(
    emulator.truth.deliveries.filter(({ to, attempts }) => to.startsWith('12025550100:1') && attempts > 2),
  ).toEqual([])
})

test('offline messages come marked as such, between a preview and a closing count', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.end()
  await emulator.truth.until(() => emulator.online().length === 0)
  emulator.phone(theirs).sends(mine, 'first')
  emulator.phone(theirs).sends(mine, 'second')
  client.stanzas.length = 0
  await reconnected(client)
  await client.until(() => textsOf(client).length === 2)

  const order = client.stanzas
    .map(
      ({ tag, attrs, content }) =>
        `${tag} ${attrs['offline'] ?? (Array.isArray(content) ? content[0]?.tag : '')}`,
    )
    .filter((each) => /^ib offline|^message/.test(each))
  expect(order).toEqual(['ib offline_preview', 'message 0', 'message 1', 'ib offline'])
  expect(client.messages.filter(({ type }) => type === 'append').length).toBeGreaterThanOrEqual(2)
})

test('every device of a contact gets the message, and so do the account’s own others', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await using other = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  const second = customer.addDevice()

  await client.socket.sendMessage(pnOf(theirs), { text: 'to all of you' })
  await customer.receives('to all of you')
  await customer.receives('to all of you', { device: second })
  await emulator.phone(mine).showsSent('to all of you')
  await other.until(() => other.messages.find((each) => textOf(each) === 'to all of you'))

  customer.sends(mine, 'and back')
  await client.until(() => textsOf(client).includes('and back'))
  await other.until(() => textsOf(other).includes('and back'))
  expect(emulator.truth.decryptFailures.total).toBe(0)
})

test('chats work under the number and under the LID', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  for (const addressing of ['pn', 'lid'] as const) {
    customer.sends(mine, `by ${addressing}`, { addressing })
    await client.until(() => textsOf(client).includes(`by ${addressing}`))
  }
  for (const jid of [customer.pn, customer.lid]) {
    await client.socket.sendMessage(jid, { text: `to ${jid}` })
    await customer.receives(`to ${jid}`)
  }
  expect(emulator.truth.decryptFailures.total).toBe(0)
  expect(emulator.truth.retryReceipts.total).toBe(0)
})

test('a ciphertext that was damaged is asked for again, and read', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  customer.sends(mine, 'hello')
  await client.until(() => textsOf(client).includes('hello'))

  emulator.account(mine).onDeliveries({ kind: 'corrupt' })
  const sent = customer.sends(mine, 'say that again?')
  await client.until(() => textsOf(client).includes('say that again?'))
  expect(emulator.truth.retryReceipts.find(({ id }) => id === sent.id)).toMatchObject({ count: 1 })
  await emulator.truth.until((truth) => truth.owed(mine).length === 0)
})

test('groups are read and written', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const group = emulator.group('Neighbours', [theirs, mine, '+12025550124'])
  await client.until(() => client.stanzas.find(({ attrs }) => attrs['type'] === 'w:gp2'))

  emulator.phone(theirs).sends(group.jid, 'Whose bicycle is that?')
  await client.until(() => textsOf(client).includes('Whose bicycle is that?'))
  await client.socket.sendMessage(group.jid, { text: 'Mine.' })
  await emulator.phone(theirs).receives('Mine.')
  await emulator.phone('+12025550124').receives('Mine.')
  emulator.phone('+12025550124').sends(group.jid, 'Lovely.')
  await client.until(() => textsOf(client).includes('Lovely.'))

  expect(await client.socket.groupMetadata(group.jid)).toMatchObject({
    subject: 'Neighbours',
    addressingMode: 'lid',
    size: 3,
  })
  expect(Object.keys(await client.socket.groupFetchAllParticipating())).toEqual([group.jid])
  expect(emulator.truth.decryptFailures.total).toBe(0)
})

test('a client creates a group, changes it and leaves', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const { socket } = client
  const { id } = await socket.groupCreate('Plans', [pnOf(theirs)])
  await socket.groupUpdateSubject(id, 'Better plans')
  await socket.groupUpdateDescription(id, 'What we will do')
  await socket.groupParticipantsUpdate(id, [pnOf('+12025550124')], 'add')
  await socket.groupSettingUpdate(id, 'announcement')
  expect(await socket.groupMetadata(id)).toMatchObject({
    subject: 'Better plans',
    desc: 'What we will do',
    announce: true,
    size: 3,
  })
  await socket.groupLeave(id)
  await expect(socket.groupMetadata(id)).rejects.toMatchObject({ data: 403 })
  await expect(socket.groupMetadata('120363000000000@g.us')).rejects.toMatchObject({ data: 404 })
})

test('typing and presence reach those who look', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  customer.types(mine)
  await client.until(() => client.stanzas.find(({ tag }) => tag === 'chatstate'))
  await client.socket.sendPresenceUpdate('composing', pnOf(theirs))
  await customer.sees('composing', mine)
  await client.socket.presenceSubscribe(pnOf(theirs))
  await client.socket.query({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } })
  customer.appears('available')
  const seen = await client.until(() => client.stanzas.find(({ tag }) => tag === 'presence'))
  expect(seen.attrs).toMatchObject({ from: customer.pn, type: 'available' })
})

test('who is on WhatsApp can be asked', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account('+12025550199').setRegistered(false)
  expect(await client.socket.onWhatsApp('12025550123', '12025550199')).toEqual([
    { jid: pnOf(theirs), exists: true },
  ])
})

test('a client whose one-time keys run out is told, and uploads more', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).exhaustPreKeys()
  const next = client.creds.nextPreKeyId
  await client.until(() => client.creds.nextPreKeyId > next)
  // A contact that found none can write all the same.
  emulator.account(mine).exhaustPreKeys({ tell: false })
  emulator.phone(theirs).sends(mine, 'without a one-time key')
  await client.until(() => textsOf(client).includes('without a one-time key'))
  expect(emulator.truth.retryReceipts.total).toBe(0)
})

test('settings around the login are answered', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const { socket } = client
  await socket.updateBlockStatus(pnOf(theirs), 'block')
  expect(await socket.fetchBlocklist()).toEqual([emulator.addresses(theirs).lid])
  expect(await socket.fetchPrivacySettings(true)).toMatchObject({ readreceipts: 'all' })
  await expect(socket.profilePictureUrl(pnOf(theirs))).rejects.toMatchObject({ data: 404 })
  expect(await socket.fetchAccountReachoutTimelock()).toMatchObject({ isActive: false })
  emulator.account(mine).setReachoutTimelock({ endsAt: 1_900_000_000_000 })
  await client.until(() => client.updates.find(({ reachoutTimeLock }) => reachoutTimeLock?.isActive === true))
  expect([...emulator.truth.unanswered.keys()]).toEqual([])
})
