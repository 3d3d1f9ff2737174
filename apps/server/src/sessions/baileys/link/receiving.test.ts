import { expect, test } from 'vitest'

import { StoreFault } from '../../../platform/database/index.ts'
import type { JournalEntry } from '../journal/entry.ts'
import type { Rig } from '../testing/rig.ts'
import { startRig } from '../testing/rig.ts'
import { StockClient } from '../testing/stock.ts'

const ours = '+12025550100'
const customer = '+12025550123'
const second = '+12025550124'

type Message = Extract<JournalEntry, { kind: 'message' }>

function messages(rig: Rig): Message[] {
  return rig.entries.filter((entry): entry is Message => entry.kind === 'message')
}

function texts(rig: Rig): string[] {
  return messages(rig).map(({ content }) => (content.kind === 'undecryptable' ? '' : content.text))
}

/** Receipts that let the server forget what it delivered to us. */
function acknowledged(rig: { emulator: Rig['emulator'] }, id: string): boolean {
  const { receipts, nacks } = rig.emulator.truth
  return (
    receipts.find(({ ids, type }) => ids.includes(id) && type !== 'retry') !== undefined ||
    nacks.find((nack) => nack.id === id) !== undefined
  )
}

test('WhatsApp hears that a message arrived only after it is stored', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  const release = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  rig.database.beforeWrite = () => {
    asked.resolve()
    return release.promise
  }
  const { id } = rig.emulator.phone(customer).sends(ours, 'first')
  await asked.promise
  expect(acknowledged(rig, id)).toBe(false)
  expect(texts(rig)).toEqual([])
  rig.database.beforeWrite = undefined
  release.resolve()
  await rig.emulator.truth.until(() => acknowledged(rig, id))
  expect(texts(rig)).toEqual(['first'])
})

test('stock baileys acknowledges before its application has the message', async () => {
  await using rig = await startRig()
  await using stock = new StockClient(rig.emulator)
  const sock = await stock.link(ours)
  const order: string[] = []
  // `socket` is a plain field of baileys' client; every frame is written through it.
  const { socket } = sock.ws as unknown as { socket: { send(...args: unknown[]): void } }
  const write = socket.send.bind(socket)
  socket.send = (...args) => {
    order.push('a frame is written')
    write(...args)
  }
  sock.ev.on('messages.upsert', () => order.push('the application has the message'))
  const { id } = rig.emulator.phone(customer).sends(ours, 'first')
  await rig.emulator.truth.until(() => acknowledged(rig, id))
  await stock.until(() => order.includes('the application has the message'))
  expect(order.indexOf('a frame is written')).toBeLessThan(order.indexOf('the application has the message'))
})

test('a message whose receipt was lost is answered from the journal, and told once', async () => {
  await using rig = await startRig()
  const broken = await rig.linked(1, ours)
  // Stored, and then the connection breaks before anything is said.
  rig.database.afterWrite = async () => {
    const { rows } = await rig.database.sql.execute(`SELECT 1 FROM inbox_journal WHERE kind = 'message'`, [])
    if (rows.length === 0) return
    rig.database.afterWrite = undefined
    const closed = broken.event('closed')
    rig.emulator.account(ours).disconnect()
    await closed
  }
  const { id } = rig.emulator.phone(customer).sends(ours, 'only once')
  await rig.until(() => messages(rig).length === 1)
  expect(acknowledged(rig, id)).toBe(false)
  const again = await rig.dial(1)
  await again.event('online')
  await rig.emulator.truth.until(() => acknowledged(rig, id))
  expect(texts(rig)).toEqual(['only once'])
  expect(rig.emulator.truth.nacks.find((nack) => nack.id === id)).toBeUndefined()
})

test('what arrives while we are away is received at the next connection, marked as offline', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await link.close()
  rig.emulator.phone(customer).sends(ours, 'one')
  rig.emulator.phone(customer).sends(ours, 'two')
  const next = await rig.dial(1)
  await next.event('online')
  await rig.until(() => messages(rig).length === 2)
  expect(texts(rig)).toEqual(['one', 'two'])
  expect(messages(rig).every(({ offline }) => offline)).toBe(true)

  // As published it comes as `append`, which reads like history, and handlers of `notify` drop it.
  await using away = await startRig()
  await using stock = new StockClient(away.emulator)
  const sock = await stock.link(ours)
  await sock.end(undefined)
  away.emulator.phone(customer).sends(ours, 'one')
  stock.connect({ shouldSyncHistoryMessage: () => false })
  await stock.until(() => stock.messages.some(({ message }) => message.key.fromMe === false))
  expect(stock.messages.map(({ type }) => type)).not.toContain('notify')
})

