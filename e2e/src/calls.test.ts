import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

/** The API of one session's calls. */
function callsOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  return {
    list: (query: Record<string, string | boolean> = {}) =>
      hub.api.call(endpoints.listCalls, { params, query }),
    get: async (callId: string) =>
      (await hub.api.call(endpoints.getCall, { params: { ...params, callId } })).call,
    reject: async (callId: string, body: object = {}) =>
      (await hub.api.call(endpoints.rejectCall, { params: { ...params, callId }, body })).call,
    settings: async () => (await hub.api.call(endpoints.getCallSettings, { params })).settings,
    set: async (body: object) => (await hub.api.call(endpoints.setCallSettings, { params, body })).settings,
    /** The types of the events of one call, once the last of them is `until`. */
    told: (callId: string, until: string) =>
      eventually(
        async () => {
          const { events } = await hub.api.call(endpoints.listEvents, { query: { sessionId, limit: 1000 } })
          const types = events.filter(({ data }) => data['callId'] === callId).map(({ type }) => type)
          return types.at(-1) === until ? types : undefined
        },
        () => `${until} was not told of ${callId}`,
      ),
  }
}

describe.each(stores)('calls on %s', (store) => {
  test('those that the account makes on its phone are listed as outgoing, and told to nobody', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const calls = callsOf(hub, session)
    const phone = hub.emulator.phone(ana)
    const group = hub.emulator.group('Lunch', [session.number, ana, ben])
    const at = Date.UTC(2026, 9, 1)
    const made = { person: ana, outgoing: true, at }
    const { settings } = session.phone
    for (const number of [ana, ben]) settings.savesContact(number, `Friend ${number}`)
    settings.logsCall({ ...made, callId: 'TALKED', result: 'CONNECTED', seconds: 83, video: true })
    settings.logsCall({ ...made, callId: 'REFUSED', result: 'REJECTED', person: ben, at: at + 1000 })
    settings.logsCall({ ...made, callId: 'GROUP', result: 'CONNECTED', group: group.jid, at: at + 2000 })
    settings.logsCall({ ...made, callId: 'RINGS', result: 'ONGOING', at: at + 3000 })
    const listed = await eventually(
      async () => {
        const page = await calls.list({ direction: 'outgoing' })
        return page.total === 3 ? page.calls : undefined
      },
      () => 'they are not listed',
    )
    const us = { from: jidOf(session.number), direction: 'outgoing', rejectedBy: null, whileAway: false }
    expect(listed).toMatchObject([
      { ...us, callId: 'GROUP', to: null, isGroup: true, groupId: group.jid },
      { ...us, callId: 'REFUSED', to: jidOf(ben), status: 'rejected' },
      {
        ...us,
        callId: 'TALKED',
        to: jidOf(ana),
        toLid: phone.lid,
        status: 'ended',
        isVideo: true,
        durationSeconds: 83,
        startedAt: new Date(at).toISOString(),
      },
    ])
    expect((await calls.list({ to: jidOf(ana) })).calls).toMatchObject([{ callId: 'TALKED' }])
    expect(await calls.list({ direction: 'incoming' })).toMatchObject({ total: 0 })

    // One that was taken on the phone: linked devices hear of its end from the list alone.
    const taken = phone.calls(session)
    session.phone.answers(taken)
    await calls.told(taken, 'call.accepted')
    settings.logsCall({ ...made, callId: taken, outgoing: false, result: 'CONNECTED', seconds: 65 })
    expect(await calls.told(taken, 'call.ended')).toEqual(['call.received', 'call.accepted', 'call.ended'])
    expect(await calls.get(taken)).toMatchObject({ status: 'ended', durationSeconds: 65 })
    expect(hub.webhook.calls.filter(({ type }) => type?.startsWith('call.'))).toHaveLength(3)
  })

  test('a call is told and kept as it goes: given up, rung out, taken or refused on the phone, talked', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const calls = callsOf(hub, session)
    const phone = hub.emulator.phone(ana)

    const givenUp = phone.calls(session)
    await calls.told(givenUp, 'call.received')
    expect(await calls.get(givenUp)).toMatchObject({
      callId: givenUp,
      direction: 'incoming',
      to: jidOf(session.number),
      from: jidOf(ana),
      fromLid: phone.lid,
      isVideo: false,
      isGroup: false,
      status: 'ringing',
      whileAway: false,
      endedAt: null,
    })
    phone.hangsUp(session, givenUp)
    expect(await calls.told(givenUp, 'call.missed')).toEqual(['call.received', 'call.missed'])

    phone.addressing = 'pn'
    const rungOut = phone.calls(session, { video: true })
    phone.hangsUp(session, rungOut, 'timeout')
    await calls.told(rungOut, 'call.missed')
    expect(await calls.get(rungOut)).toMatchObject({ isVideo: true, status: 'missed', from: jidOf(ana) })

    const refused = phone.calls(session)
    session.phone.answers(refused, 'reject')
    await calls.told(refused, 'call.rejected')
    expect(await calls.get(refused)).toMatchObject({ status: 'rejected', rejectedBy: 'phone' })

    const taken = phone.calls(session)
    session.phone.answers(taken)
    await calls.told(taken, 'call.accepted')
    phone.hangsUp(session, taken)
    expect(await calls.told(taken, 'call.ended')).toEqual(['call.received', 'call.accepted', 'call.ended'])
    expect(await calls.get(taken)).toMatchObject({ status: 'ended', durationSeconds: expect.any(Number) })

    const { jid } = hub.emulator.group('Team', [ben, session.number, ana])
    const ofGroup = hub.emulator.phone(ben).calls(jid)
    await calls.told(ofGroup, 'call.received')
    expect(await calls.get(ofGroup)).toMatchObject({ isGroup: true, groupId: jid, from: jidOf(ben) })

    const all = await calls.list()
    expect(all.calls.map(({ callId }) => callId).sort()).toEqual(
      [givenUp, rungOut, refused, taken, ofGroup].sort(),
    )
    expect((await calls.list({ status: 'missed' })).total).toBe(2)
    expect((await calls.list({ isVideo: 'true' })).calls).toMatchObject([{ callId: rungOut }])
    expect((await calls.list({ from: ben })).calls).toMatchObject([{ callId: ofGroup }])
    expect((await calls.list({ endDate: '2001-01-01' })).total).toBe(0)
    await hub.webhook.received('call.received', 5)
  })

  test('a call is refused through the API, once, and its caller is written to', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const calls = callsOf(hub, session)
    const phone = hub.emulator.phone(ana)
    const call = phone.calls(session)
    await calls.told(call, 'call.received')
    expect(await calls.reject(call, { replyText: 'We only write, {{name}}' })).toMatchObject({
      status: 'rejected',
      rejectedBy: 'api',
    })
    await phone.hears(call, 'reject')
    expect(await session.phone.hears(call, 'terminate')).toMatchObject({ reason: 'rejected_elsewhere' })
    await phone.receives(`We only write, ${ana.slice(1)}`)
    phone.hangsUp(session, call)
    await expect(calls.reject(call)).rejects.toMatchObject({
      status: 409,
      code: 'CALL_NOT_RINGING',
      details: { status: 'rejected' },
    })
    await expect(calls.reject('no-such-call')).rejects.toMatchObject({ status: 404, code: 'CALL_NOT_FOUND' })
    await expect(calls.get('no-such-call')).rejects.toMatchObject({ code: 'CALL_NOT_FOUND' })

    const late = phone.calls(session)
    await calls.told(late, 'call.received')
    await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
    await session.reaches('stopped')
    await expect(calls.reject(late)).rejects.toMatchObject({ status: 400, code: 'SESSION_NOT_CONNECTED' })
  })

  test('a rule refuses calls of people as they ring, with one message each; what rang while away is left alone', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const calls = callsOf(hub, session)
    const phone = hub.emulator.phone(ana)
    expect(await calls.settings()).toEqual({
      rejectCalls: false,
      rejectGroupCalls: false,
      reply: false,
      replyText: null,
      language: 'es',
    })
    await calls.set({ rejectCalls: 'true', reply: true, language: 'en' })
    const first = phone.calls(session)
    await phone.hears(first, 'reject')
    await phone.receives(/does not take calls/)
    expect(await calls.told(first, 'call.rejected')).toEqual(['call.received', 'call.rejected'])
    expect(await calls.get(first)).toMatchObject({ rejectedBy: 'rule' })

    expect(await calls.set({ replyText: 'Escríbanos, {{ name }} ({{number}}).' })).toMatchObject({
      rejectCalls: true,
      reply: true,
    })
    await hub.api.call(endpoints.updateContact, {
      params: { contactId: ana },
      body: { name: 'Ana', sessionId: session.sessionId },
    })
    const { jid } = hub.emulator.group('Team', [ana, session.number])
    const ofGroup = phone.calls(jid)
    await calls.told(ofGroup, 'call.received')

    await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
    await session.reaches('stopped')
    const whileAway = phone.calls(session)
    await hub.api.call(endpoints.connectSession, { params: { ref: session.sessionId } })
    await session.reaches('online')
    await calls.told(whileAway, 'call.received')
    expect(await calls.get(whileAway)).toMatchObject({ whileAway: true })

    const last = phone.calls(session)
    await phone.hears(last, 'reject')
    await phone.receives(`Escríbanos, Ana (${ana.slice(1)}).`)
    // Both rang before the last, which was refused.
    expect(await calls.get(whileAway)).toMatchObject({ status: 'ringing', rejectedBy: null })
    expect(await calls.get(ofGroup)).toMatchObject({ status: 'ringing' })
    expect(phone.inbox).toHaveLength(2)

    await calls.set({ rejectGroupCalls: true, rejectCalls: false })
    const groupAgain = phone.calls(jid)
    await phone.hears(groupAgain, 'reject')
    await calls.told(groupAgain, 'call.rejected')
    expect(phone.inbox).toHaveLength(2)
    expect(await calls.set({ replyText: '' })).toMatchObject({ replyText: null })
  })
})

test('wrong input about calls is refused by the name of its field', async () => {
  await using hub = await startHub()
  await hub.api.call(endpoints.createSession, { body: { sessionId: 'support', autoConnect: false } })
  const calls = callsOf(hub, { sessionId: 'support' })
  const named = (field: string) => ({
    status: 400,
    code: 'VALIDATION_ERROR',
    details: { [field]: expect.any(String) },
  })
  await expect(calls.set({ replyText: 'Hello {{surname}}' })).rejects.toMatchObject(named('replyText'))
  await expect(calls.set({ replyText: 'x'.repeat(4097) })).rejects.toMatchObject(named('replyText'))
  await expect(calls.set({ language: 'fr' })).rejects.toMatchObject(named('language'))
  await expect(calls.list({ status: 'lost' })).rejects.toMatchObject(named('status'))
  await expect(callsOf(hub, { sessionId: 'nobody' }).list()).rejects.toMatchObject({
    code: 'SESSION_NOT_FOUND',
  })
})
