import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

type OnPeople =
  | `${'add' | 'remove' | 'promote' | 'demote'}Participants`
  | `${'approve' | 'reject'}JoinRequests`

/** The API of one session's groups. */
function groupsOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  return {
    list: (query: Record<string, string | number | boolean> = {}) =>
      hub.api.call(endpoints.listGroups, { params, query }),
    stats: async () => (await hub.api.call(endpoints.groupStats, { params })).stats,
    create: (body: object) => hub.api.call(endpoints.createGroup, { params, body }),
    get: async (groupId: string) =>
      (await hub.api.call(endpoints.getGroup, { params: { ...params, groupId } })).group,
    update: async (groupId: string, body: object) =>
      (await hub.api.call(endpoints.updateGroup, { params: { ...params, groupId }, body })).group,
    on: (name: OnPeople, groupId: string, body: object) =>
      hub.api.call(endpoints[name], { params: { ...params, groupId }, body }),
    call: (name: 'leaveGroup' | 'getInviteCode' | 'revokeInviteCode' | 'listJoinRequests', groupId: string) =>
      hub.api.call(endpoints[name], { params: { ...params, groupId } }),
    code: async (groupId: string) =>
      (
        await hub.api.call(endpoints.getInviteCode, {
          params: { ...params, groupId },
          body: { expirationHours: 2 },
        })
      ).inviteCode,
    join: (inviteCode: string) => hub.api.call(endpoints.joinWithCode, { body: { inviteCode, ...params } }),
  }
}

/** The events of one type that a session told, once there are `count`. */
async function told(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>, type: EventType, count = 1) {
  return eventually(
    async () => {
      const { events } = await hub.api.call(endpoints.listEvents, {
        query: { sessionId, types: type, limit: 1000 },
      })
      return events.length >= count ? events.map(({ data }) => data) : undefined
    },
    () => `${sessionId} did not tell ${count} ${type}`,
  )
}

