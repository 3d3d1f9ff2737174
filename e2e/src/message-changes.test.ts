import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }

const listed = async (hub: Hub, id: string) => {
  const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
  return messages.find(({ messageId }) => messageId === id)
}
const eventuallyListed = (
  hub: Hub,
  id: string,
  is: (message: NonNullable<Awaited<ReturnType<typeof listed>>>) => boolean,
) =>
  eventually(
    async () => {
      const message = await listed(hub, id)
      return message !== undefined && is(message) ? message : undefined
    },
    () => `${id} never became that`,
  )

describe.each(stores)('what people do to messages on %s', (store) => {
  test('shows on the message, is told, and is no message of its own', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const answer = await support.sends(ana, 'We open at nine.')
    const received = await ana.receives('We open at nine.')
    const sent = ana.sends(support, 'Gratt!')

    ana.reacts(received, '👍')
    await hub.webhook.received('message.reaction')
    ana.reacts(received, '❤️')
    await hub.webhook.received('message.reaction', 2)
    expect(await listed(hub, answer.messageId)).toMatchObject({
      hasReactions: true,
      reactions: [{ emoji: '❤️', from: customerId, fromMe: false }],
    })
    ana.reacts(received, '')
    ana.edits(sent, 'Great!')
    ana.pins(received, 3600)
    ana.keeps(received)
    const [, , removed] = await hub.webhook.received('message.reaction', 3)
    expect(removed?.data).toMatchObject({
      messageId: answer.messageId,
      chatId: customerId,
      from: customerId,
      ofOurs: true,
      emoji: null,
    })
    const [edited] = await hub.webhook.received('message.edited')
    expect(edited?.data).toMatchObject({ messageId: sent.id, text: 'Great!', ofOurs: false })
    const [pinned] = await hub.webhook.received('message.pinned')
    expect(pinned?.data).toMatchObject({ messageId: answer.messageId, pinned: true })
    const [kept] = await hub.webhook.received('message.kept')
    expect(kept?.data).toMatchObject({ messageId: answer.messageId, kept: true })
    expect(await listed(hub, answer.messageId)).toMatchObject({
      hasReactions: false,
      reactions: [],
      isPinned: true,
      isKept: true,
      editedAt: null,
    })
    expect(await listed(hub, sent.id)).toMatchObject({ body: 'Great!', editedAt: expect.any(String) })

    ana.pins(received, false)
    ana.deletes(sent)
    const [deleted] = await hub.webhook.received('message.deleted')
    expect(deleted?.data).toMatchObject({ messageId: sent.id, from: customerId, byAdmin: false })
    await hub.webhook.received('message.pinned', 2)
    expect(await listed(hub, answer.messageId)).toMatchObject({ isPinned: false })
    expect(await listed(hub, sent.id)).toMatchObject({ deletedBy: customerId, deletedAt: expect.any(String) })
    const { messages, total } = await hub.api.call(endpoints.listMessages, { params })
    expect([messages.length, total]).toEqual([2, 2])
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats).toMatchObject([{ messageCount: 2, unreadCount: 1 }])

    // What the account does on its phone shows, and is told to nobody.
    support.phone.reacts(await support.phone.receives('Gratt!'), '🙏')
    await eventuallyListed(hub, sent.id, ({ reactions }) => reactions[0]?.fromMe === true)
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.reaction')).toHaveLength(3)
  })

  test('votes are opened and counted, also our own', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const ben = hub.emulator.phone('+12025550124')
    const group = hub.emulator.group('Lunch', [support.number, customer, ben.number])
    const poll = ana.sends(group.jid, {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Pizza' }, { optionName: 'Soup' }, { optionName: 'Nothing' }],
        selectableOptionsCount: 2,
      },
    })
    await hub.webhook.received('message.received')
    const ofPoll = ({ id }: { id: string }) => id === poll.id
    ben.votes(await ben.receives(ofPoll), ['Pizza'])
    await hub.webhook.received('message.poll_vote')
    ben.votes(await ben.receives(ofPoll), ['Nothing', 'Soup'])
    const [, again] = await hub.webhook.received('message.poll_vote', 2)
    expect(again?.data).toMatchObject({
      messageId: poll.id,
      from: '12025550124@s.whatsapp.net',
      choices: ['Soup', 'Nothing'],
    })
    support.phone.votes(await support.phone.receives(ofPoll), ['Soup'])
    const counted = await eventuallyListed(hub, poll.id, ({ pollVotes }) => pollVotes?.[1]?.votes === 2)
    expect(counted.pollVotes).toMatchObject([
      { option: 'Pizza', votes: 0, voters: [] },
      { option: 'Soup', votes: 2 },
      { option: 'Nothing', votes: 1, voters: ['12025550124@s.whatsapp.net'] },
    ])

    // Answers to an event are sealed in the same way.
    const event = ana.sends(group.jid, { eventMessage: { name: 'Opening', startTime: 1_798_800_000 } })
    const ofEvent = ({ id }: { id: string }) => id === event.id
    ben.answersEvent(await ben.receives(ofEvent), 'GOING', { extraGuests: 2 })
    const [going] = await hub.webhook.received('message.event_answer')
    const byBen = { from: '12025550124@s.whatsapp.net', answer: 'going', extraGuests: 2 }
    expect(going?.data).toMatchObject({ messageId: event.id, ofOurs: false, ...byBen })
    support.phone.answersEvent(await support.phone.receives(ofEvent), 'NOT_GOING')
    const answered = await eventuallyListed(
      hub,
      event.id,
      ({ eventAnswers }) => eventAnswers?.some(({ answer }) => answer === 'not_going') ?? false,
    )
    expect(answered.eventAnswers).toHaveLength(2)
    expect(answered.eventAnswers).toContainEqual({ ...byBen, timestamp: expect.any(String) })
    expect(JSON.stringify(answered)).not.toContain('secret')

    // An administrator takes back what another wrote; nobody else can.
    const text = ben.sends(group.jid, 'spam')
    const spam = await ana.receives('spam')
    ana.deletesAsAdmin(spam)
    const [deleted] = await hub.webhook.received('message.deleted')
    expect(deleted?.data).toMatchObject({ messageId: text.id, from: customerId, byAdmin: true })
  })
})

