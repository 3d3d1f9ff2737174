import { setImmediate as turn } from 'node:timers/promises'

import type { SignalRepositoryWithLIDStore } from '../baileys.ts'
import { isHostedLidUser, isHostedPnUser, isLidUser, isPnUser, jidDecode } from '../baileys.ts'
import { GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage, SenderKeyName } from '../baileys.ts'

import { AlreadyJournalled } from '../commit-queue.ts'
import type { Inbox } from '../journal/inbox.ts'
import type { SignalAddress } from './address.ts'
import { addressOf, lidAddressOf, signalAddressOf } from './address.ts'
import { CarefulCipher } from './careful-cipher.ts'
import type { DeviceLists } from './device-lists.ts'
import type { LidMap } from './lid-map.ts'
import type { OutgoingDevice, SessionRecord } from './libsignal.ts'
import { libsignal, whisperProtobufs } from './libsignal.ts'
import type { Beside, HotRecords, OwnKeys } from './ratchet-step.ts'
import { RatchetStep, SenderKeyStep } from './ratchet-step.ts'
import { packSessionRecord, unpackSessionRecord } from './session-codec.ts'
import type { Change, SignalStore } from './store.ts'
import { isMissing } from '../missing.ts'

/** After so many sessions with devices, about a millisecond each, the event loop has a turn. */
const yieldAfter = 8

export interface RepositoryParts {
  store: SignalStore
  lids: LidMap
  devices: DeviceLists
  hot: HotRecords
  own: OwnKeys
  inbox: Inbox
}

/**
 * The Signal half of a socket, given to baileys through its option `makeSignalRepository`. Every method is a transaction
 * of its own, under one lock per user; one that opens or makes ciphertext is committed before its result is answered: before it can reach the
 * wire, and before WhatsApp can be told that a message arrived. Decryption stores the plaintext in that same transaction.
 * Why, with measurements: docs/decisions/durable-signal-store.md.
 */