describe.each(stores)('groups on %s', (store) => {
  test('a group that is made is in the store of every member, with who could not be added', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    hub.emulator.account(ana).setGroupAdds('contacts')
    hub.emulator.account(ben).setRegistered(false)
    const first = groupsOf(hub, one)
    expect(await first.list()).toMatchObject({ groups: [], total: 0 })
    const { group, results } = await first.create({
      subject: 'Vecinos del Ático',
      description: 'Solo avisos',
      participants: [two.number, ana, ben],
    })
    expect(group).toMatchObject({
      subject: 'Vecinos del Ático',
      description: 'Solo avisos',
      owner: jidOf(one.number),
      participantCount: 2,
      isActive: true,
      isAdmin: true,
      participants: expect.arrayContaining([
        { id: jidOf(one.number), lid: one.phone.lid, isAdmin: true, isSuperAdmin: true },
        { id: jidOf(two.number), lid: two.phone.lid, isAdmin: false, isSuperAdmin: false },
      ]),
    })
    expect(results).toMatchObject([
      { id: jidOf(two.number), status: 200, reason: null, inviteCode: null },
      { id: jidOf(ana), status: 403, reason: 'NOT_ALLOWED', inviteCode: expect.any(String) },
      { id: jidOf(ben), status: 404, reason: 'NOT_ON_WHATSAPP' },
    ])
    const [joined] = await told(hub, two, 'group.joined')
    expect(joined).toMatchObject({ groupId: group.id, subject: group.subject, by: { id: jidOf(one.number) } })
    const second = groupsOf(hub, two)
    expect((await second.get(group.id)).isAdmin).toBe(false)
    expect(await second.list({ search: 'atico' })).toMatchObject({ total: 1, groups: [{ id: group.id }] })
    expect(await second.list({ search: 'nobody' })).toMatchObject({ total: 0, groups: [] })
    expect(await second.stats()).toEqual({ total: 1, active: 1, admin: 0, participants: 2 })
    const webhooks = await hub.webhook.received('group.joined', 2)
    expect(new Set(webhooks.map(({ data }) => data['sessionId']))).toEqual(new Set(['one', 'two']))
  })

  test('what one member changes, the others are told in order and have in their store', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    const [admin, member] = [groupsOf(hub, one), groupsOf(hub, two)]
    const { group } = await admin.create({ subject: 'Before', participants: [two.number] })
    await told(hub, two, 'group.joined')
    const wish = {
      subject: 'After',
      description: 'Rules',
      announcement: true,
      locked: 'true',
      memberAddMode: 'admins',
      joinApproval: true,
      ephemeralSeconds: 86_400,
    }
    const changed = { ...wish, locked: true }
    expect(await admin.update(group.id, wish)).toMatchObject(changed)
    const updates = await told(hub, two, 'group.updated', 7)
    expect(updates.map(({ changes }) => changes)).toEqual([
      { subject: 'After' },
      { announcement: true },
      { locked: true },
      { memberAddMode: 'admins' },
      { joinApproval: true },
      { ephemeralSeconds: 86_400 },
      { description: 'Rules' },
    ])
    expect(updates[0]).toMatchObject({ groupId: group.id, by: { id: jidOf(one.number), lid: one.phone.lid } })
    expect(await member.get(group.id)).toMatchObject(changed)
    // The same wish again asks for nothing; another description names the one it replaces.
    await admin.update(group.id, { ...wish, description: 'New rules' })
    await admin.update(group.id, { description: '', announcement: false })
    expect((await told(hub, two, 'group.updated', 10)).slice(7).map(({ changes }) => changes)).toEqual([
      { description: 'New rules' },
      { announcement: false },
      { description: null },
    ])
    expect(await member.get(group.id)).toMatchObject({ description: null, announcement: false })
    await expect(member.update(group.id, { subject: 'Mine' })).rejects.toMatchObject({
      status: 403,
      code: 'NOT_GROUP_ADMIN',
    })
    hub.emulator
      .account(one.number)
      .onQueries({ query: 'w:g2 set locked', answer: { code: 429, text: 'slow down' } })
    await admin.update(group.id, { locked: false })
    await expect(admin.update(group.id, { subject: 'Half', locked: true })).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'TOO_MANY_REQUESTS', applied: 'subject' },
    })
    expect(await admin.get(group.id)).toMatchObject({ subject: 'Half', locked: false })
  })

  test('members come, become admins and go, each with the answer of WhatsApp', async () => {
    await using hub = await startHub({ store })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    const [admin, member] = [groupsOf(hub, one), groupsOf(hub, two)]
    const { group } = await admin.create({ subject: 'Team', participants: [two.number] })
    await told(hub, two, 'group.joined')
    hub.emulator.account('+12025550125').setRegistered(false)
    const added = await admin.on('addParticipants', group.id, {
      participants: [ana, two.number, '12025550125'],
      isAdmin: true,
    })
    expect(added.results).toMatchObject([
      { id: jidOf(ana), status: 200, reason: null },
      { id: jidOf(two.number), status: 409, reason: 'ALREADY_MEMBER' },
      { id: '12025550125@s.whatsapp.net', status: 404, reason: 'NOT_ON_WHATSAPP' },
    ])
    expect((await admin.on('demoteParticipants', group.id, { participantId: ana })).results).toMatchObject([
      { id: jidOf(ana), status: 200 },
    ])
    await expect(member.on('removeParticipants', group.id, { participantId: ana })).rejects.toMatchObject({
      status: 403,
      code: 'NOT_GROUP_ADMIN',
    })
    await admin.on('promoteParticipants', group.id, { participantId: two.phone.lid })
    await told(hub, two, 'group.participants', 4)
    expect((await member.get(group.id)).isAdmin).toBe(true)
    const { results } = await member.on('removeParticipants', group.id, { participants: [ana, ben] })
    expect(results).toMatchObject([
      { id: jidOf(ana), status: 200 },
      { id: jidOf(ben), status: 404, reason: 'NOT_A_MEMBER' },
    ])
    const acts = await told(hub, two, 'group.participants', 5)
    expect(acts.map(({ action, participants }) => [action, participants])).toMatchObject([
      ['add', [{ id: jidOf(ana) }]],
      ['promote', [{ id: jidOf(ana) }]],
      ['demote', [{ id: jidOf(ana) }]],
      ['promote', [{ id: jidOf(two.number), lid: two.phone.lid }]],
      ['remove', [{ id: jidOf(ana) }]],
    ])
    await member.call('leaveGroup', group.id)
    expect(await member.list({ isActive: true })).toMatchObject({ total: 0 })
    expect(await member.list({ isActive: false })).toMatchObject({ total: 1, groups: [{ isActive: false }] })
    await expect(member.update(group.id, { subject: 'x' })).rejects.toMatchObject({ code: 'NOT_IN_GROUP' })
    expect((await told(hub, one, 'group.participants', 6)).at(-1)).toMatchObject({
      action: 'leave',
      participants: [{ id: jidOf(two.number) }],
    })
    expect(await admin.get(group.id)).toMatchObject({ participantCount: 1 })
    await admin.on('addParticipants', group.id, { participantId: two.number })
    await told(hub, two, 'group.participants', 7)
    expect(await member.get(group.id)).toMatchObject({ isActive: true, participantCount: 2 })
  })

  test('an invitation is shared, joined, revoked, and answered by admins where they want to', async () => {
    await using hub = await startHub({ store })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    const [admin, guest] = [groupsOf(hub, one), groupsOf(hub, two)]
    const { group } = await admin.create({ subject: 'Open house', participants: [] })
    const code = await admin.code(group.id)
    const invited = await hub.api.call(endpoints.getInvitedGroup, {
      params: { sessionId: 'two', inviteCode: code },
    })
    expect(invited.group).toMatchObject({ id: group.id, subject: 'Open house', participantCount: 1 })
    await expect(guest.get(group.id)).rejects.toMatchObject({ status: 403, code: 'NOT_IN_GROUP' })
    expect(await guest.join(`https://chat.whatsapp.com/${code}`)).toEqual({
      groupId: group.id,
      isPending: false,
    })
    expect(await guest.get(group.id)).toMatchObject({ isActive: true, participantCount: 2 })
    await expect(guest.join(code)).rejects.toMatchObject({ status: 409, code: 'ALREADY_IN_GROUP' })
    await expect(hub.api.call(endpoints.joinWithCode, { body: { inviteCode: code } })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { sessionId: expect.any(String) },
    })
    await guest.call('leaveGroup', group.id)
    const renewed = await hub.api.call(endpoints.revokeInviteCode, {
      params: { sessionId: 'one', groupId: group.id },
    })
    expect(renewed.inviteUrl).toBe(`https://chat.whatsapp.com/${renewed.inviteCode}`)
    for (const dead of [code, 'NeverWasAnInviteCode00'])
      await expect(guest.join(dead)).rejects.toMatchObject({ status: 404, code: 'INVITE_NOT_VALID' })

    await admin.update(group.id, { joinApproval: true })
    for (const answer of ['rejectJoinRequests', 'approveJoinRequests'] as const) {
      expect(await guest.join(renewed.inviteCode)).toEqual({ groupId: group.id, isPending: true })
      expect(await admin.call('listJoinRequests', group.id)).toMatchObject({
        requests: [{ id: jidOf(two.number), lid: two.phone.lid, method: 'invite_link' }],
      })
      expect(await admin.on(answer, group.id, { participants: [two.number, ana] })).toMatchObject({
        results: [
          { id: jidOf(two.number), status: 200, reason: null },
          { id: jidOf(ana), status: 404 },
        ],
      })
    }
    expect((await told(hub, one, 'group.join_request', 3)).map(({ action }) => action)).toEqual([
      'created',
      'rejected',
      'created',
    ])
    expect(await admin.get(group.id)).toMatchObject({ participantCount: 2 })
    await told(hub, two, 'group.participants', 3)
    expect(await guest.get(group.id)).toMatchObject({ isActive: true })
  })

  test('what is read once is answered from the store, connected or not', async () => {
    await using hub = await startHub({ store })
    const { jid } = hub.emulator.group('Old friends', [ana, ben])
    const one = await hub.pairSession('one', { number: '+447700900123' })
    const { jid: own } = hub.emulator.group('Family', [ana, one.number], 'pn')
    const groups = groupsOf(hub, one)
    expect((await groups.list()).groups.map(({ id }) => id)).toEqual([own])
    expect(await groups.get(own)).toMatchObject({
      owner: jidOf(ana),
      participants: expect.arrayContaining([
        { id: jidOf(ana), lid: hub.emulator.addresses(ana).lid, isAdmin: true, isSuperAdmin: true },
      ]),
    })
    await hub.emulator.phone(ana).delivered(hub.emulator.phone(ana).sends(own, 'Hi all'))
    expect(
      await eventually(
        async () => {
          const { markedCount } = await hub.api.call(endpoints.readGroup, {
            params: { sessionId: 'one', groupId: own },
          })
          return markedCount > 0 ? markedCount : undefined
        },
        () => 'the message in the group was never there to be read',
      ),
    ).toBe(1)
    // No query is answered any more: whoever asked would wait.
    hub.emulator.account(one.number).onQueries({ query: 'w:g2', answer: 'never' }, 100)
    expect(await groups.list()).toMatchObject({ total: 1 })
    expect(await groups.get(own)).toMatchObject({ subject: 'Family' })
    await hub.api.call(endpoints.disconnectSession, { params: { ref: 'one' } })
    expect(await groups.list()).toMatchObject({ total: 1 })
    expect(await groups.get(own)).toMatchObject({ subject: 'Family' })
    for (const ask of [() => groups.get(jid), () => groups.create({ subject: 'x' }), () => groups.code(own)])
      await expect(ask()).rejects.toMatchObject({ status: 400, code: 'SESSION_NOT_CONNECTED' })
  })

  test('what happens to a group while the session is away is told when it is back, once', async () => {
    await using hub = await startHub({ store })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    const { group } = await groupsOf(hub, one).create({ subject: 'Before', participants: [two.number] })
    await told(hub, two, 'group.joined')
    await hub.api.call(endpoints.disconnectSession, { params: { ref: 'two' } })
    await groupsOf(hub, one).update(group.id, { subject: 'Meanwhile' })
    await groupsOf(hub, one).on('addParticipants', group.id, { participantId: ana })
    expect(await groupsOf(hub, two).get(group.id)).toMatchObject({ subject: 'Before', participantCount: 2 })
    for (const round of ['first', 'second']) {
      await hub.api.call(endpoints.connectSession, { params: { ref: 'two' } })
      await two.reaches('online')
      await hub.emulator.truth.until((truth) => truth.owed(two.number).length === 0)
      if (round === 'first') hub.emulator.account(two.number).disconnect('connection_lost')
    }
    await told(hub, two, 'group.participants')
    expect((await told(hub, two, 'group.updated')).map(({ changes }) => changes)).toEqual([
      { subject: 'Meanwhile' },
    ])
    expect(await told(hub, two, 'group.participants')).toHaveLength(1)
    expect(await groupsOf(hub, two).get(group.id)).toMatchObject({
      subject: 'Meanwhile',
      participantCount: 3,
    })
  })

  test('the chat of a group has its name, also of one that nobody asked for', async () => {
    await using hub = await startHub({ store })
    const one = await hub.pairSession('one')
    const names = async (): Promise<string[]> =>
      (await hub.api.call(endpoints.listChats, { params: { sessionId: 'one' } })).chats.map(
        ({ name }) => name,
      )
    const family = hub.emulator.group('Family', [ana, one.number])
    const phone = hub.emulator.phone(ana)
    await phone.delivered(phone.sends(family.jid, 'Hi all'))
    await eventually(
      async () => ((await names()).includes('Family') ? true : undefined),
      () => 'the chat was never named',
    )
    const { group } = await groupsOf(hub, one).create({ subject: 'Team', participants: [ana] })
    await phone.delivered(phone.sends(group.id, 'Hello'))
    await eventually(
      async () => ((await names()).includes('Team') ? true : undefined),
      () => 'the chat was never named',
    )
    await groupsOf(hub, one).update(group.id, { subject: 'Crew' })
    expect((await names()).toSorted()).toEqual(['Crew', 'Family'])
  })

  test('wrong input is refused by the name of its field, and refusals have codes', async () => {
    await using hub = await startHub({ store })
    const one = await hub.pairSession('one')
    const groups = groupsOf(hub, one)
    const { group } = await groups.create({ subject: 'Mine' })
    const wrong = (field: string) => ({
      status: 400,
      code: 'VALIDATION_ERROR',
      details: { [field]: expect.any(String) },
    })
    await expect(groups.create({})).rejects.toMatchObject(wrong('subject'))
    await expect(groups.create({ subject: 'x'.repeat(101) })).rejects.toMatchObject(wrong('subject'))
    await expect(groups.create({ subject: 'x', participants: ['me'] })).rejects.toMatchObject(
      wrong('participants.0'),
    )
    await expect(groups.get(ana)).rejects.toMatchObject(wrong('groupId'))
    await expect(groups.join('!')).rejects.toMatchObject(wrong('inviteCode'))
    await expect(groups.update(group.id, { memberAddMode: 'nobody' })).rejects.toMatchObject(
      wrong('memberAddMode'),
    )
    await expect(groups.on('addParticipants', group.id, {})).rejects.toMatchObject(wrong('participants'))
    await expect(
      groups.on('removeParticipants', group.id, { participantId: group.id }),
    ).rejects.toMatchObject(wrong('participantId'))
    await expect(groups.get('120363099999999999@g.us')).rejects.toMatchObject({
      status: 404,
      code: 'GROUP_NOT_FOUND',
    })
    const account = hub.emulator.account(one.number)
    for (const [code, expected] of [
      [419, { status: 409, code: 'GROUP_FULL' }],
      [401, { status: 403, code: 'NOT_GROUP_ADMIN' }],
      [404, { status: 404, code: 'GROUP_NOT_FOUND' }],
      [500, { status: 400, code: 'WHATSAPP_ERROR', details: { reason: 'REFUSED_BY_WHATSAPP', status: 500 } }],
    ] as const) {
      account.onQueries({ query: 'w:g2 set add', answer: { code, text: 'no' } })
      await expect(groups.on('addParticipants', group.id, { participantId: ana })).rejects.toMatchObject(
        expected,
      )
    }
  })
})
