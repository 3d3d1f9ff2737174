import { describe, expect, test } from 'vitest'

import { StoreFault } from '../../../platform/database/index.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { AuthenticationCreds, SignalKeyStore } from '../baileys.ts'
import {
  addTransactionCapability,
  BufferJSON,
  Curve,
  DEFAULT_CONNECTION_CONFIG,
  encodeWAMessage,
  generateSignalPubKey,
  initAuthCreds,
  proto,
  unpadRandomMax16,
} from '../baileys.ts'
import { SharedCaches } from '../caches.ts'
import { CommitQueue } from '../commit-queue.ts'
import { ownKeysOf } from '../engine.ts'
import { Inbox } from '../journal/inbox.ts'
import { silentLogger } from '../runtime/index.ts'
import { Peer } from '../testing/peer.ts'
import type { Rig } from '../testing/rig.ts'
import { slowly, startRig } from '../testing/rig.ts'
import type { OutgoingDevice } from './libsignal.ts'
import { DeviceLists } from './device-lists.ts'
import { LidMap } from './lid-map.ts'
import { createSignalRepository } from './repository.ts'
import { SignalStore } from './store.ts'

const jid = '99887766@lid'

function bundleOf(creds: AuthenticationCreds, preKey: { public: Uint8Array }): OutgoingDevice {
  return {
    registrationId: creds.registrationId,
    identityKey: generateSignalPubKey(creds.signedIdentityKey.public),
    signedPreKey: {
      keyId: creds.signedPreKey.keyId,
      publicKey: generateSignalPubKey(creds.signedPreKey.keyPair.public),
      signature: creds.signedPreKey.signature,
    },
    preKey: { keyId: 1, publicKey: generateSignalPubKey(preKey.public) },
  }
}

function textOf(plaintext: Uint8Array): string {
  return proto.Message.decode(unpadRandomMax16(plaintext)).conversation ?? ''
}

/** Our repository on a real store, and a peer who began a session with it. */
async function ours(rig: Rig) {
  const creds = initAuthCreds()
  const preKey = Curve.generateKeyPair()
  const faults: unknown[] = []
  const [lease, sealer] = [await rig.lease(1), await rig.sealer(1)]
  const { database } = rig
  const caches = new SharedCaches()
  const commits = new CommitQueue({
    database,
    cluster: rig.cluster,
    projection: () => undefined,
    tell: () => {},
    remember: async () => {},
    onHistory: () => {},
  })
  const store = new SignalStore({
    lease,
    database,
    commits,
    sealer,
    cache: caches.keys,
    onFault: (error) => faults.push(error),
  })
  let seq = 0
  const lids = new LidMap({ store, ask: async () => [], now: () => 0 })
  const inbox = new Inbox({
    store,
    sealer,
    database,
    clock: systemClock,
    self: () => ({ pn: undefined, lid: undefined }),
    nextSeq: () => (seq += 1),
  })
  const repository = createSignalRepository({
    store,
    lids,
    devices: new DeviceLists({ store, hot: caches.hot.deviceLists, now: () => systemClock.now() }),
    hot: caches.hot,
    own: ownKeysOf(creds),
    inbox,
  })
  const keys = store.forBaileys((changes) => repository.changingSessions(changes))
  await keys.set({ 'pre-key': { 1: preKey } })
  const peer = new Peer()
  await peer.begin(bundleOf(creds, preKey))
  const receive = async (message: Awaited<ReturnType<Peer['encrypt']>>) =>
    textOf(await repository.decryptMessage({ jid, ...message }))
  const write = (text: string) =>
    repository.encryptMessage({ jid, data: encodeWAMessage({ conversation: text }) })
  return { creds, preKey, peer, repository, store, keys, caches, lids, faults, receive, write, inbox }
}

/** baileys' own repository on a store in memory that answers after a while. */
async function stock(delay: () => Promise<void>) {
  const creds = initAuthCreds()
  const preKey = Curve.generateKeyPair()
  const rows = new Map<string, string>()
  const memory: SignalKeyStore = {
    get: async (type, ids) => {
      const found: Record<string, never> = {}
      for (const id of ids) {
        const json = rows.get(`${type}|${id}`)
        if (json !== undefined) found[id] = JSON.parse(json, BufferJSON.reviver) as never
      }
      return found
    },
    set: async (data) => {
      await delay()
      for (const [type, values] of Object.entries(data))
        for (const [id, value] of Object.entries(values))
          rows.set(`${type}|${id}`, JSON.stringify(value, BufferJSON.replacer))
    },
  }
  const keys = addTransactionCapability(memory, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  await keys.set({ 'pre-key': { 1: preKey } })
  const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds, keys }, silentLogger)
  const peer = new Peer()
  await peer.begin(bundleOf(creds, preKey))
  const receive = async (message: Awaited<ReturnType<Peer['encrypt']>>) =>
    textOf(await repository.decryptMessage({ jid, ...message }))
  return { keys, repository, peer, receive, creds, preKey }
}

