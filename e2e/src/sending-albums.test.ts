import { randomBytes } from 'node:crypto'

import { endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const params = { sessionId: 'support' }

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
// Bytes behind its end make each a file of its own, which is uploaded by itself.
const image = (caption?: string) => ({
  image: { base64: Buffer.concat([pixel, randomBytes(8)]).toString('base64') },
  ...(caption !== undefined && { caption }),
})
const video = () => ({
  video: {
    base64: Buffer.from(
      `\0\0\0\x18ftypmp42\0\0\0\0mp42isom${randomBytes(8).toString('hex')}`,
      'latin1',
    ).toString('base64'),
  },
})

// Without ffmpeg, which the hub is not told where to find: what is sent is sent as it is.
describe.each(stores)('an album on %s', (store) => {
  let hub: Hub
  let support: PairedSession
  beforeAll(async () => {
    hub = await startHub({ store, preset: 'standard' })
    support = await hub.pairSession('support')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  const send = (to: string, items: readonly object[], more: object = {}) =>
    hub.api.call(endpoints.sendMessage, {
      params,
      // As clients write it; the contract parses it.
      body: { to, message: { album: items } as unknown as string, ...more },
    })
  const listed = async (to: string) => {
    const chat = { ...params, chatId: to }
    return (await hub.api.call(endpoints.listChatMessages, { params: chat })).messages
  }
  /** What the phone got of an album: first its frame, then its pictures, in the order in which they came. */
  const onPhone = (to: string, albumId: string) =>
    hub.emulator
      .phone(to)
      .messages.filter(
        ({ id, message }) =>
          id === albumId || message.messageContextInfo?.messageAssociation?.parentMessageKey?.id === albumId,
      )
  const idsOnPhone = (to: string, albumId: string) => onPhone(to, albumId).map(({ id }) => id)

  test('goes out once, in order, and each picture of it is a message of its own', async () => {
    const to = '+12025550123'
    const question = hub.emulator.phone(to).sends(support, 'Pictures?')
    await hub.webhook.received('message.received')
    const items = [image('the view'), video(), image()]
    const more = { clientId: 'album', quotedMessageId: question.id }
    const answer = await send(to, items, more)
    const { messageId: albumId = '', items: parts = [] } = answer.album ?? {}
    expect(answer).toMatchObject({ status: 'sent', type: 'image', text: 'the view', message: { albumId } })
    expect(parts.map(({ status }) => status)).toEqual(['sent', 'sent', 'sent'])
    expect(parts[0]?.messageId).toBe(answer.messageId)

    const phone = hub.emulator.phone(to)
    await phone.receives(({ id }) => id === parts[2]?.messageId)
    expect(idsOnPhone(to, albumId)).toEqual([albumId, ...parts.map(({ messageId }) => messageId)])
    expect(onPhone(to, albumId).map(({ message }) => message)).toMatchObject([
      { albumMessage: { expectedImageCount: 2, expectedVideoCount: 1 } },
      {
        imageMessage: { caption: 'the view', contextInfo: { stanzaId: question.id } },
        messageContextInfo: { messageAssociation: { associationType: 1 } },
      },
      { videoMessage: {} },
      { imageMessage: {} },
    ])

    // Newest first; the frame is not shown, counted, or told of.
    const shown = await listed(to)
    expect(shown.map(({ messageId, albumId: of }) => [messageId, of])).toEqual([
      ...parts.map(({ messageId }) => [messageId, albumId]).toReversed(),
      [question.id, null],
    ])
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats[0]).toMatchObject({ messageCount: 4, lastMessage: { id: parts[2]?.messageId } })
    const told = await hub.webhook.received('message.sent', 3)
    expect(told.map(({ data }) => String(data['messageId'])).toSorted()).toEqual(
      parts.map(({ messageId }) => messageId).toSorted(),
    )

    // A repeat of the call is the same album; the same key for another is refused.
    const again = await send(to, items, more)
    expect(again.album?.items.map(({ messageId }) => messageId)).toEqual(
      parts.map(({ messageId }) => messageId),
    )
    await expect(send(to, [...items, image()], more)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(idsOnPhone(to, albumId)).toHaveLength(4)
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.sent')).toHaveLength(3)
  })

  test('a picture that WhatsApp does not take fails alone, and can be sent again', async () => {
    const to = '+12025550124'
    hub.emulator.media.onUploads({ kind: 'status', status: 413 })
    const answer = await send(to, [image(), image(), image()])
    const { messageId: albumId = '', items: parts = [] } = answer.album ?? {}
    const failed = parts.filter(({ status }) => status === 'failed')
    expect(failed).toMatchObject([{ code: 'MEDIA_REFUSED', error: expect.any(String) }])
    expect(parts.filter(({ status }) => status === 'sent')).toHaveLength(2)
    expect((await listed(to)).filter(({ error }) => error?.code === 'MEDIA_REFUSED')).toHaveLength(1)
    const messageId = failed[0]?.messageId ?? ''
    expect(idsOnPhone(to, albumId)).not.toContain(messageId)
    await hub.api.call(endpoints.retryMessage, { params: { messageId } })
    await hub.emulator.phone(to).receives(({ id }) => id === messageId)
    expect(idsOnPhone(to, albumId)).toHaveLength(4)
  })

  test('that none of goes out fails as a message does', async () => {
    hub.emulator.media.onUploads({ kind: 'status', status: 413 }, { times: 2 })
    await expect(send('+12025550125', [image(), image()])).rejects.toMatchObject({
      code: 'WHATSAPP_ERROR',
      details: { reason: 'MEDIA_REFUSED' },
    })
  })

  test('outlives a restart in the middle of it, whole and in order', async () => {
    const to = '+12025550126'
    const before = hub.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length
    hub.emulator.media.onUploads({ kind: 'silence' }, { times: 3 })
    const call = new AbortController()
    const sending = fetch(`${hub.url}/api/messages/support/send`, {
      method: 'POST',
      headers: { 'x-api-key': hub.key, 'content-type': 'application/json' },
      body: JSON.stringify({ to, message: { album: [image(), image(), image()] } }),
      signal: call.signal,
    }).catch((error: unknown) => error)
    const { messages: waiting } = await eventually(
      async () => {
        const uploads = hub.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length
        const page = await hub.api.call(endpoints.listChatMessages, { params: { ...params, chatId: to } })
        return page.total === 3 && uploads === before + 3 ? page : undefined
      },
      () => 'the album is not stored, or its uploads did not begin',
    )
    const albumId = waiting[0]?.albumId ?? ''
    call.abort()
    await sending
    await hub.restart()
    const ids = waiting.map(({ messageId }) => messageId).toReversed()
    await hub.emulator.phone(to).receives(({ id }) => id === ids[2])
    expect(idsOnPhone(to, albumId)).toEqual([albumId, ...ids])
  })

  test('that is scheduled waits as its pictures, and goes out as one', async () => {
    const to = '+12025550127'
    const sendAt = new Date(Date.now() + 1500).toISOString()
    const answer = await send(to, [image('first'), image('second')], { sendAt })
    expect(answer).toMatchObject({ status: 'scheduled', text: 'first', type: 'image' })
    const waiting = await hub.api.call(endpoints.listScheduled, { params, query: {} })
    expect([waiting.total, waiting.messages.map(({ body }) => body)]).toEqual([2, ['first', 'second']])
    const ids = waiting.messages.map(({ messageId }) => messageId)
    await hub.emulator.phone(to).receives(({ id }) => id === ids[1])
    const albumId = answer.message.albumId ?? ''
    expect(idsOnPhone(to, albumId)).toEqual([albumId, ...ids])
  })

  test.each([
    ['one picture', [image()], 'VALIDATION_ERROR', {}],
    ['a picture that is shown once', [image(), { ...image(), viewOnce: true }], 'VALIDATION_ERROR', {}],
    ['a document', [image(), { document: image().image }], 'VALIDATION_ERROR', {}],
    ['the file of a form', [image(), { image: { upload: true } }], 'VALIDATION_ERROR', {}],
    [
      'a picture that cannot be fetched',
      [image(), { image: { url: 'http://10.0.0.1/' } }],
      'MEDIA_URL_REFUSED',
      { item: 2 },
    ],
  ])('of %s is refused, and nothing of it is stored', async (_what, items, code, details) => {
    await expect(send('+12025550128', items)).rejects.toMatchObject({ code, details })
    expect(await listed('+12025550128')).toEqual([])
  })
})
