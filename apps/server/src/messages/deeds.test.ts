import { HubError } from '@inbox-hub/contract'
import { type OutgoingDeed, parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import type { SendRequest } from './index.ts'
import { deletableForMs, editableForMs } from './sending/deeds.ts'
import { eventually, type Fixture, startFixture } from './testing/messages-fixture.ts'

const ana = parseJid('12025550123@s.whatsapp.net')
const call = { language: 'en', signal: undefined } as const

async function send(hub: Fixture, content: SendRequest['content'], idempotencyKey?: string) {
  const request = { to: ana, content, mentions: [], quotedId: undefined, idempotencyKey }
  const [outcome] = await hub.messages.send(hub.session, [request], call)
  if (outcome === undefined) throw new Error('no outcome')
  if ('error' in outcome) throw outcome.error
  if ('scheduled' in outcome) throw new Error('it was scheduled')
  return outcome.row
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error instanceof HubError ? ((error.details as { reason?: string }).reason ?? error.code) : error
  }
  return 'it went through'
}

const changes = (hub: Fixture) =>
  hub.database.read
    .selectFrom('message_change')
    .select(['kind', 'sender_jid', 'value', 'message_id'])
    .execute()

databases('what we do to messages', ({ open, place }) => {
  test('a message may be edited for 15 minutes and deleted for 60 hours', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    const { id, whatsapp_id: messageId } = await send(hub, { kind: 'text', text: 'one' })
    const edit: OutgoingDeed = { kind: 'edit', messageId, text: 'two' }
    await hub.clock.advance(editableForMs)
    await send(hub, edit)
    const row = await hub.messages.finder.find([1], String(id))
    expect(row).toMatchObject({ body: 'two' })
    await hub.clock.advance(1)
    expect(await codeOf(send(hub, { ...edit, text: 'three' }))).toBe('EDIT_TOO_LATE')
    await hub.clock.advance(deletableForMs - editableForMs)
    expect(await codeOf(send(hub, { kind: 'revoke', messageId }))).toBe('DELETE_TOO_LATE')
    expect(await changes(hub)).toMatchObject([{ kind: 'edit' }])
  })

  test('it shows when WhatsApp has taken it, and never when WhatsApp refused it', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const { whatsapp_id: messageId } = await send(hub, { kind: 'text', text: 'one' })
    link.ackAtOnce = false
    const refused = codeOf(send(hub, { kind: 'reaction', messageId, emoji: '👍' }))
    link.ack((await eventually(() => link.written[1])).id, 463)
    expect(await refused).toBe('NEW_CHATS_RESTRICTED')
    expect(await changes(hub)).toEqual([])
    const reacting = send(hub, { kind: 'reaction', messageId, emoji: '🙏' })
    const { id } = await eventually(() => link.written[2])
    expect(await changes(hub)).toEqual([])
    link.ack(id)
    await reacting
    expect(await changes(hub)).toMatchObject([
      { kind: 'reaction', sender_jid: '', value: '{"kind":"reaction","emoji":"🙏"}' },
    ])
    // Told as failed, so that who was answered `pending` learns of it; never as a message that was sent.
    expect(await hub.told()).toMatchObject([
      { type: 'message.sent', data: { messageId } },
      { type: 'message.failed', data: { reason: 'NEW_CHATS_RESTRICTED' } },
    ])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
  })

  test('a receipt proves it too, and tells of no message', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const { whatsapp_id: messageId } = await send(hub, { kind: 'text', text: 'one' })
    link.ackAtOnce = false
    const reacting = send(hub, { kind: 'reaction', messageId, emoji: '🙏' })
    const { id } = await eventually(() => link.written[1])
    hub.sessions.arrive([{ kind: 'receipt', chat: ana, ids: [id], status: 'delivered' }])
    await reacting
    await hub.projected()
    expect(await changes(hub)).toMatchObject([{ kind: 'reaction' }])
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.sent'])
  })

  test('a process that dies with it on the wire leaves it to the next, which does it once', async () => {
    await using where = await place()
    const clock = createManualClock()
    await using first = await startFixture(() => where.open(), { clock })
    const { whatsapp_id: messageId } = await (first.sessions.online(),
    send(first, { kind: 'text', text: 'one' }))
    const link = first.sessions.online()
    link.ackAtOnce = false
    void send(first, { kind: 'edit', messageId, text: 'two' }, 'key').catch(() => {})
    const written = await eventually(() => link.written[0])
    await first[Symbol.asyncDispose]()

    await using next = await startFixture(() => where.open(), { clock })
    const again = next.sessions.online()
    await eventually(() => again.written[0])
    expect(again.written).toMatchObject([
      {
        id: written.id,
        to: ana,
        content: { content: { kind: 'edit', text: 'two', target: { id: messageId } } },
      },
    ])
    const row = await eventually(async () => {
      const found = await next.messages.finder.find([1], messageId)
      return found?.body === 'two' ? found : undefined
    })
    expect(row.whatsapp_id).toBe(messageId)
    // The same call again is the same deed.
    expect(await send(next, { kind: 'edit', messageId, text: 'two' }, 'key')).toMatchObject({
      whatsapp_id: written.id,
    })
    expect(again.written).toHaveLength(1)
    expect(await codeOf(send(next, { kind: 'edit', messageId, text: 'three' }, 'key'))).toBe(
      'IDEMPOTENCY_CONFLICT',
    )
  })

  test('nothing is done to a message that failed', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const failing = codeOf(send(hub, { kind: 'text', text: 'one' }))
    const { id: messageId } = await eventually(() => link.written[0])
    link.ack(messageId, 404)
    await failing
    expect(await codeOf(send(hub, { kind: 'reaction', messageId, emoji: '👍' }))).toBe('MESSAGE_NOT_SENT')
    expect(link.written).toHaveLength(1)
  })
})
