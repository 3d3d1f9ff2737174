import { expect, test } from 'vitest'

import type { Acquaintance, Passing } from '../acquaintances.ts'
import { type Rig, startRig } from '../testing/rig.ts'

const ours = '+12025550100'
const customer = '+12025550123'

test('who people are is learnt from the history that follows linking, from the address book, and from messages', async () => {
  await using rig = await startRig()
  const facts: Acquaintance[] = []
  const known = Promise.withResolvers<void>()
  const has = (wanted: (fact: Acquaintance) => boolean): boolean => facts.some(wanted)
  const { pn, lid } = rig.emulator.addresses(customer)
  rig.engine.onAcquaintances(async (tx, told) => {
    expect(tx.sql.dialect).toBe('sqlite')
    facts.push(...told)
    const isMapped = has((fact) => fact.type === 'lid_mapping' && fact.lid === lid && fact.pn === pn)
    const isSaved = has((fact) => fact.type === 'contact' && fact.savedName === 'Ana of accounts')
    if (isMapped && isSaved) known.resolve()
  })
  // Known to the phone before our device is linked: it comes with the history, not with a message.
  rig.emulator.phone(customer).setsPushName('Ana')
  rig.emulator.phone(customer).sends(ours, 'before you were there')
  rig.emulator.phone(ours).settings.savesContact(customer, 'Ana of accounts')
  await rig.linked(1, ours)
  await known.promise
  await historyTaken(rig)
  expect(rig.history.batches.flatMap(({ people }) => people)).toContainEqual(
    expect.objectContaining({ pushName: 'Ana' }),
  )
})

test('typing passes by, stored nowhere', async () => {
  await using rig = await startRig()
  await rig.linked(1, ours)
  const passing: Passing[] = []
  const stopped = Promise.withResolvers<void>()
  using _listening = rig.engine.onPassing((told) => {
    passing.push(told)
    if (told.state === 'paused') stopped.resolve()
  })
  const phone = rig.emulator.phone(customer)
  phone.types(ours, 'composing')
  phone.types(ours, 'recording')
  phone.types(ours, 'paused')
  await stopped.promise
  const { lid } = rig.emulator.addresses(customer)
  expect(passing.map(({ state }) => state)).toEqual(['composing', 'recording', 'paused'])
  expect(passing[0]).toEqual({ type: 'presence', sessionId: 1, chat: lid, from: lid, state: 'composing' })
})

test('history that a crash left behind is taken at the next connection', async () => {
  await using rig = await startRig()
  const { link } = await rig.linked(1, ours)
  await historyTaken(rig)
  await link.close()
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`UPDATE inbox_journal SET state = 'new' WHERE kind = 'history'`, [])
  })
  expect(await historyParts(rig, 'new')).toBe(3)
  await rig.dial(1)
  await historyTaken(rig)
})

/** All three parts of the history that a phone tells a new device are in the journal, and taken. */
async function historyTaken(rig: Rig): Promise<void> {
  const taken = Promise.withResolvers<void>()
  const look = async (): Promise<void> => {
    if ((await historyParts(rig, 'done')) === 3) taken.resolve()
  }
  rig.database.afterWrite = look
  await look()
  await taken.promise
}

async function historyParts(rig: Rig, state: 'new' | 'done'): Promise<number> {
  const { rows } = await rig.database.sql.execute(
    `SELECT 1 FROM inbox_journal WHERE kind = 'history' AND state = ?`,
    [state],
  )
  return rows.length
}
