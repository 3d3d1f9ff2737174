import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import {
  endpoints,
  examplePageUrl,
  kindMatrix,
  type SendableFile,
  type SendableKind,
} from '@inbox-hub/contract'
import type { Content } from '@inbox-hub/emulator'
import { beforeAll, describe, expect, test } from 'vitest'

import { eventually, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const customer = '+12025550123'
const params = { sessionId: 'support' }
const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ben\nTEL;waid=12025550124:+12025550124\nEND:VCARD'

/** Files are in sending-files.test.ts. */
type PlainKind = Exclude<SendableKind, SendableFile>
/** For each row of the matrix: what arrives at the phone, and what the hub's own list shows of it. */
const kinds: Readonly<Record<PlainKind, { arrives: object; listed: object }>> = {
  text: {
    arrives: { extendedTextMessage: { text: 'hello' } },
    listed: { body: 'hello' },
  },
  'text with a preview of its link': {
    arrives: {
      extendedTextMessage: {
        text: expect.stringMatching(/^Look: http:\S+\/offer\.$/),
        matchedText: expect.stringMatching(/^http:\S+\/offer$/),
        title: 'Chairs & tables',
        description: 'Half price',
      },
    },
    listed: {
      details: {
        preview: {
          url: expect.stringMatching(/^http:\S+\/offer$/),
          title: 'Chairs & tables',
          description: 'Half price',
          thumbnailUrl: null,
        },
      },
    },
  },
  location: {
    arrives: {
      locationMessage: {
        degreesLatitude: 40.41,
        degreesLongitude: -3.7,
        name: 'Office',
        address: '1 Main St',
      },
    },
    listed: {
      body: 'Office',
      details: { location: { latitude: 40.41, longitude: -3.7, live: false } },
    },
  },
  'live location': {
    arrives: {
      liveLocationMessage: {
        degreesLatitude: 1,
        degreesLongitude: 2,
        caption: 'on my way',
        accuracyInMeters: 9,
      },
    },
    listed: {
      body: 'on my way',
      details: { location: { live: true } },
    },
  },
  contact: {
    arrives: { contactMessage: { displayName: 'Ben', vcard } },
    listed: {
      body: 'Ben',
      details: { contacts: [{ name: 'Ben', vcard }] },
    },
  },
  contacts: {
    arrives: {
      contactsArrayMessage: {
        contacts: [
          { displayName: 'Ana; Ltd', vcard: expect.stringContaining('waid=34600000123:+34600000123') },
          { displayName: 'Ben', vcard },
        ],
      },
    },
    listed: { body: 'Ana; Ltd, Ben' },
  },
  poll: {
    arrives: {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Pizza' }, { optionName: 'Soup' }],
        selectableOptionsCount: 1,
      },
      messageContextInfo: { messageSecret: expect.anything() },
    },
    listed: {
      body: 'Lunch?',
      details: { poll: { question: 'Lunch?', options: ['Pizza', 'Soup'], selectable: 1 } },
    },
  },
  'poll of many choices': {
    arrives: { pollCreationMessage: { name: 'Days?', selectableOptionsCount: 2 } },
    listed: { details: { poll: { selectable: 2 } } },
  },
  event: {
    arrives: {
      eventMessage: {
        name: 'Opening',
        description: 'with cake',
        location: { degreesLatitude: 1, degreesLongitude: 2, name: 'Office' },
      },
    },
    listed: {
      body: 'Opening',
      details: {
        event: { name: 'Opening', startsAt: 1_798_797_600_000, endsAt: 1_798_804_000_000, canceled: false },
      },
    },
  },
  'buttons as numbered text': {
    arrives: { extendedTextMessage: { text: 'Confirm?\n\n1. Yes\n2. No\n\n_Until six_' } },
    listed: {
      body: 'Confirm?\n\n1. Yes\n2. No\n\n_Until six_',
      details: {
        options: [
          { id: 'y', title: 'Yes' },
          { id: 'n', title: 'No' },
        ],
      },
    },
  },
  'list as numbered text': {
    arrives: { extendedTextMessage: { text: 'Which one?\n\n*Sizes*\n1. Small\n   20 cm\n2. Large' } },
    listed: {
      details: {
        options: [
          { id: 's', title: 'Small', description: '20 cm' },
          { id: '2', title: 'Large' },
        ],
      },
    },
  },
  "buttons in WhatsApp's own form": {
    arrives: {
      viewOnceMessage: {
        message: {
          interactiveMessage: {
            body: { text: 'Confirm?' },
            nativeFlowMessage: {
              buttons: [{ name: 'quick_reply', buttonParamsJson: '{"display_text":"Yes","id":"y"}' }],
            },
          },
        },
      },
    },
    listed: { body: 'Confirm?', details: { options: [{ id: 'y', title: 'Yes' }] } },
  },
  "list in WhatsApp's own form": {
    arrives: {
      viewOnceMessage: {
        message: {
          interactiveMessage: {
            nativeFlowMessage: {
              buttons: [
                {
                  name: 'single_select',
                  buttonParamsJson:
                    '{"title":"Open","sections":[{"rows":[{"id":"s","title":"Small","description":""}]}]}',
                },
              ],
            },
          },
        },
      },
    },
    listed: { body: 'Which one?' },
  },
}

