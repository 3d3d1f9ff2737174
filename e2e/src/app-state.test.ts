import { endpoints } from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import { eventually, type Hub, startHub } from './harness.ts'

const ours = '+447700900100'
const params = { sessionId: 'support' }
const customer = (n: number): string => `+1202555${String(100 + (n % 100)).padStart(4, '0')}`
const addressBook = 'critical_unblock_low'

const saved = async (hub: Hub) =>
  (await hub.api.call(endpoints.listContacts, { params, query: { limit: 1000 } })).contacts.filter(
    ({ isMyContact }) => isMyContact,
  )
/** How many files of app state were fetched. */
const snapshots = (hub: Hub): number =>
  hub.emulator.truth.media.filter(
    ({ path, transfer }) => transfer === 'download' && path.includes('/v/t62.36147-25/'),
  ).length

/** A phone whose address book was changed more often than patches are kept for. */
function filled(hub: Hub) {
  const phone = hub.emulator.phone(ours)
  for (let n = 0; n < 120; n += 1) phone.settings.savesContact(customer(n % 40), `Name ${n}`)
  return phone
}

test('a device that has nothing is given a snapshot, and goes on from there with patches', async () => {
  await using hub = await startHub()
  const phone = filled(hub)
  await hub.pairSession('support', { number: ours })
  await eventually(
    async () => ((await saved(hub)).length === 40 ? true : undefined),
    () => 'the address book did not come',
  )
  expect(snapshots(hub)).toBe(1)
  expect((await saved(hub)).map(({ name }) => name)).toContain('Name 119')
  phone.settings.savesContact(customer(0), 'Renamed')
  await eventually(
    async () => (await saved(hub)).some(({ name }) => name === 'Renamed') || undefined,
    () => 'the patch after the snapshot was not taken',
  )
  expect(snapshots(hub)).toBe(1)
})

test('a snapshot that its MAC does not fit is refused, asked for once more, and taken when it is right', async () => {
  await using hub = await startHub()
  filled(hub)
  const spoilt = hub.emulator.account(ours).spoilsAppState(addressBook)
  const session = await hub.pairSession('support', { number: ours })
  await eventually(
    () => (snapshots(hub) === 2 ? true : undefined),
    () => 'it was not asked for once more',
  )
  await session.reaches('connected')
  expect(await saved(hub)).toEqual([])
  spoilt[Symbol.dispose]()
  await hub.api.call(endpoints.syncSession, { params: { ref: 'support' } })
  await eventually(
    async () => ((await saved(hub)).length === 40 ? true : undefined),
    () => 'the right snapshot was not taken',
  )
})
