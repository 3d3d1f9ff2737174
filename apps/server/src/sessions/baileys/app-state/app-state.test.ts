import { decodePatches, newLTHashState, proto } from '../baileys.ts'
import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import type { Acquaintance } from '../acquaintances.ts'
import { type Rig, startRig } from '../testing/rig.ts'
import { MutationKeys, nothingKnown, OpenCollection } from './collection.ts'
import { factsOf, mutationsOf } from './actions.ts'

const ours = '+12025550100'
const customer = '+12025550123'

/** Facts that a rig's engine told, and how to wait for some. */
function collectFacts(rig: Rig) {
  const facts: Acquaintance[] = []
  const looking = new Set<() => void>()
  rig.engine.onAcquaintances(async (tx, told) => {
    tx.afterCommit(() => {
      // Names and addresses come with the history that follows linking.
      facts.push(...told.filter(({ type }) => type !== 'contact' && type !== 'lid_mapping'))
      for (const look of looking) look()
    })
  })
  return {
    facts,
    until: (wanted: (fact: Acquaintance) => boolean): Promise<Acquaintance> =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = facts.find(wanted)
          if (found === undefined) return
          looking.delete(look)
          resolve(found)
        }
        looking.add(look)
        look()
      }),
  }
}

const isArchived =
  (archived: boolean) =>
  (fact: Acquaintance): boolean =>
    fact.type === 'chat' && fact.archived === archived

const isPinned = (fact: Acquaintance): boolean => fact.type === 'chat' && fact.pinned === true

/** Once everything that was set before the device was linked has been read. */
async function linked(rig: Rig) {
  const told = collectFacts(rig)
  const phone = rig.emulator.phone(ours)
  phone.settings.archives(customer)
  const session = await rig.linked(1, ours)
  await told.until(isArchived(true))
  const { lid } = rig.emulator.addresses(customer)
  return { ...told, session, phone, chat: parseJid(lid) }
}

test('what a device changes reaches the phone, and what the phone changes reaches the device', async () => {
  await using rig = await startRig()
  const { session, phone, chat, facts, until } = await linked(rig)
  facts.length = 0
  const { appState } = session.link
  await appState.change({ set: 'archived', chat, to: false, last: undefined })
  expect(phone.appState('regular_low', ['archive', chat])?.archiveChatAction?.archived).toBe(false)
  // Told here like what another device did, once WhatsApp has it.
  expect(facts).toEqual([{ type: 'chat', sessionId: 1, jid: chat, archived: false }])
  await appState.change({ set: 'muted', chat, until: 'always' })
  expect(Number(phone.appState('regular_high', ['mute', chat])?.muteAction?.muteEndTimestamp)).toBe(-1)
  phone.settings.pins(customer)
  await until(isPinned)
  // An archived chat is not pinned, as on the phone.
  await appState.change({ set: 'archived', chat, to: true, last: undefined })
  expect(phone.appState('regular_low', ['pin_v1', chat])?.pinAction?.pinned).toBe(false)
})

test('what the phone changed meanwhile is taken first, and then the change is made all the same', async () => {
  await using rig = await startRig()
  const { session, phone, chat, facts } = await linked(rig)
  facts.length = 0
  const { appState } = session.link
  const changing = appState.change({
    set: 'starred',
    chat,
    message: { id: 'A1', fromMe: true, sender: undefined },
    to: true,
  })
  // Before the request has left: it arrives as a conflict.
  phone.settings.pins(customer)
  await changing
  expect(facts.map(({ type }) => type)).toEqual(['chat', 'message_starred'])
  expect(phone.appState('regular_low', ['star', chat, 'A1', '1', '0'])?.starAction?.starred).toBe(true)
  expect(phone.appState('regular_low', ['pin_v1', chat])?.pinAction?.pinned).toBe(true)
})