describe.each(stores)('a group for announcements on %s', (store) => {
  test('reactions are sealed with the secret of their message, both ways', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const ben = hub.emulator.phone('+12025550124')
    const { jid } = hub.emulator.community('School', [support.number, customer, ben.number])
    const send = (message: object) =>
      hub.api.call(endpoints.sendMessage, { params, body: { to: jid, message: message as never } })

    const ours = await send({ text: 'We open at nine.' })
    const received = await ana.receives('We open at nine.')
    const sealed = ana.reacts(received, '👍')
    expect(ana.messages.find(({ id }) => id === sealed.id)?.message).toMatchObject({
      encReactionMessage: { targetMessageKey: { id: ours.messageId } },
    })
    const [told] = await hub.webhook.received('message.reaction')
    expect(told?.data).toMatchObject({
      messageId: ours.messageId,
      chatId: jid,
      from: customerId,
      isGroup: true,
      ofOurs: true,
      emoji: '👍',
    })
    expect(await listed(hub, ours.messageId)).toMatchObject({
      hasReactions: true,
      reactions: [{ emoji: '👍', from: customerId, fromMe: false }],
    })
    ana.reacts(received, '')
    const [, gone] = await hub.webhook.received('message.reaction', 2)
    expect(gone?.data).toMatchObject({ messageId: ours.messageId, emoji: null })
    expect(await listed(hub, ours.messageId)).toMatchObject({ hasReactions: false })

    // Ours go out as the phones' do, to a message of our own phone and to one of a file.
    const written = support.phone.sends(jid, 'Closed on Monday')
    const file = await send({
      document: { buffer: Buffer.from('plan').toString('base64') },
      fileName: 'plan.txt',
    })
    for (const id of [written.id, file.messageId]) {
      await eventuallyListed(hub, id, () => true)
      await send({ react: { text: '🎉', key: { id } } })
      await ben.receives((message) => message.message.encReactionMessage?.targetMessageKey?.id === id)
      await ben.showing(id, ({ reactions }) => reactions[support.phone.pn] === '🎉')
      expect(await listed(hub, id)).toMatchObject({ reactions: [{ emoji: '🎉', fromMe: true }] })
    }
    expect(JSON.stringify(await listed(hub, written.id))).not.toContain('secret')
  })

  test('one that comes before its message waits for it; one that its secret does not open shows nowhere', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const [ana, ben] = [hub.emulator.phone(customer), hub.emulator.phone('+12025550124')]
    const { jid } = hub.emulator.community('School', [support.number, customer, ben.number])
    const text = 'Monday is free'
    const withSecret = (byte: number) => ({
      conversation: text,
      messageContextInfo: { messageSecret: Buffer.alloc(32, byte) },
    })
    const written = { chat: jid, text, pushName: undefined, at: 0, device: 0, wire: undefined }
    const about = { ...written, id: '3EB0A0A0A0A0A0A0A0A0', from: ana.pn }
    ana.reacts({ ...about, message: withSecret(7), fromMe: true }, '🥳')
    ben.reacts({ ...about, message: withSecret(8), fromMe: false }, '👎')
    ana.sends(jid, 'Hello')
    await hub.webhook.received('message.received')
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.reaction')).toEqual([])

    ana.sends(jid, withSecret(7), { id: about.id })
    const [told] = await hub.webhook.received('message.reaction')
    expect(told?.data).toMatchObject({ messageId: about.id, from: customerId, emoji: '🥳' })
    ben.reacts({ ...about, message: withSecret(9), fromMe: false }, '👎')
    ben.sends(jid, 'Bye')
    await hub.webhook.received('message.received', 3)
    const { reactions } = (await listed(hub, about.id)) ?? {}
    expect(reactions).toMatchObject([{ emoji: '🥳', from: customerId }])
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.reaction')).toHaveLength(1)
  })
})

test('a CRM is told of a reaction in its own way, and of none that is taken back', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const ana = hub.emulator.phone(customer)
  const { messageId } = await support.sends(ana, 'We open at nine.')
  const received = await ana.receives('We open at nine.')
  ana.reacts(received, '👍')
  const [told] = await hub.webhook.received('message.received')
  expect(told?.data['message']).toMatchObject({
    type: 'reaction',
    reactionMessage: { key: { id: messageId, remoteJid: customerId, fromMe: true }, text: '👍' },
  })
  ana.reacts(received, '')
  await ana.delivered(ana.sends(support, 'the next'))
  const [, next] = await hub.webhook.received('message.received', 2)
  expect(next?.data['message']).toMatchObject({ body: 'the next' })
})
