import { deedMatrix, type DeedName, endpoints, exampleTargetId } from '@inbox-hub/contract'
import type { Content, PhoneMessage, Recipient, ShownMessage } from '@inbox-hub/emulator'
import { beforeAll, afterAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const onePixel = { mimetype: 'image/png', width: 1, height: 1 }

describe.each(stores)('what we do to messages on %s', (store) => {
  let hub: Hub
  let support: PairedSession
  beforeAll(async () => {
    hub = await startHub({ store, preset: 'standard' })
    support = await hub.pairSession('support')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  const send = (message: unknown, to?: string) =>
    hub.api.call(endpoints.sendMessage, {
      params,
      body: { message: message as string, ...(to !== undefined && { to }) },
    })
  const listed = async (id: string) => {
    const { messages, total } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
    const message = messages.find(({ messageId }) => messageId === id)
    if (message === undefined) throw new Error(`${id} is not among ${total}`)
    return message
  }
  const received = (id: string) =>
    eventually(
      async () => {
        const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
        return messages.find(({ messageId }) => messageId === id)
      },
      () => `${id} was not received`,
    )
  const refused = async (message: unknown, to?: string): Promise<unknown> => {
    try {
      await send(message, to)
    } catch (error) {
      // The client's own error has the code of the answer.
      return error instanceof Error && 'code' in error ? error.code : error
    }
    return 'it was sent'
  }

  test('reactions, edits, pins and deletions show on the phone and in the hub, and are no messages', async () => {
    const ana = hub.emulator.phone(customer)
    const ours = await support.sends(ana, 'We open at nime.')
    const theirs = ana.sends(support, 'Great')
    await received(theirs.id)
    const { total } = await hub.api.call(endpoints.listMessages, { params })

    const reaction = await send({ react: { text: '👍', key: { id: theirs.id } } }, customer)
    expect(reaction).toMatchObject({
      status: 'sent',
      type: 'reaction',
      text: '👍',
      chatId: customerId,
      message: { kind: 'reaction', details: { deed: { messageId: theirs.id, emoji: '👍' } } },
    })
    await ana.showing(theirs.id, ({ reactions }) => reactions[support.phone.pn] === '👍')
    expect(await listed(theirs.id)).toMatchObject({ reactions: [{ emoji: '👍', fromMe: true }] })
    await send({ messageId: theirs.id, emoji: '🙏' })
    await ana.showing(theirs.id, ({ reactions }) => reactions[support.phone.pn] === '🙏')
    await send({ kind: 'reaction', messageId: theirs.id, emoji: '' })
    await ana.showing(theirs.id, ({ reactions }) => Object.keys(reactions).length === 0)
    expect(await listed(theirs.id)).toMatchObject({ hasReactions: false })

    expect(await send({ edit: { messageId: ours.messageId, text: 'We open at nine.' } })).toMatchObject({
      message: { kind: 'edit', body: 'We open at nine.' },
    })
    await ana.showing(ours.messageId, ({ text, edited }) => edited && text === 'We open at nine.')
    expect(await listed(ours.messageId)).toMatchObject({
      body: 'We open at nine.',
      editedAt: expect.any(String),
    })

    await send({ pin: { messageId: theirs.id, seconds: '86400' } })
    await ana.showing(theirs.id, ({ pinnedForS }) => pinnedForS === 86_400)
    expect(await listed(theirs.id)).toMatchObject({ isPinned: true })
    await send({ unpin: theirs.id })
    await ana.showing(theirs.id, ({ pinnedForS }) => pinnedForS === undefined)
    expect(await listed(theirs.id)).toMatchObject({ isPinned: false })

    const deleted = await hub.api.call(endpoints.deleteMessage, {
      params: { messageId: ours.messageId },
      query: { forEveryone: true },
    })
    expect(deleted).toEqual({ messageId: ours.messageId, deleted: true, forEveryone: true, status: 'sent' })
    await ana.showing(ours.messageId, ({ deletedBy }) => deletedBy === support.phone.pn)
    expect(await listed(ours.messageId)).toMatchObject({ deletedAt: expect.any(String) })

    // None of it is a message, nor told as one: neither here nor on the phone.
    expect((await hub.api.call(endpoints.listMessages, { params })).total).toBe(total)
    const { stats } = await hub.api.call(endpoints.messageStats, { params })
    expect(stats.total).toBe(total)
    const [told] = await hub.webhook.received('message.sent')
    expect(told?.data).toMatchObject({ messageId: ours.messageId })
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.sent')).toHaveLength(1)

    expect(await refused({ messageId: ours.messageId, emoji: '👍' })).toBe('MESSAGE_DELETED')
    expect(await refused({ edit: { messageId: theirs.id, text: 'x' } })).toBe('NOT_OWN_MESSAGE')
    expect(await refused({ delete: theirs.id })).toBe('NOT_OWN_MESSAGE')
    expect(await refused({ messageId: 'NONE', emoji: '👍' })).toBe('MESSAGE_NOT_FOUND')
    expect(await refused({ messageId: theirs.id, emoji: 'no' })).toBe('VALIDATION_ERROR')
    expect(await refused({ messageId: theirs.id, emoji: '👍' }, '+12025550124')).toBe('VALIDATION_ERROR')
    expect(await refused({ keep: theirs.id })).toBe('MESSAGE_NOT_DISAPPEARING')
    expect(await refused('no recipient')).toBe('VALIDATION_ERROR')
    const place = await send({ location: { lat: 1, lng: 2 } }, customer)
    expect(await refused({ edit: { messageId: place.messageId, text: 'x' } })).toBe('KIND_NOT_EDITABLE')
    const once = await send({ image: { base64: pixel }, viewOnce: true }, customer)
    expect(await refused({ edit: { messageId: once.messageId, text: 'x' } })).toBe('KIND_NOT_EDITABLE')
  })

  test('everything in the matrix is done by the hub on the phone, and by the phone in the hub', async () => {
    const ana = hub.emulator.phone(customer)
    const ben = hub.emulator.phone('+12025550124')
    const group = hub.emulator.group('Everybody', [support.number, ana.number, ben.number])
    const promoted = hub.emulator.group('Her own', [ana.number, support.number, ben.number])
    const school = hub.emulator.community('School', [support.number, ana.number])
    const ourText = async (to: { number: string } = ana): Promise<string> =>
      (await support.sends(to, 'We open at nime.')).messageId
    const theirs = async (content: Content, from = ana, to: Recipient = support): Promise<string> => {
      const { id } = from.sends(to, content)
      await received(id)
      return id
    }
    const disappearing = { extendedTextMessage: { text: 'soon gone', contextInfo: { expiration: 86_400 } } }
    const poll = {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Pizza' }, { optionName: 'Soup' }],
        selectableOptionsCount: 1,
      },
    }
    const onPhone = async (id: string) => ana.receives((message) => message.id === id)
    const us = support.phone.pn
    /** The message it is done to by us and by them, how they do it, and how both show it. */
    const deeds: Readonly<
      Record<
        DeedName,
        {
          ours: () => Promise<string>
          theirs: () => Promise<string>
          by: (id: string) => Promise<unknown>
          shows: (shown: ShownMessage) => boolean
          listed: object
        }
      >
    > = {
      reaction: {
        ours: () => theirs('Great'),
        theirs: ourText,
        by: async (id) => ana.reacts(await onPhone(id), '👍'),
        shows: ({ reactions }) => reactions[us] === '👍',
        listed: { reactions: [{ emoji: '👍' }] },
      },
      'reaction in a group for announcements': {
        ours: () => theirs('Great', ana, school.jid),
        theirs: async () => (await send({ text: 'We open at nine.' }, school.jid)).messageId,
        by: async (id) => ana.reacts(await onPhone(id), '👍'),
        shows: ({ reactions }) => reactions[us] === '👍',
        listed: { reactions: [{ emoji: '👍' }] },
      },
      edit: {
        ours: ourText,
        theirs: () => theirs('We open at nime.'),
        by: async (id) => ana.edits({ id, chat: us }, 'We open at nine.'),
        shows: ({ text, edited }) => edited && text === 'We open at nine.',
        listed: { body: 'We open at nine.', editedAt: expect.any(String) },
      },
      'edit of a caption': {
        ours: async () => (await send({ image: { base64: pixel }, caption: 'The view' }, customer)).messageId,
        theirs: () => theirs({ imageMessage: { ...onePixel, caption: 'The view' } }),
        by: async (id) =>
          ana.edits({ id, chat: us }, { imageMessage: { ...onePixel, caption: 'The view at night' } }),
        shows: ({ text, edited }) => edited && text === 'The view at night',
        listed: {
          body: 'The view at night',
          caption: 'The view at night',
          kind: 'image',
          media: { mimetype: 'image/png', width: 1 },
        },
      },
      'deletion for everyone': {
        ours: ourText,
        theirs: () => theirs('Gone'),
        by: async (id) => ana.deletes({ id, chat: us }),
        shows: ({ deletedBy }) => deletedBy === us,
        listed: { deletedAt: expect.any(String) },
      },
      'deletion by an administrator': {
        ours: () => theirs('spam', ana, group.jid),
        theirs: () => theirs('spam', ben, promoted.jid),
        by: async (id) => ana.deletesAsAdmin(await onPhone(id)),
        shows: ({ deletedBy }) => deletedBy === us,
        listed: { deletedAt: expect.any(String) },
      },
      pin: {
        ours: () => theirs('Great'),
        theirs: ourText,
        by: async (id) => ana.pins(await onPhone(id), 86_400),
        shows: ({ pinnedForS }) => pinnedForS === 86_400,
        listed: { isPinned: true },
      },
      'keeping what disappears': {
        ours: () => theirs(disappearing),
        theirs: ourText,
        by: async (id) => ana.keeps(await onPhone(id)),
        shows: ({ kept }) => kept,
        listed: { isKept: true },
      },
      vote: {
        ours: () => theirs(poll),
        theirs: async () =>
          (await send({ poll: { name: 'Lunch?', values: ['Pizza', 'Soup'] } }, customer)).messageId,
        by: async (id) => ana.votes(await onPhone(id), ['Soup']),
        shows: ({ votes }) => votes[us]?.[0] === 'Soup',
        listed: { pollVotes: [{ votes: 0 }, { option: 'Soup', votes: 1 }] },
      },
    }
    for (const [name, deed] of Object.entries(deeds)) {
      const asked = JSON.stringify(deedMatrix[name as DeedName].hub)
      const target = await deed.ours()
      await send(JSON.parse(asked.replace(exampleTargetId, target)))
      await ana.showing(target, deed.shows)
      expect(await listed(target), `${name} by the hub`).toMatchObject(deed.listed)

      const other = await deed.theirs()
      await deed.by(other)
      await expect
        .poll(() => listed(other), { interval: 5, timeout: 20_000, message: `${name} by the phone` })
        .toMatchObject(deed.listed)
    }
  })

  test('a vote of ours is counted by who made the poll, in chats and groups', async () => {
    const ben = hub.emulator.phone('+12025550124')
    const members = [ben.number, support.number]
    const { jid: byLid } = hub.emulator.group('Lunch', members)
    const { jid: byNumber } = hub.emulator.group('Old lunch', members, 'pn')
    const poll = {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Pizza' }, { optionName: 'Soup' }],
        selectableOptionsCount: 1,
      },
    }
    const keyOf = ({ pollUpdateMessage }: PhoneMessage['message']) =>
      pollUpdateMessage?.pollCreationMessageKey
    for (const to of [support, byLid, byNumber]) {
      const { id } = ben.sends(to, poll)
      await received(id)
      await send({ vote: { messageId: id, options: ['Soup'] } })
      await ben.showing(id, ({ votes }) => votes[support.phone.pn]?.[0] === 'Soup')
      const { message } = await ben.receives((one) => keyOf(one.message)?.id === id)
      const author = to === byLid ? ben.lid : to === byNumber ? ben.pn : ''
      expect(keyOf(message)?.participant ?? '').toBe(author)
      expect(await listed(id)).toMatchObject({ pollVotes: [{ votes: 0 }, { option: 'Soup', votes: 1 }] })
      await send({ kind: 'vote', messageId: id, options: [] })
      await ben.showing(id, ({ votes }) => votes[support.phone.pn]?.length === 0)
      expect(await refused({ vote: { messageId: id, options: ['Fish'] } })).toBe('POLL_OPTION_NOT_FOUND')
      expect(await refused({ vote: { messageId: id, options: ['Pizza', 'Soup'] } })).toBe(
        'POLL_TOO_MANY_OPTIONS',
      )
    }
    const text = ben.sends(support, 'no poll')
    await received(text.id)
    expect(await refused({ vote: { messageId: text.id, options: ['Soup'] } })).toBe('NOT_A_POLL')

    // In a poll of our own.
    for (const to of [ben.number, byLid, byNumber]) {
      const own = await send({ poll: { name: 'When?', values: ['Mon', 'Tue'] } }, to)
      await ben.receives(({ id }) => id === own.messageId)
      await send({ vote: { messageId: own.messageId, options: ['Tue'] } })
      await ben.showing(own.messageId, ({ votes }) => votes[support.phone.pn]?.[0] === 'Tue')
    }
  })

  test('an administrator takes back what others wrote in a group, and nobody else does', async () => {
    const ben = hub.emulator.phone('+12025550124')
    const cleo = hub.emulator.phone('+12025550125')
    const theirs = hub.emulator.group('Theirs', [ben.number, support.number, cleo.number])
    const ours = hub.emulator.group('Ours', [support.number, ben.number, cleo.number])
    const spam = { there: ben.sends(theirs.jid, 'spam'), here: ben.sends(ours.jid, 'spam') }
    await received(spam.there.id)
    await received(spam.here.id)
    expect(await refused({ delete: spam.there.id })).toBe('NOT_GROUP_ADMIN')
    await send({ delete: { id: spam.here.id } })
    await cleo.showing(spam.here.id, ({ deletedBy }) => deletedBy === support.phone.pn)
    expect(await listed(spam.here.id)).toMatchObject({ deletedAt: expect.any(String) })
    expect(cleo.shows(spam.there.id)).toMatchObject({ text: 'spam', deletedBy: undefined })
  })

  test('a star, and deleting for ourselves, are known on all devices of the account, and to nobody else', async () => {
    const cleo = hub.emulator.phone('+12025550125')
    const { id } = cleo.sends(support, 'Remember this')
    await received(id)
    const onPhone = await support.phone.receives(({ id: of }) => of === id)
    const star = (starred?: boolean) =>
      hub.api.call(endpoints.starMessage, {
        params: { messageId: id },
        body: starred === undefined ? {} : { starred },
      })
    expect(await star()).toEqual({ messageId: id, starred: true })
    expect(await listed(id)).toMatchObject({ isStarred: true })
    const entry = ['star', cleo.lid, id, '0', '0']
    expect(support.phone.appState('regular_low', entry)?.starAction).toMatchObject({ starred: true })
    await star(false)
    expect(await listed(id)).toMatchObject({ isStarred: false })

    // The same from the phone.
    support.phone.settings.stars(onPhone)
    await expect.poll(() => listed(id), { interval: 5, timeout: 20_000 }).toMatchObject({ isStarred: true })

    const deleted = await hub.api.call(endpoints.deleteMessage, {
      params: { messageId: id },
      query: { forMe: true },
    })
    expect(deleted).toEqual({ messageId: id, deleted: true, forEveryone: false })
    const gone = support.phone.appState('regular_high', ['deleteMessageForMe', cleo.lid, id, '0', '0'])
    expect(gone?.deleteMessageForMeAction).toBeTruthy()
    await expect(listed(id)).rejects.toThrow('is not among')
    expect(cleo.shows(id)).toMatchObject({ text: 'Remember this', deletedBy: undefined })

    const other = cleo.sends(support, 'Forget this')
    await received(other.id)
    support.phone.settings.deletesForMe(await support.phone.receives(({ id: of }) => of === other.id))
    await expect
      .poll(
        () =>
          listed(other.id).then(
            () => 'listed',
            () => 'gone',
          ),
        { interval: 5, timeout: 20_000 },
      )
      .toBe('gone')
  })

  test('what is sent disappears when what the chat says does, and everybody in a group can be named', async () => {
    const dora = hub.emulator.phone('+12025550126')
    const timed = (expiration: number) => ({
      extendedTextMessage: { text: 'hi', contextInfo: { expiration } },
    })
    const reply = async (to: string) => {
      const { messageId, message } = await send({ location: { lat: 1, lng: 2 } }, to)
      const arrived = await dora.receives(({ id }) => id === messageId)
      return [message.expiresIn, arrived.message.locationMessage?.contextInfo?.expiration ?? null]
    }
    await received(dora.sends(support, timed(604_800)).id)
    expect(await reply(dora.number)).toEqual([604_800, 604_800])
    await received(dora.sends(support, timed(86_400)).id)
    expect(await reply(dora.number)).toEqual([86_400, 86_400])
    dora.setsDisappearing(support, 0)
    await received(dora.sends(support, 'they stay').id)
    expect(await reply(dora.number)).toEqual([null, null])

    const group = hub.emulator.group('Neighbours', [support.number, dora.number])
    const { messageId, message } = await hub.api.call(endpoints.sendMessage, {
      params,
      body: { to: group.jid, message: 'Meeting at six @all', mentionsEveryone: true },
    })
    expect(message).toMatchObject({ mentionsEveryone: true, mentions: [] })
    const arrived = await dora.receives(({ id }) => id === messageId)
    expect(arrived.message.extendedTextMessage?.contextInfo).toMatchObject({ nonJidMentions: 1 })
    const back = dora.sends(group.jid, {
      extendedTextMessage: { text: '@all', contextInfo: { nonJidMentions: 1 } },
    })
    expect(await received(back.id)).toMatchObject({ mentionsEveryone: true })
  })

  test('a message is passed on, marked as such', async () => {
    const ana = hub.emulator.phone(customer)
    const ben = hub.emulator.phone('+12025550124')
    const place = ana.sends(support, {
      locationMessage: {
        degreesLatitude: 1,
        degreesLongitude: 2,
        name: 'Office',
        contextInfo: { forwardingScore: 4, isForwarded: true },
      },
    })
    await received(place.id)
    const passed = await send({ forward: { messageId: place.id } }, ben.number)
    expect(passed).toMatchObject({ type: 'location', message: { isForwarded: true, forwardingScore: 5 } })
    const arrived = await ben.receives(({ id }) => id === passed.messageId)
    expect(arrived.message.locationMessage).toMatchObject({
      name: 'Office',
      contextInfo: { forwardingScore: 5, isForwarded: true },
    })
    const poll = await send({ poll: { name: 'When?', values: ['Mon', 'Tue'] } }, customer)
    expect(await refused({ forward: poll.messageId }, ben.number)).toBe('KIND_NOT_FORWARDABLE')
    expect(await refused({ forward: 'NONE' }, ben.number)).toBe('MESSAGE_NOT_FOUND')
  })
})