describe('sending while receiving, on a store that takes its time', () => {
  test('stock baileys writes what the peer cannot read', async () => {
    const { keys, repository, peer, receive } = await stock(slowly(12))
    await receive(await peer.encrypt('hello'))
    const unreadable: unknown[] = []
    for (let round = 0; round < 200; round += 1) {
      if (unreadable.length > 0) break
      // As relayMessage does it: one long transaction around everything, under another lock than the decryption's.
      const sending = keys.transaction(async () => {
        await keys.get('session', ['99887766_1.0'])
        return repository.encryptMessage({ jid, data: encodeWAMessage({ conversation: 'out' }) })
      }, 'us')
      const receiving = receive(await peer.encrypt('in')).catch(() => {})
      const [message] = await Promise.all([sending, receiving])
      await peer.decrypt(message).catch((error: unknown) => unreadable.push(error))
    }
    expect(unreadable).not.toEqual([])
  })

  test('ours never does', async () => {
    await using rig = await startRig()
    const { peer, receive, write } = await ours(rig)
    await receive(await peer.encrypt('hello'))
    rig.database.beforeWrite = slowly(12)
    for (let round = 0; round < 40; round += 1) {
      const sending = write(`out ${round}`)
      const receiving = receive(await peer.encrypt(`in ${round}`))
      const [message, text] = await Promise.all([sending, receiving])
      expect(text).toBe(`in ${round}`)
      expect(await peer.decrypt(message)).toBe(`out ${round}`)
    }
  })
})

describe('a late message of a session that was replaced', () => {
  test('is read, and leaves the open session whole', async () => {
    await using rig = await startRig()
    const { peer, receive, write, creds, preKey, keys } = await ours(rig)
    await receive(await peer.encrypt('first'))
    await peer.decrypt(await write('answer'))
    const late = await peer.encrypt('late')
    peer.forget()
    await keys.set({ 'pre-key': { 1: preKey } })
    await peer.begin(bundleOf(creds, preKey))
    await receive(await peer.encrypt('anew'))
    expect(await receive(late)).toBe('late')
    expect(await peer.decrypt(await write('still there'))).toBe('still there')
    expect(await receive(await peer.encrypt('and back'))).toBe('and back')
  })

  test('breaks the open session of stock baileys', async () => {
    const { peer, receive, repository, creds, preKey, keys } = await stock(async () => {})
    await receive(await peer.encrypt('first'))
    const write = (text: string) =>
      repository.encryptMessage({ jid, data: encodeWAMessage({ conversation: text }) })
    await peer.decrypt(await write('answer'))
    const late = await peer.encrypt('late')
    peer.forget()
    await keys.set({ 'pre-key': { 1: preKey } })
    await peer.begin(bundleOf(creds, preKey))
    await receive(await peer.encrypt('anew'))
    expect(await receive(late)).toBe('late')
    const broken = async () => {
      await peer.decrypt(await write('still there'))
      await receive(await peer.encrypt('and back'))
    }
    await expect(broken()).rejects.toThrow('')
  })
})

test('a message that is not for us leaves the ratchet where it was', async () => {
  await using rig = await startRig()
  const { peer, receive, write } = await ours(rig)
  await receive(await peer.encrypt('hello'))
  await peer.decrypt(await write('answer'))
  const good = await peer.encrypt('good')
  const bad = Buffer.from(good.ciphertext)
  bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
  await expect(receive({ type: 'msg', ciphertext: bad })).rejects.toThrow('No matching sessions')
  expect(await receive(good)).toBe('good')
})

test('a failed write forgets the step, tells the fault first, and ends the store', async () => {
  await using rig = await startRig()
  const { peer, receive, store, faults, caches } = await ours(rig)
  await receive(await peer.encrypt('hello'))
  rig.database.beforeWrite = () => {
    throw new StoreFault('disk full')
  }
  const unsaved = await peer.encrypt('unsaved')
  const failing = receive(unsaved)
  await expect(failing).rejects.toThrow('disk full')
  expect(faults).toHaveLength(1)
  expect(store.isFaulty).toBe(true)
  expect(caches.hot.sessions.get(store.cacheKey('session', '99887766_1.0'))).toBeUndefined()
  rig.database.beforeWrite = undefined
  await expect(receive(unsaved)).rejects.toThrow('disk full')
})

