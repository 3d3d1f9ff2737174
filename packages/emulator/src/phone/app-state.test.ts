import { decodePatches, encodeSyncdPatch, newLTHashState } from 'baileys/lib/Utils/chat-utils.js'
import { expect, test } from 'vitest'

import { proto } from '../baileys.ts'
import { AppStateCollection, AppStateKey } from './app-state.ts'

const key = new AppStateKey()
const keyOf = async () => proto.Message.AppStateSyncKeyData.fromObject({ keyData: key.keyData })

test('Baileys accepts our patches, MACs and all, and reads what they set', async () => {
  const collection = new AppStateCollection('regular_low', key)
  let state = newLTHashState()
  const archive = (jid: string, archived: boolean) => ({
    index: ['archive', jid],
    value: { archiveChatAction: { archived }, timestamp: 1 },
    version: 3,
  })
  for (const action of [archive('1@lid', true), archive('2@lid', true), archive('1@lid', false)]) {
    const patch = proto.SyncdPatch.decode(collection.set(action))
    patch.version = { version: collection.version }
    const read = await decodePatches('regular_low', [patch], state, keyOf, {}, undefined, undefined, true)
    state = read.state
    const [mutation] = Object.values(read.mutationMap)
    expect(mutation?.index).toEqual(action.index)
    expect(mutation?.syncAction.value?.archiveChatAction?.archived).toBe(
      action.value.archiveChatAction.archived,
    )
  }
  expect(state.version).toBe(3)
  expect(Object.keys(state.indexValueMap)).toHaveLength(2)
})

test('we accept the patches of Baileys, and refuse forged ones', async () => {
  const collection = new AppStateCollection('regular_low', key)
  const keyId = key.keyId.toString('base64')
  let state = newLTHashState()
  const write = async (index: string[], pinned: boolean) => {
    const encoded = await encodeSyncdPatch(
      {
        type: 'regular_low',
        index,
        syncAction: { pinAction: { pinned }, timestamp: 1 },
        apiVersion: 5,
        operation: proto.SyncdMutation.SyncdOperation.SET,
      },
      keyId,
      state,
      keyOf,
    )
    state = encoded.state
    return proto.SyncdPatch.encode(encoded.patch).finish()
  }
  const one = await write(['pin_v1', '1@lid'], true)
  const two = await write(['pin_v1', '1@lid'], false)
  expect(() => collection.take(two)).toThrow('does not lead to the state')
  const fresh = new AppStateCollection('regular_low', key)
  expect(fresh.take(one)).toMatchObject([{ index: ['pin_v1', '1@lid'], version: 5 }])
  fresh.take(two)
  expect(fresh.version).toBe(2)
  expect(fresh.actions.get('["pin_v1","1@lid"]')?.pinAction?.pinned).toBe(false)
  // Turn by turn, as when the phone and a linked device both archive.
  const ours = proto.SyncdPatch.decode(fresh.set({ index: ['pin_v1', '2@lid'], value: {}, version: 5 }))
  ours.version = { version: 3 }
  const read = await decodePatches('regular_low', [ours], state, keyOf, {}, undefined, undefined, true)
  expect(read.state.version).toBe(3)
  const forged = Buffer.from(await write(['pin_v1', '3@lid'], true))
  forged[forged.length - 120] = (forged[forged.length - 120] ?? 0) ^ 1
  expect(() => fresh.take(forged)).toThrow('forged')
})