test('a patch that was tampered with changes nothing, and is read once it is as its device wrote it', async () => {
  await using rig = await startRig()
  const { session, phone, chat, facts, until } = await linked(rig)
  const spoiling = rig.emulator.account(ours).spoilsAppState('regular_low')
  facts.length = 0
  phone.settings.pins(customer)
  const { appState } = session.link
  // In turn: after the notification of what the phone did.
  await appState.change({ set: 'muted', chat, until: null })
  expect(facts).toEqual([{ type: 'chat', sessionId: 1, jid: chat, mutedUntil: null }])
  // And nothing of ours is built on what nobody wrote.
  await expect(appState.change({ set: 'pinned', chat, to: false })).rejects.toMatchObject({
    code: 'APP_STATE_CONFLICT',
  })
  spoiling[Symbol.dispose]()
  await appState.sync({ afresh: false })
  await until(isPinned)
})

test('a key that is not there is asked of the phone, and what waited for it is read', async () => {
  await using rig = await startRig()
  const { session, phone, chat, until } = await linked(rig)
  await session.link.close()
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`DELETE FROM signal_key WHERE type = 'app-state-sync-key'`, [])
  })
  await rig.restarted()
  const { until: after } = collectFacts(rig)
  expect(await until(isArchived(true))).toBeDefined()
  const again = await rig.dial(1)
  await again.event('online')
  phone.settings.pins(customer)
  await after(isPinned)
  await again.link.appState.change({ set: 'pinned', chat, to: false })
  expect(phone.appState('regular_low', ['pin_v1', chat])?.pinAction?.pinned).toBe(false)
})

test('a crash between reading a patch and storing what it tells loses nothing: it is read again', async () => {
  await using rig = await startRig()
  const { session, phone, chat, facts } = await linked(rig)
  facts.length = 0
  let failing = true
  rig.engine.onAcquaintances(async (_tx, told) => {
    if (failing && told.some(isPinned)) throw new Error('the process died here')
  })
  phone.settings.pins(customer)
  await session.event('closed')
  expect(facts).toEqual([])
  failing = false
  const again = await rig.dial(1)
  await again.event('online')
  await again.link.appState.sync({ afresh: false })
  expect(facts).toEqual([{ type: 'chat', sessionId: 1, jid: chat, pinned: true }])
})

test('without a connection nothing is changed', async () => {
  await using rig = await startRig()
  const { session, chat } = await linked(rig)
  await session.link.close()
  await expect(session.link.appState.change({ set: 'pinned', chat, to: true })).rejects.toMatchObject({
    code: 'SESSION_NOT_CONNECTED',
  })
})

test('what we write is genuine for baileys too, a removal included, which it forgets in its own state', async () => {
  const keyData = Buffer.alloc(32, 7)
  const keys = new MutationKeys(Buffer.from('AAAAAAAB', 'hex'), keyData)
  const open = new OpenCollection('critical_unblock_low', nothingKnown, () => keys)
  const pn = parseJid('12025550123@s.whatsapp.net')
  const write = (name: { full: string; first: string } | null): proto.SyncdPatch => {
    const { mutations } = mutationsOf({ set: 'contact', pn, lid: undefined, name }, 1)
    const patch = proto.SyncdPatch.decode(open.write(mutations, keys))
    patch.version = { version: open.state.version }
    return patch
  }
  let state = newLTHashState()
  const keyOf = async () => proto.Message.AppStateSyncKeyData.fromObject({ keyData })
  for (const name of [{ full: 'Ana', first: 'Ana' }, null, { full: 'Ana P', first: 'Ana' }]) {
    const read = await decodePatches(
      'critical_unblock_low',
      [write(name)],
      state,
      keyOf,
      {},
      undefined,
      undefined,
      true,
    )
    state = read.state
    expect(state.hash.equals(open.state.hash)).toBe(true)
  }
  expect(Object.keys(open.state.indexValueMap)).toHaveLength(1)
})

test('a removed contact is told as one who is not in the address book', () => {
  const pn = parseJid('12025550123@s.whatsapp.net')
  const { mutations } = mutationsOf({ set: 'contact', pn, lid: undefined, name: null }, 1)
  expect(mutations.flatMap((mutation) => factsOf(1, mutation, { pn: undefined, lid: undefined }))).toEqual([
    { type: 'contact', sessionId: 1, jid: pn, savedName: null },
  ])
})