test('what comes live does not overtake what waited for us', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await link.close()
  const waited = Array.from({ length: 40 }, (_, index) => `waited ${index}`)
  for (const text of waited) rig.emulator.phone(customer).sends(ours, text)
  const next = await rig.dial(1)
  // Everything that waited is on our side of the wire now, and hardly any of it is stored.
  await next.event('online')
  rig.emulator.phone(customer).sends(ours, 'live')
  await rig.until(() => messages(rig).length === waited.length + 1)
  expect(texts(rig)).toEqual([...waited, 'live'])
})

test('frames are handled in the order they came, compressed or not', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  for (let round = 0; round < 5; round += 1) {
    rig.emulator.account(ours).onDeliveries({ kind: 'compressed' })
    rig.emulator.phone(customer).sends(ours, `compressed ${round}`)
    rig.emulator.phone(customer).sends(ours, `plain ${round}`)
  }
  await rig.until(() => messages(rig).length === 10)
  expect(texts(rig)).toEqual(
    Array.from({ length: 5 }, (_, round) => [`compressed ${round}`, `plain ${round}`]).flat(),
  )
})

test('stock baileys lets a compressed frame be overtaken', async () => {
  await using rig = await startRig()
  await using stock = new StockClient(rig.emulator)
  const sock = await stock.link(ours)
  const order: string[] = []
  const seen = Promise.withResolvers<void>()
  sock.ws.on('CB:message', ({ attrs }: { attrs: Record<string, string> }) => {
    order.push(attrs['id'] ?? '')
    if (order.length === 20) seen.resolve()
  })
  const sent: string[] = []
  for (let round = 0; round < 10; round += 1) {
    rig.emulator.account(ours).onDeliveries({ kind: 'compressed' })
    sent.push(rig.emulator.phone(customer).sends(ours, `compressed ${round}`).id)
    sent.push(rig.emulator.phone(customer).sends(ours, `plain ${round}`).id)
  }
  await seen.promise
  expect(order).not.toEqual(sent)
  expect(order.toSorted()).toEqual(sent.toSorted())
})

test('a failed write cuts the connection before anything is said, and nothing is lost', async () => {
  await using rig = await startRig()
  const session = await rig.linked(1, ours)
  rig.database.beforeWrite = () => {
    throw new StoreFault('disk full')
  }
  const { id } = rig.emulator.phone(customer).sends(ours, 'kept by WhatsApp')
  await session.event('store_fault')
  const closed = await session.event('closed')
  expect(closed.cause.reason).toBe('store_fault')
  expect(acknowledged(rig, id)).toBe(false)
  expect(texts(rig)).toEqual([])

  rig.database.beforeWrite = undefined
  const again = await rig.dial(1)
  await again.event('online')
  await rig.until(() => messages(rig).length === 1)
  await rig.emulator.truth.until(() => acknowledged(rig, id))
  expect(texts(rig)).toEqual(['kept by WhatsApp'])

  // As published, a store that cannot write makes baileys ask for a retry and refuse the message for good.
  await using other = await startRig()
  await using stock = new StockClient(other.emulator)
  await stock.link(ours, { transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 1 } })
  stock.beforeWrite = () => {
    throw new Error('disk full')
  }
  const lost = other.emulator.phone(customer).sends(ours, 'lost')
  await other.emulator.truth.until(
    ({ nacks }) => nacks.find((nack) => nack.id === lost.id && nack.error === '500') !== undefined,
  )
})

test('a lease that another node took stops every commit, and nothing is acknowledged', async () => {
  await using rig = await startRig()
  const session = await rig.linked(1, ours)
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`UPDATE session_lease SET owner = 'another', epoch = epoch + 1`, [])
  })
  const { id } = rig.emulator.phone(customer).sends(ours, 'for the new owner')
  await session.event('fenced')
  await session.event('closed')
  expect(acknowledged(rig, id)).toBe(false)
  expect(texts(rig)).toEqual([])
})

