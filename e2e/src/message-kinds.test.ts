import { endpoints, kindMatrix, type ReceivableKind } from '@inbox-hub/contract'
import type { Content } from '@inbox-hub/emulator'
import { describe, expect, test } from 'vitest'

import { eventually, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const customer = '+12025550123'
const params = { sessionId: 'support' }

const file = {
  mimetype: 'image/jpeg',
  fileLength: 2048,
  fileSha256: Buffer.alloc(32, 1),
  fileEncSha256: Buffer.alloc(32, 2),
  mediaKey: Buffer.alloc(32, 3),
  directPath: '/v/t62.7118-24/1',
}
const media = {
  mimetype: 'image/jpeg',
  filesize: 2048,
  sha256: Buffer.alloc(32, 1).toString('base64'),
  url: expect.stringMatching(/\/api\/media\/files\/msg-\d+\?/),
}
const ana = { displayName: 'Ana', vcard: 'BEGIN:VCARD\nFN:Ana\nEND:VCARD' }
const ben = { displayName: 'Ben', vcard: 'BEGIN:VCARD\nFN:Ben\nEND:VCARD' }
const seller = '447700900123@s.whatsapp.net'
const card = ({ displayName: name, vcard }: typeof ana) => ({ name, vcard })

/** What a phone sends for each row of the matrix, and how the hub tells it: its text and the rest. */
const kinds: Readonly<Record<ReceivableKind, { sent: Content; text: string; told?: object }>> = {
  text: {
    sent: 'hello',
    text: 'hello',
    told: { media: null, details: {}, ad: null },
  },
  'text with a preview of its link': {
    sent: {
      extendedTextMessage: {
        text: 'Look: https://shop.example.com/offer',
        matchedText: 'https://shop.example.com/offer',
        title: 'Chairs',
        description: 'Half price',
        jpegThumbnail: Buffer.from([0xff, 0xd8, 0xff, 0xd9]),
      },
    },
    text: 'Look: https://shop.example.com/offer',
    told: {
      details: {
        preview: {
          url: 'https://shop.example.com/offer',
          title: 'Chairs',
          description: 'Half price',
          thumbnailUrl: expect.stringMatching(/\/api\/media\/thumbnails\/msg-\d+\?/),
        },
      },
    },
  },
  image: {
    sent: { imageMessage: { ...file, caption: 'look', width: 640, height: 480 } },
    text: 'look',
    told: { media: { ...media, width: 640, height: 480 } },
  },
  video: {
    sent: { videoMessage: { ...file, mimetype: 'video/mp4', seconds: 7 } },
    text: '',
    told: { media: { mimetype: 'video/mp4', seconds: 7, animated: false } },
  },
  gif: {
    sent: { videoMessage: { ...file, gifPlayback: true } },
    text: '',
    told: { media: { animated: true } },
  },
  'video note': {
    sent: { ptvMessage: { ...file, seconds: 3 } },
    text: '',
  },
  audio: {
    sent: { audioMessage: { ...file, mimetype: 'audio/mpeg', seconds: 61 } },
    text: '',
    told: { media: { mimetype: 'audio/mpeg', seconds: 61 } },
  },
  'voice note': {
    sent: { audioMessage: { ...file, ptt: true, seconds: 4, waveform: Buffer.from([1, 50, 100]) } },
    text: '',
    told: { media: { seconds: 4, waveform: Buffer.from([1, 50, 100]).toString('base64') } },
  },
  'document with a caption': {
    sent: {
      documentWithCaptionMessage: {
        message: { documentMessage: { ...file, fileName: 'offer.pdf', pageCount: 3, caption: 'the offer' } },
      },
    },
    text: 'the offer',
    told: { media: { filename: 'offer.pdf', pages: 3 } },
  },
  sticker: {
    sent: { stickerMessage: { ...file, mimetype: 'image/webp' } },
    text: '',
    told: { media: { mimetype: 'image/webp', animated: false } },
  },
  'sticker that moves': {
    sent: { stickerMessage: { ...file, mimetype: 'image/webp', isAnimated: true } },
    text: '',
    told: { media: { mimetype: 'image/webp', animated: true } },
  },
  'animated sticker of the newer kind': {
    sent: { lottieStickerMessage: { message: { stickerMessage: { ...file, isLottie: true } } } },
    text: '',
    told: { media: { animated: true } },
  },
  'view once': {
    sent: { viewOnceMessageV2: { message: { imageMessage: { ...file, viewOnce: true } } } },
    text: '',
    told: { viewOnce: true },
  },
  'picture of an album': {
    sent: {
      imageMessage: file,
      messageContextInfo: { messageAssociation: { associationType: 1, parentMessageKey: { id: 'ALBUM1' } } },
    },
    text: '',
    told: { albumId: 'ALBUM1' },
  },
  location: {
    sent: {
      locationMessage: {
        degreesLatitude: 40.4,
        degreesLongitude: -3.7,
        name: 'Office',
        address: '1 Main St',
      },
    },
    text: 'Office',
    told: {
      details: {
        location: { latitude: 40.4, longitude: -3.7, name: 'Office', address: '1 Main St', live: false },
      },
    },
  },
  'live location': {
    sent: {
      liveLocationMessage: {
        degreesLatitude: 1,
        degreesLongitude: 2,
        caption: 'on my way',
        accuracyInMeters: 9,
      },
    },
    text: 'on my way',
    told: { details: { location: { latitude: 1, longitude: 2, accuracyM: 9, live: true } } },
  },
  contact: {
    sent: { contactMessage: ana },
    text: 'Ana',
    told: { details: { contacts: [card(ana)] } },
  },
  contacts: {
    sent: { contactsArrayMessage: { contacts: [ana, ben] } },
    text: 'Ana, Ben',
    told: { details: { contacts: [card(ana), card(ben)] } },
  },
  poll: {
    sent: {
      pollCreationMessageV3: {
        name: 'Lunch?',
        options: [{ optionName: 'Pizza' }, { optionName: 'Soup' }],
        selectableOptionsCount: 1,
      },
    },
    text: 'Lunch?',
    // Exactly: the secret of a poll stays in the hub.
    told: { details: { poll: { question: 'Lunch?', options: ['Pizza', 'Soup'], selectable: 1 } } },
  },
  'poll of many choices': {
    sent: {
      pollCreationMessage: {
        name: 'Days?',
        options: [{ optionName: 'Mon' }, { optionName: 'Tue' }, { optionName: 'Wed' }],
        selectableOptionsCount: 2,
      },
    },
    text: 'Days?',
    told: { details: { poll: { question: 'Days?', options: ['Mon', 'Tue', 'Wed'], selectable: 2 } } },
  },
  event: {
    sent: { eventMessage: { name: 'Opening', description: 'with cake', startTime: 1_798_800_000 } },
    text: 'Opening',
    told: {
      details: { event: { name: 'Opening', startsAt: 1_798_800_000_000, endsAt: null, canceled: false } },
    },
  },
  'button reply': {
    sent: { buttonsResponseMessage: { selectedButtonId: 'b2', selectedDisplayText: 'No', type: 1 } },
    text: 'No',
    told: { details: { choice: { id: 'b2', title: 'No' } } },
  },
  'template reply': {
    sent: { templateButtonReplyMessage: { selectedId: 't1', selectedDisplayText: 'Stop', selectedIndex: 0 } },
    text: 'Stop',
    told: { details: { choice: { id: 't1', title: 'Stop' } } },
  },
  'flow reply': {
    sent: {
      interactiveResponseMessage: {
        body: { text: 'Done' },
        nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"f3"}', version: 1 },
      },
    },
    text: 'Done',
    told: { details: { choice: { id: 'f3', title: 'Done', form: '{"id":"f3"}' } } },
  },
  'list reply': {
    sent: {
      listResponseMessage: {
        title: 'Large',
        description: '40 cm',
        singleSelectReply: { selectedRowId: 'r3' },
      },
    },
    text: 'Large',
    told: { details: { choice: { id: 'r3', title: 'Large', description: '40 cm' } } },
  },
  'buttons of a business': {
    sent: {
      buttonsMessage: {
        contentText: 'Confirm?',
        buttons: [{ buttonId: 'y', buttonText: { displayText: 'Yes' }, type: 1 }],
      },
    },
    text: 'Confirm?',
    told: { details: { options: [{ id: 'y', title: 'Yes' }] } },
  },
  'list of a business': {
    sent: {
      listMessage: {
        title: 'Menu',
        description: 'Choose',
        sections: [{ title: 'Sizes', rows: [{ rowId: 'r1', title: 'Small', description: '20 cm' }] }],
      },
    },
    text: 'Choose',
    told: { details: { options: [{ id: 'r1', title: 'Small', description: '20 cm' }] } },
  },
  'template of a business': {
    sent: {
      templateMessage: {
        hydratedTemplate: {
          hydratedContentText: 'Your order left',
          hydratedButtons: [{ index: 0, urlButton: { displayText: 'Track', url: 'https://example.com/1' } }],
        },
      },
    },
    text: 'Your order left',
    told: { details: { options: [{ id: '', title: 'Track', url: 'https://example.com/1' }] } },
  },
  'group invite': {
    sent: {
      groupInviteMessage: {
        groupJid: '120363000000000009@g.us',
        groupName: 'Neighbours',
        inviteCode: 'abc',
        inviteExpiration: 1_798_800_000,
      },
    },
    text: 'Neighbours',
    told: {
      details: {
        invite: {
          groupId: '120363000000000009@g.us',
          name: 'Neighbours',
          code: 'abc',
          expiresAt: 1_798_800_000_000,
        },
      },
    },
  },
  product: {
    sent: {
      productMessage: {
        product: { productId: '17', title: 'Chair', priceAmount1000: 49_900, currencyCode: 'EUR' },
        businessOwnerJid: seller,
      },
    },
    text: 'Chair',
    told: { details: { product: { id: '17', title: 'Chair', priceMilli: 49_900, currency: 'EUR' } } },
  },
  order: {
    sent: {
      orderMessage: {
        orderId: '99',
        orderTitle: 'Furniture',
        itemCount: 2,
        totalAmount1000: 99_800,
        totalCurrencyCode: 'EUR',
        sellerJid: seller,
        token: 'secret',
      },
    },
    text: 'Furniture',
    told: {
      details: { order: { id: '99', title: 'Furniture', items: 2, totalMilli: 99_800, currency: 'EUR' } },
    },
  },
  'from an ad': {
    sent: {
      extendedTextMessage: {
        text: 'Is this still on?',
        contextInfo: {
          externalAdReply: {
            title: 'Summer sale',
            sourceType: 'ad',
            sourceId: '120210',
            sourceUrl: 'https://fb.me/x',
            ctwaClid: 'click',
          },
        },
      },
    },
    text: 'Is this still on?',
    told: { ad: { title: 'Summer sale', sourceType: 'ad', sourceId: '120210', clickId: 'click' } },
  },
  'forwarded and disappearing': {
    sent: {
      ephemeralMessage: {
        message: {
          extendedTextMessage: {
            text: 'pass it on',
            contextInfo: { isForwarded: true, forwardingScore: 5, expiration: 86_400 },
          },
        },
      },
    },
    text: 'pass it on',
    told: { isForwarded: true, forwardingScore: 5, expiresIn: 86_400 },
  },
  'a kind that is not read yet': {
    sent: { requestPhoneNumberMessage: {} },
    text: '',
    told: { unsupported: 'requestPhoneNumberMessage' },
  },
}