const page =
  '<title>Shop</title><meta property=og:title content="Chairs &amp; tables"><meta name=description content="Half price">'
let shop: string
beforeAll(async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  shop = `http://127.0.0.1:${(server.address() as AddressInfo).port}/offer`
  return () => void server.close()
})

const rows = (Object.keys(kinds) as PlainKind[]).map((name) => {
  const { hub, kind, type } = kindMatrix[name]
  return { name, hub, arrives: kinds[name].arrives, listed: { kind, type, ...kinds[name].listed } }
})

describe.each(stores)('every kind of message on %s', (store) => {
  test('is sent as what it is, listed, and told as sent', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const sent = new Map<string, string>()
    for (const { name, hub: asked, listed } of rows) {
      const answer = await hub.api.call(endpoints.sendMessage, {
        params,
        body: { to: customer, message: JSON.parse(JSON.stringify(asked).replace(examplePageUrl, shop)) },
      })
      expect(answer, `${name} in the answer`).toMatchObject({
        status: 'sent',
        type: answer.message.type,
        message: listed,
      })
      sent.set(name, answer.messageId)
    }
    for (const { name, arrives } of rows) {
      const received = await ana.receives(({ id }) => id === sent.get(name))
      expect(received.message, `${name} on the phone`).toMatchObject(arrives)
    }
    const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
    const byId = new Map(messages.map((message) => [message.messageId, message]))
    for (const { name, listed } of rows) {
      expect(byId.get(sent.get(name) ?? ''), `${name} in the list`).toMatchObject(listed)
    }
    expect(JSON.stringify(messages)).not.toContain('secret')
    await hub.webhook.received('message.sent', sent.size)

    // A vote in a poll of ours is opened with the secret that was stored with it.
    const poll = await ana.receives(({ id }) => id === sent.get('poll'))
    ana.votes(poll, ['Soup'])
    await hub.webhook.received('message.poll_vote')
    const voted = await eventually(
      async () => {
        const page = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
        return page.messages.find(
          ({ messageId, pollVotes }) => messageId === poll.id && pollVotes?.[1]?.votes === 1,
        )
      },
      () => 'the vote was not counted',
    )
    expect(voted.pollVotes).toMatchObject([
      { votes: 0 },
      { option: 'Soup', voters: ['12025550123@s.whatsapp.net'] },
    ])
    // And an answer to an event with its own.
    const event = await ana.receives(({ id }) => id === sent.get('event'))
    ana.answersEvent(event, 'GOING')
    const [answer] = await hub.webhook.received('message.event_answer')
    expect(answer?.data).toMatchObject({ messageId: event.id, ofOurs: true, answer: 'going' })
  })
  test('the number of an option, or its title, is told as the choice of it, until something else is sent', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const message = kindMatrix['list as numbered text'].hub as unknown as string
    const menu = await hub.api.call(endpoints.sendMessage, { params, body: { to: customer, message } })
    const onPhone = await ana.receives(({ id }) => id === menu.messageId)
    let replies = 0
    const told = async (content: Content) => {
      ana.sends(support, content)
      replies += 1
      const received = await hub.webhook.received('message.received', replies)
      return received[replies - 1]?.data
    }
    const large = { id: '2', title: 'Large', description: null, messageId: menu.messageId }
    expect(await told('2')).toMatchObject({
      kind: 'text',
      type: 'text',
      text: '2',
      details: { choice: large },
    })
    expect(await told('large!')).toMatchObject({ details: { choice: large } })
    const quoting = { id: onPhone.id, from: support.phone.pn, message: onPhone.message }
    expect(await told({ text: '1.', quoted: quoting })).toMatchObject({
      details: { choice: { id: 's', title: 'Small' } },
    })
    expect(await told('3')).toMatchObject({ text: '3', details: {} })
    const { messages } = await hub.api.call(endpoints.listMessages, { params })
    expect(messages.flatMap(({ details: { choice } }) => choice?.id ?? []).toSorted()).toEqual([
      '2',
      '2',
      's',
    ])

    // It outlives a restart.
    await hub.restart()
    await support.reaches('online')
    expect(await told('2')).toMatchObject({ details: { choice: large } })
    // And ends when the conversation goes on.
    await support.sends(ana, 'How many?')
    expect((await told('2'))?.['details']).toEqual({})
  })
})