test('a message that cannot be opened is told as such, and again when its sender repeats it', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  rig.emulator.phone(customer).sends(ours, 'hello')
  await rig.until(() => messages(rig).length === 1)
  rig.emulator.account(ours).onDeliveries({ kind: 'corrupt' })
  const { id } = rig.emulator.phone(customer).sends(ours, 'garbled')
  await rig.until(() => rig.entries.some(({ kind }) => kind === 'undecryptable'))
  expect(rig.entries.find(({ kind }) => kind === 'undecryptable')).toMatchObject({ id })
  await rig.until(() => messages(rig).some((message) => message.id === id))
  expect(texts(rig)).toEqual(['hello', 'garbled'])
})

test('a garbage frame ends its own socket and nothing else', async () => {
  await using rig = await startRig()
  const rejections: unknown[] = []
  const onRejection = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  const hit = await rig.linked(1, ours)
  const other = await rig.linked(2, second)
  rig.emulator.account(ours).disconnect({ do: 'garbage' })
  const closed = await hit.event('closed')
  expect(closed.cause.reason).toBe('bad_frame')
  rig.emulator.account(second).disconnect({ do: 'malformed' })
  expect((await other.event('closed')).cause.reason).toBe('bad_frame')
  process.off('unhandledRejection', onRejection)
  expect(rejections).toEqual([])
})

test('receipts are stored before they are acknowledged, with who read what', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  rig.emulator.phone(customer).sends(ours, 'question')
  await rig.until(() => messages(rig).length === 1)
  const [question] = messages(rig)
  if (question === undefined) throw new Error('the question is missing')
  await link.send(
    {
      id: '3EB0AAAAAAAAAAAAAAAAAB',
      to: question.chat,
      content: { content: { kind: 'text', text: 'answer' }, quoted: undefined },
      refreshDevices: false,
    },
    async () => {},
  )
  await rig.emulator.truth.until(
    ({ decrypted }) => decrypted.find(({ text }) => text === 'answer') !== undefined,
  )
  const phone = rig.emulator.phone(customer)
  const answer = phone.inbox.find(({ id }) => id === '3EB0AAAAAAAAAAAAAAAAAB')
  if (answer !== undefined) phone.reads(answer)
  await rig.until(() => rig.entries.some((entry) => entry.kind === 'receipt' && entry.status === 'read'))
  const receipts = rig.entries.filter((entry) => entry.kind === 'receipt')
  expect(receipts.map(({ status }) => status)).toEqual(['delivered', 'read'])
  expect(receipts.every(({ ids }) => ids.includes('3EB0AAAAAAAAAAAAAAAAAB'))).toBe(true)
  expect(receipts.every(({ chat }) => chat === question.chat)).toBe(true)
})

test('what is written on the own phone is received as ours', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  rig.emulator.phone(ours).sends(customer, 'from the phone')
  await rig.until(() => messages(rig).length === 1)
  const { lid, pn } = rig.emulator.addresses(customer)
  expect(messages(rig)[0]).toMatchObject({ fromMe: true, content: { kind: 'text', text: 'from the phone' } })
  expect([lid, pn]).toContain(messages(rig)[0]?.chat)
})

test('group messages are received with their author', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  const group = rig.emulator.group('Team', [customer, ours, second])
  rig.emulator.phone(customer).sends(group.jid, 'to all')
  rig.emulator.phone(second).sends(group.jid, 'me too')
  rig.emulator.phone(customer).sends(group.jid, 'again')
  await rig.until(() => messages(rig).length === 3)
  expect(messages(rig).map(({ chat }) => chat)).toEqual([group.jid, group.jid, group.jid])
  expect(texts(rig).sort()).toEqual(['again', 'me too', 'to all'])
  expect(new Set(messages(rig).map(({ sender }) => sender)).size).toBe(2)
  expect(rig.emulator.truth.retryReceipts.find(() => true)).toBeUndefined()
})

test('what is still owed after a crash is read back exactly as it was told', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  rig.emulator.phone(customer).sends(ours, 'one')
  rig.emulator.phone(customer).sends(ours, 'two')
  await rig.until(() => messages(rig).length >= 1)
  await rig.emulator.truth.until((truth) => truth.owed(ours).length === 0)
  const told = [...rig.entries]
  expect(await rig.engine.journal.owing()).toEqual([1])
  expect(await rig.engine.journal.owed(1, 100, 0)).toEqual(told)
  const [first, ...rest] = told
  if (first === undefined) throw new Error('nothing was told')
  await rig.database.write((tx) => rig.engine.journal.settle(tx, [first]))
  expect(await rig.engine.journal.owed(1, 100, 0)).toEqual(rest)
  expect(await rig.engine.journal.owed(1, 100, rest.at(-1)?.seq ?? first.seq)).toEqual([])
})