type Row = { sent: Content; text: string; told?: object }
type Named = Row & { name: string; type: string; kind: string }

const rowsOf = (all: Readonly<Record<ReceivableKind, Row>>): Named[] =>
  (Object.keys(all) as ReceivableKind[]).map((name) => ({ name, ...all[name], ...kindMatrix[name] }))

describe.each(stores)('every kind of message on %s', (store) => {
  test('is stored, listed and told as what it is', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const phone = hub.emulator.phone(customer)
    const rows: (Named & { id: string })[] = rowsOf(kinds).map((row) => ({
      ...row,
      id: phone.sends(support, row.sent).id,
    }))
    // An album announces what follows it: nothing to show by itself.
    phone.sends(support, { albumMessage: { expectedImageCount: 1 } }, { id: 'ALBUM1' })
    // Newer than any protobuf we have: field 1500, and one byte of padding.
    const unheardOf = Buffer.from([0xe2, 0x5d, 3, 1, 2, 3, 1])
    rows.push({
      name: 'a kind nobody knows yet',
      id: phone.sends(support, '', { plaintext: unheardOf }).id,
      sent: '',
      type: 'text',
      kind: 'unsupported',
      text: '',
      told: { unsupported: 'field 1500' },
    })
    await phone.delivered(phone.sends(support, 'the last'))

    const received = await hub.webhook.received('message.received', rows.length + 1)
    const told = new Map(received.map(({ data }) => [data['messageId'], data]))
    const { messages, total } = await eventually(
      async () => {
        const page = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1000 } })
        return page.total > rows.length ? page : undefined
      },
      () => 'the messages are not listed',
    )
    expect(total).toBe(rows.length + 1)
    const listed = new Map(messages.map((message) => [message.messageId, message]))
    for (const { name, id, type, kind, text, told: rest = {} } of rows) {
      expect(told.get(id), `${name} by webhook`).toMatchObject({ type, kind, text, ...rest })
      expect(listed.get(id), `${name} in the list`).toMatchObject({
        type,
        kind,
        body: text,
        hasMedia: told.get(id)?.['media'] !== null,
        ...rest,
      })
    }
    const poll = rows.find(({ kind }) => kind === 'poll')
    expect(JSON.stringify(listed.get(poll?.id ?? ''))).not.toContain('secret')
  })
})

test('a CRM is told of a file, with the words it knows', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const phone = hub.emulator.phone(customer)
  phone.sends(support, { ptvMessage: { ...file, mimetype: 'video/mp4' } })
  const [received] = await hub.webhook.received('message.received')
  expect(received?.data['message']).toMatchObject({
    type: 'video',
    has_attachment: true,
    hasMedia: true,
    media: { filename: '', filesize: 2048, mimetype: 'video/mp4', url: media.url, fileSha256: media.sha256 },
  })
})
