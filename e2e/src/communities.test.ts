import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

/** The API of one session's communities, and what it needs of groups. */
function communitiesOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  const of = (communityId: string) => ({ params: { ...params, communityId } })
  return {
    list: (query: Record<string, string> = {}) => hub.api.call(endpoints.listCommunities, { params, query }),
    create: (body: object) => hub.api.call(endpoints.createCommunity, { params, body }),
    get: (id: string) => hub.api.call(endpoints.getCommunity, of(id)),
    members: (id: string) => hub.api.call(endpoints.listCommunityMembers, of(id)),
    link: async (id: string, groupIds: readonly string[]) =>
      (await hub.api.call(endpoints.linkGroups, { ...of(id), body: { groupIds } })).results,
    unlink: (communityId: string, groupId: string) =>
      hub.api.call(endpoints.unlinkGroup, { params: { ...params, communityId, groupId } }),
    end: (id: string) => hub.api.call(endpoints.endCommunity, of(id)),
    group: async (body: object) => (await hub.api.call(endpoints.createGroup, { params, body })).group,
    readGroup: async (groupId: string) =>
      (await hub.api.call(endpoints.getGroup, { params: { ...params, groupId } })).group,
  }
}

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

describe.each(stores)('communities on %s', (store) => {
  test('one is made with its announcements, takes groups in, lets them go, and ends', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
    const api = communitiesOf(hub, one)
    const made = await api.create({ subject: 'School', description: 'All classes' })
    const { id } = made.community
    expect(made.community).toMatchObject({
      subject: 'School',
      description: 'All classes',
      isCommunity: true,
      isAdmin: true,
    })
    expect(made.groups).toMatchObject([{ isAnnouncement: true, participantCount: 1 }])
    expect(await api.list({ search: 'sch' })).toMatchObject({ total: 1, communities: [{ id }] })

    const lone = await api.group({ subject: 'Class A', participants: [two.number] })
    const born = await api.group({ subject: 'Class B', participants: [ana], communityId: id })
    expect([lone.communityId, born.communityId]).toEqual([null, id])
    expect(await api.link(id, [lone.id, '120363099999999999@g.us'])).toEqual([
      { id: lone.id, status: 200 },
      { id: '120363099999999999@g.us', status: 404 },
    ])
    // Every member is told where the group belongs now, and has it in the store.
    expect(await told(hub, two, 'group.updated')).toMatchObject([
      { groupId: lone.id, by: { id: jidOf(one.number) }, changes: { communityId: id } },
    ])
    expect((await communitiesOf(hub, two).readGroup(lone.id)).communityId).toBe(id)
    const { groups } = await api.get(id)
    expect(groups.map(({ subject }) => subject)).toEqual(['School', 'Class A', 'Class B'])
    expect(new Set((await api.members(id)).members.map((member) => member.id))).toEqual(
      new Set([jidOf(one.number), jidOf(two.number), jidOf(ana)]),
    )

    expect(await api.unlink(id, lone.id)).toEqual({ groupId: lone.id, unlinked: true })
    expect((await told(hub, two, 'group.updated', 2))[1]).toMatchObject({ changes: { communityId: null } })
    expect((await api.readGroup(lone.id)).communityId).toBeNull()
    await api.end(id)
    expect(await api.list()).toMatchObject({ total: 0 })
    expect((await api.readGroup(born.id)).communityId).toBeNull()
  })
})

test('bad input about communities is answered with its own code', async () => {
  await using hub = await startHub()
  const [one, two] = [await hub.pairSession('one'), await hub.pairSession('two')]
  const [owner, other] = [communitiesOf(hub, one), communitiesOf(hub, two)]
  const { community } = await owner.create({ subject: 'School' })
  const plain = await owner.group({ subject: 'Class A', participants: [two.number] })
  await expect(owner.get(plain.id)).rejects.toMatchObject({ status: 400, code: 'NOT_A_COMMUNITY' })
  await expect(owner.link(plain.id, [plain.id])).rejects.toMatchObject({ code: 'NOT_A_COMMUNITY' })
  await expect(other.get(community.id)).rejects.toMatchObject({ status: 403, code: 'NOT_IN_GROUP' })
  await expect(owner.get('120363099999999999@g.us')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  await expect(owner.unlink(community.id, plain.id)).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  await expect(other.group({ subject: 'Mine', communityId: community.id })).rejects.toMatchObject({
    status: 403,
    code: 'NOT_GROUP_ADMIN',
  })
  for (const bad of [
    () => owner.create({}),
    () => owner.link(community.id, ['not a group']),
    () => owner.get('12025550123@s.whatsapp.net'),
  ])
    await expect(bad()).rejects.toMatchObject({ status: 400, code: 'VALIDATION_ERROR' })
})