export function createSignalRepository(parts: RepositoryParts): SignalRepositoryWithLIDStore & {
  /** Commits changes that include Signal sessions while no step uses them (SignalStore.forBaileys). */
  changingSessions(changes: readonly Change[]): Promise<void>
} {
  const { store, lids, devices: lists, hot, own, inbox } = parts
  let made = 0

  const onDevice = async <T>(
    jid: string,
    work: (step: RatchetStep, address: SignalAddress) => Promise<T>,
  ) => {
    const address = await lids.resolveJid(jid)
    return store.locks.run(address.user, async () => {
      const step = new RatchetStep({ address, store, hot, own })
      try {
        return await work(step, address)
      } catch (error) {
        step.forget()
        throw error
      }
    })
  }

  const onMember = async <T>(
    group: string,
    member: string,
    work: (step: SenderKeyStep, name: SenderKeyName) => Promise<T>,
  ) => {
    const name = senderKeyName(group, member)
    return store.locks.run(`group ${name.toString()}`, async () => {
      const step = new SenderKeyStep({ name, store, hot })
      try {
        return await work(step, name)
      } catch (error) {
        step.forget()
        throw error
      }
    })
  }

  /**
   * Opens a ciphertext once: what is in the journal is answered from there. It is looked for only when the ratchet refuses (its
   * key was used) or the journal does (a first message without a one-time key opens twice): what comes for the first time costs no read.
   */
  const open = async (
    ciphertext: Uint8Array,
    type: 'pkmsg' | 'msg' | 'skmsg',
    step: {
      decrypt(): Promise<Buffer | Uint8Array>
      commit(beside: Beside): Promise<void>
      forget(): void
    },
  ): Promise<Uint8Array> => {
    const arrival = inbox.arrivalOf(ciphertext, type)
    let plaintext: Uint8Array
    try {
      plaintext = await step.decrypt()
    } catch (error) {
      step.forget()
      const known = await inbox.find(arrival)
      if (known !== undefined) return known
      // Without a row and with its key used, it was told long ago: baileys answers 487 and WhatsApp forgets it.
      if (!(error instanceof libsignal.MessageCounterError)) await inbox.keepUndecryptable(arrival, error)
      throw error
    }
    const { forBaileys, ...beside } = inbox.opened(arrival, plaintext)
    try {
      await step.commit(beside)
    } catch (error) {
      if (!(error instanceof AlreadyJournalled)) throw error
      return (await inbox.find(arrival)) ?? plaintext
    }
    return forBaileys
  }

  const repository = {
    decryptMessage: ({
      jid,
      type,
      ciphertext,
    }: {
      jid: string
      type: 'pkmsg' | 'msg'
      ciphertext: Uint8Array
    }) =>
      onDevice(jid, async (step, address) => {
        const cipher = new CarefulCipher(step.storage, address, step)
        const data = asBuffer(ciphertext)
        return open(ciphertext, type, {
          decrypt: () =>
            type === 'pkmsg' ? cipher.decryptPreKeyWhisperMessage(data) : cipher.decryptWhisperMessage(data),
          commit: async (beside) => {
            const identity = type === 'pkmsg' ? await noticeIdentity(step, address, data) : []
            await step.commit(withChanges(beside, identity))
          },
          forget: () => step.forget(),
        })
      }),

    encryptMessage: ({ jid, data }: { jid: string; data: Uint8Array }) =>
      onDevice(jid, async (step, address) => {
        const { type, body } = await new CarefulCipher(step.storage, address, step).encrypt(asBuffer(data))
        await step.commit()
        return { type: type === 3 ? ('pkmsg' as const) : ('msg' as const), ciphertext: body }
      }),

    // Answered before it is committed, so that those of a large group share commits: whatever uses the session next waits for the lock.
    injectE2ESession: ({ jid, session }: { jid: string; session: OutgoingDevice }) =>
      new Promise<void>((resolve, reject) => {
        onDevice(jid, async (step, { user, device }) => {
          const address = new libsignal.ProtocolAddress(user, device)
          await new libsignal.SessionBuilder(step.storage, address).initOutgoing(session)
          const committed = step.commit()
          made += 1
          if (made % yieldAfter === 0) await turn()
          resolve()
          await committed
          // What fails after the answer has ended the store.
        }).catch(reject)
      }),

    validateSession: (jid: string) =>
      onDevice(jid, async (step) => {
        const record = await step.load()
        if (record === undefined) return { exists: false, reason: 'no session' }
        return record.haveOpenSession() ? { exists: true } : { exists: false, reason: 'no open session' }
      }),

    getSessionInfo: (jid: string) =>
      onDevice(jid, async (step) => {
        const session = (await step.load())?.getOpenSession()
        return typeof session?.registrationId === 'number'
          ? { baseKey: new Uint8Array(session.indexInfo.baseKey), registrationId: session.registrationId }
          : null
      }),

    deleteSession: async (jids: string[]) => {
      const changes = jids.map((jid) => ({
        type: 'session',
        id: signalAddressOf(jid).id,
        bytes: undefined,
      }))
      await changingSessions(changes)
    },

    migrateSession: async (fromJid: string, toJid: string) => {
      const nothing = { migrated: 0, skipped: 0, total: 0 }
      if (isLidUser(toJid) !== true && isHostedLidUser(toJid) !== true) return nothing
      if (isPnUser(fromJid) !== true && isHostedPnUser(fromJid) !== true) return { ...nothing, total: 1 }
      const pnUser = jidDecode(fromJid)?.user
      const lidUser = jidDecode(toJid)?.user
      if (pnUser === undefined || lidUser === undefined) return nothing
      return migrateUser(signalAddressOf(fromJid), pnUser, lidUser)
    },

    decryptGroupMessage: ({ group, authorJid, msg }: { group: string; authorJid: string; msg: Uint8Array }) =>
      onMember(group, authorJid, (step, name) =>
        open(msg, 'skmsg', {
          decrypt: () => new GroupCipher(step.storage, name).decrypt(asBuffer(msg)),
          commit: (beside) => step.commit(beside),
          forget: () => step.forget(),
        }),
      ),

    encryptGroupMessage: ({ group, meId, data }: { group: string; meId: string; data: Uint8Array }) =>
      onMember(group, meId, async (step, name) => {
        const distribution = await new GroupSessionBuilder(step.storage).create(name)
        const ciphertext = await new GroupCipher(step.storage, name).encrypt(data)
        await step.commit()
        return { ciphertext, senderKeyDistributionMessage: distribution.serialize() }
      }),

    getSenderKeyDistributionMessage: ({ group, meId }: { group: string; meId: string }) =>
      onMember(group, meId, async (step, name) => {
        const distribution = await new GroupSessionBuilder(step.storage).create(name)
        await step.commit()
        return distribution.serialize()
      }),

    processSenderKeyDistributionMessage: ({
      item,
      authorJid,
    }: {
      item: { groupId?: string | null; axolotlSenderKeyDistributionMessage?: Uint8Array | null }
      authorJid: string
    }) => {
      const { groupId, axolotlSenderKeyDistributionMessage } = item
      if (isMissing(groupId) || groupId === '') throw new Error('a sender key distribution needs its group')
      const distribution = new SenderKeyDistributionMessage(
        null,
        null,
        null,
        null,
        axolotlSenderKeyDistributionMessage,
      )
      return onMember(groupId, authorJid, async (step, name) => {
        // Sent again with each retry: the state we have is further along.
        const known = await step.load()
        if (known?.getSenderKeyState(distribution.getId()) !== undefined) return
        await new GroupSessionBuilder(step.storage).process(name, distribution)
        await step.commit()
      })
    },

    hasSenderKey: ({ group, meId }: { group: string; meId: string }) =>
      onMember(group, meId, async (step) => (await step.load()) !== undefined),

    jidToSignalProtocolAddress: (jid: string) => signalAddressOf(jid).id,

    // baileys types the mapping as its class, private members included; this is all of it that is called.
    lidMapping: lids as unknown as SignalRepositoryWithLIDStore['lidMapping'],

    close: () => lids.close(),

    changingSessions,
  }
  return repository

  /** Changes to sessions by address: a phone number that has a LID keeps its sessions under the LID. */
  async function changingSessions(changes: readonly Change[]): Promise<void> {
    const resolved: Change[] = []
    for (const change of changes) {
      resolved.push(change)
      if (change.type !== 'session') continue
      const address = addressOfId(change.id)
      const lid = await lids.resolve(address)
      if (lid.id !== address.id) resolved.push({ ...change, id: lid.id })
    }
    const sessions = resolved.filter(({ type }) => type === 'session')
    await store.locks.runAll(
      sessions.map(({ id }) => addressOfId(id).user),
      async () => {
        for (const { id } of sessions) hot.sessions.delete(store.cacheKey('session', id))
        await store.commit(resolved)
      },
    )
  }

  /** A message under a new identity key: sessions made with the old one are of no use to the new device. */
  async function noticeIdentity(step: RatchetStep, address: SignalAddress, data: Buffer): Promise<Change[]> {
    const { identityKey } = whisperProtobufs.PreKeyWhisperMessage.decode(data.subarray(1))
    if (identityKey?.length !== 33) return []
    const known = await store.readOne('identity-key', address.id)
    if (known !== undefined && identityKey.equals(known)) return []
    if (known !== undefined && step.stored !== undefined) {
      for (const [key, { indexInfo }] of Object.entries(step.stored.sessions))
        if (!indexInfo.remoteIdentityKey.equals(identityKey)) delete step.stored.sessions[key]
    }
    return [{ type: 'identity-key', id: address.id, bytes: Buffer.from(identityKey) }]
  }

  /** Moves all of a user's sessions from phone-number to LID addresses, once; both are locked meanwhile. */
  async function migrateUser(from: SignalAddress, pnUser: string, lidUser: string) {
    const moved = { migrated: 0, skipped: 0, total: 0 }
    const done = store.cacheKey('migrated', `${pnUser}|${lidUser}|${from.device}`)
    if (hot.migrated.get(done) === true) return moved
    const listed = (await lists.get(pnUser)) ?? []
    const devices = new Set([from.device, ...listed.map(({ device = 0 }) => device)])
    const lidFrom = lidAddressOf(from, lidUser)
    await store.locks.runAll([from.user, lidFrom.user], async () => {
      const sources = [...devices].map((device) => addressOf(from.user, device))
      const stored = await store.read(
        'session',
        sources.map(({ id }) => id),
      )
      const changes: Change[] = []
      for (const source of sources) {
        const bytes = stored.get(source.id)
        if (bytes === undefined) continue
        moved.total += 1
        const record = unpackSessionRecord(bytes)
        const target = addressOf(lidFrom.user, source.device)
        const existing = await store.readOne('session', target.id)
        changes.push({ type: 'session', id: source.id, bytes: undefined })
        changes.push({
          type: 'session',
          id: target.id,
          bytes: packSessionRecord(
            existing ? merged(unpackSessionRecord(existing), record) : record,
            new Set(),
          ),
        })
        moved.migrated += 1
      }
      if (changes.length > 0) {
        for (const { id } of changes) hot.sessions.delete(store.cacheKey('session', id))
        await store.commit(changes)
      }
    })
    hot.migrated.set(done, true)
    return moved
  }
}

/** Sessions of both: the open one of `kept` stays, those of `other` remain for late messages. */
function merged(kept: SessionRecord, other: SessionRecord): SessionRecord {
  const keepsOpen = kept.haveOpenSession()
  for (const [key, entry] of Object.entries(other.sessions)) {
    if (kept.sessions[key] !== undefined) continue
    if (keepsOpen && entry.indexInfo.closed === -1) entry.indexInfo.closed = Date.now()
    kept.sessions[key] = entry
  }
  return kept
}

function senderKeyName(group: string, member: string): SenderKeyName {
  const { user, device, id } = signalAddressOf(member)
  return new SenderKeyName(group, { id: user, deviceId: device, toString: () => id })
}

function addressOfId(id: string): SignalAddress {
  const dot = id.lastIndexOf('.')
  return addressOf(id.slice(0, dot), Number(id.slice(dot + 1)))
}

function withChanges(beside: Beside, more: readonly Change[]): Beside {
  return more.length === 0 ? beside : { ...beside, changes: [...(beside.changes ?? []), ...more] }
}

/** libsignal insists on Buffer. The same memory. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