test('what the store answers is a copy: changing it changes nothing', async () => {
  await using rig = await startRig()
  const { keys } = await ours(rig)
  await keys.set({
    'sender-key-memory': { 'g@g.us': { '1@lid': true } },
    tctoken: { a: { token: Buffer.from('x') } },
  })
  const read = async () => (await keys.get('sender-key-memory', ['g@g.us']))['g@g.us']
  Object.assign((await read()) ?? {}, { '2@lid': true })
  expect(await read()).toEqual({ '1@lid': true })
  const token = (await keys.get('tctoken', ['a']))['a']?.token
  token?.fill(0)
  expect((await keys.get('tctoken', ['a']))['a']?.token).toEqual(Buffer.from('x'))
})

test('what is not changed is not written again, and what is deleted can come back', async () => {
  await using rig = await startRig()
  const { keys } = await ours(rig)
  const told = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}@lid`, true]))
  const read = async () => (await keys.get('sender-key-memory', ['g@g.us']))['g@g.us']
  await keys.set({ 'sender-key-memory': { 'g@g.us': told } })
  let writes = 0
  rig.database.beforeWrite = () => void (writes += 1)
  await keys.set({ 'sender-key-memory': { 'g@g.us': { ...told } } })
  expect(writes).toBe(0)
  await keys.set({ 'sender-key-memory': { 'g@g.us': { ...told, '1@lid': false } } })
  expect(writes).toBe(1)
  expect(await read()).toEqual({ ...told, '1@lid': false })
  await keys.set({ 'sender-key-memory': { 'g@g.us': null } })
  await keys.set({ 'sender-key-memory': { 'g@g.us': null } })
  expect(writes).toBe(2)
  expect(await read()).toBeUndefined()
  await keys.set({ 'sender-key-memory': { 'g@g.us': told } })
  expect(writes).toBe(3)
  expect(await read()).toEqual(told)
})

test('every type comes back, null deletes, and what is not there is left out', async () => {
  await using rig = await startRig()
  const { keys } = await ours(rig)
  const pair = Curve.generateKeyPair()
  await keys.set({
    'pre-key': { 2: pair, 70: pair },
    'lid-mapping': { '12025550123': '99' },
    'identity-key': { 'a.0': Buffer.from('identity') },
    'sender-key-memory': { 'g@g.us': { 'a@lid': true } },
    'app-state-sync-version': { regular: { version: 3, hash: Buffer.from('h'), indexValueMap: {} } },
    'app-state-sync-key': { AAA: proto.Message.AppStateSyncKeyData.create({ keyData: Buffer.from('k') }) },
  })
  expect(await keys.get('pre-key', ['1', '2', '3', '70'])).toMatchObject({ 2: pair, 70: pair })
  expect(Object.keys(await keys.get('pre-key', ['3']))).toEqual([])
  expect(await keys.get('lid-mapping', ['12025550123'])).toEqual({ '12025550123': '99' })
  expect((await keys.get('app-state-sync-version', ['regular']))['regular']?.hash).toEqual(Buffer.from('h'))
  expect((await keys.get('app-state-sync-key', ['AAA']))['AAA']).toBeInstanceOf(
    proto.Message.AppStateSyncKeyData,
  )
  await keys.set({ 'pre-key': { 2: null }, 'lid-mapping': { '12025550123': null } })
  expect(await keys.get('pre-key', ['2', '70'])).toEqual({ 70: pair })
  expect(await keys.get('lid-mapping', ['12025550123'])).toEqual({})
})

test('a number that gets its LID keeps its Signal session, whichever address is used', async () => {
  await using rig = await startRig()
  const { peer, repository, lids, receive, write } = await ours(rig)
  const pn = '12025550123@s.whatsapp.net'
  const first = await peer.encrypt('by number')
  expect(textOf(await repository.decryptMessage({ jid: pn, ...first }))).toBe('by number')
  await lids.storeLIDPNMappings([{ lid: jid, pn }])
  await repository.migrateSession(pn, jid)
  expect(await repository.validateSession(pn)).toEqual({ exists: true })
  expect(await repository.validateSession(jid)).toEqual({ exists: true })
  expect(await peer.decrypt(await write('by LID'))).toBe('by LID')
  expect(await receive(await peer.encrypt('again'))).toBe('again')
  await repository.deleteSession([pn])
  expect((await repository.validateSession(jid)).exists).toBe(false)
})

test('steps of one user wait for each other, steps of others do not', async () => {
  await using rig = await startRig()
  const { peer, receive, write, repository } = await ours(rig)
  await receive(await peer.encrypt('hello'))
  const messages = await Promise.all(Array.from({ length: 20 }, (_, index) => write(`m${index}`)))
  for (const [index, message] of messages.entries()) expect(await peer.decrypt(message)).toBe(`m${index}`)
  expect((await repository.getSessionInfo(jid))?.registrationId).toBe(1234)
  expect(await repository.getSessionInfo('1@lid')).toBeNull()
})
