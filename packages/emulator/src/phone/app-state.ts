import { createHmac, createSecretKey, randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'
import { decryptCbc, encryptCbc, hkdf, hmacSha256 } from '../signal/index.ts'

// App state: settings, contacts, and marks on chats, kept in step between the devices of an account as five
// logs of encrypted patches that the server stores and cannot read. Source: Baileys `Utils/chat-utils.js`,
// docs/protocol/app-state.md.

export type Collection =
  | 'critical_block'
  | 'critical_unblock_low'
  | 'regular_high'
  | 'regular_low'
  | 'regular'

/** One entry of app state. `index` names what it is about, e.g. `['archive', '12025550123@s.whatsapp.net']`. */
export interface SyncAction {
  index: readonly string[]
  value: proto.ISyncActionValue
  /** Version of the action's own format, as WhatsApp Web numbers them. */
  version: number
}

/** The account's key for app state, shared by the phone with each device it links. */
export class AppStateKey {
  readonly keyId = Buffer.concat([Buffer.alloc(2), randomBytes(4)])
  readonly keyData = randomBytes(32)
  readonly #parts = hkdf(this.keyData, { info: 'WhatsApp Mutation Keys', length: 160 })
  readonly index = this.#parts.subarray(0, 32)
  readonly valueEncryption = this.#parts.subarray(32, 64)
  readonly valueMac = this.#parts.subarray(64, 96)
  readonly snapshotMac = this.#parts.subarray(96, 128)
  readonly patchMac = this.#parts.subarray(128, 160)
}

/** One collection, as a device that has read all its patches knows it. */
export class AppStateCollection {
  readonly #name: Collection
  readonly #key: AppStateKey
  #version = 0
  #hash: Buffer = Buffer.alloc(128)
  /** Index MAC (base64) → value MAC. */
  readonly #valueMacs = new Map<string, Buffer>()
  /** Index MAC (base64) → what is set, as it is stored. */
  readonly #records = new Map<string, proto.ISyncdRecord>()
  /** Index (JSON) → what is set. */
  readonly actions = new Map<string, proto.ISyncActionValue>()

  constructor(name: Collection, key: AppStateKey) {
    this.#name = name
    this.#key = key
  }

  get version(): number {
    return this.#version
  }

  /** The patch (`SyncdPatch`, encoded) that sets `action`; counted as written. */
  set(action: SyncAction): Uint8Array {
    return this.#write('set', action)
  }

  /** The patch that removes what is set under an index; counted as written. */
  remove(index: readonly string[], version: number): Uint8Array {
    return this.#write('remove', { index, value: {}, version })
  }

  #write(how: 'set' | 'remove', action: SyncAction): Uint8Array {
    const key = this.#key
    const keyId = { id: key.keyId }
    const index = Buffer.from(JSON.stringify(action.index))
    const { value, version } = action
    const data = proto.SyncActionData.encode({ index, value, version, padding: Buffer.alloc(0) }).finish()
    const iv = randomBytes(16)
    const encrypted = Buffer.concat([iv, encryptCbc(key.valueEncryption, iv, data)])
    const valueMac = macOfValue(key, how, encrypted)
    const indexMac = hmacSha256(key.index, index)

    const record = { index: { blob: indexMac }, value: { blob: Buffer.concat([encrypted, valueMac]) }, keyId }
    this.#apply(how, record, valueMac)
    this.#version += 1
    if (how === 'set') this.actions.set(index.toString(), value)
    else this.actions.delete(index.toString())
    const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
    const snapshotMac = this.#snapshotMac()
    return proto.SyncdPatch.encode({
      mutations: [
        {
          operation: how === 'set' ? SET : REMOVE,
          record,
        },
      ],
      snapshotMac,
      patchMac: this.#patchMac(snapshotMac, [valueMac]),
      keyId,
    }).finish()
  }

  /** Takes a patch that another device wrote. @throws {Error} if it does not continue what is known */
  take(encoded: Uint8Array): SyncAction[] {
    const patch = proto.SyncdPatch.decode(encoded)
    const key = this.#key
    const actions: SyncAction[] = []
    const valueMacs: Buffer[] = []
    for (const { operation, record } of patch.mutations) {
      const blob = Buffer.from(record?.value?.blob ?? [])
      const how = operation === proto.SyncdMutation.SyncdOperation.REMOVE ? 'remove' : 'set'
      const [encrypted, valueMac] = [blob.subarray(0, -32), blob.subarray(-32)]
      if (!macOfValue(key, how, encrypted).equals(valueMac)) throw new Error('An app-state value was forged')
      valueMacs.push(valueMac)
      const plain = decryptCbc(key.valueEncryption, encrypted.subarray(0, 16), encrypted.subarray(16))
      const { index, value, version } = proto.SyncActionData.decode(plain)
      const indexText = Buffer.from(index ?? []).toString()
      this.#apply(how, record ?? {}, valueMac)
      if (how === 'remove') this.actions.delete(indexText)
      else this.actions.set(indexText, value ?? {})
      actions.push({ index: JSON.parse(indexText), value: value ?? {}, version: version ?? 0 })
    }
    this.#version += 1
    const snapshotMac = this.#snapshotMac()
    if (!snapshotMac.equals(patch.snapshotMac ?? Buffer.alloc(0))) {
      throw new Error(`A patch to ${this.#name} does not lead to the state it claims`)
    }
    if (!this.#patchMac(snapshotMac, valueMacs).equals(patch.patchMac ?? Buffer.alloc(0))) {
      throw new Error(`A patch to ${this.#name} was forged`)
    }
    return actions
  }

  /** All that is set at this version (`SyncdSnapshot`, encoded): for a device that has nothing yet. */
  snapshot(): Uint8Array {
    return proto.SyncdSnapshot.encode({
      version: { version: this.#version },
      records: [...this.#records.values()],
      mac: this.#snapshotMac(),
      keyId: { id: this.#key.keyId },
    }).finish()
  }

  #apply(how: 'set' | 'remove', record: proto.ISyncdRecord, valueMac: Buffer): void {
    const index = Buffer.from(record.index?.blob ?? []).toString('base64')
    const previous = this.#valueMacs.get(index)
    if (previous !== undefined) mixIn(this.#hash, previous, -1)
    if (how === 'remove') {
      this.#valueMacs.delete(index)
      this.#records.delete(index)
    } else {
      this.#valueMacs.set(index, valueMac)
      this.#records.set(index, record)
      mixIn(this.#hash, valueMac, 1)
    }
  }

  #snapshotMac(): Buffer {
    return hmacSha256(this.#key.snapshotMac, this.#hash, uint64(this.#version), Buffer.from(this.#name))
  }

  #patchMac(snapshotMac: Buffer, valueMacs: readonly Buffer[]): Buffer {
    const name = Buffer.from(this.#name)
    return hmacSha256(this.#key.patchMac, snapshotMac, ...valueMacs, uint64(this.#version), name)
  }
}

/** LTHash: sums of 64 little-endian 16-bit numbers, so that what was added can be taken out again. */
function mixIn(hash: Buffer, valueMac: Buffer, sign: 1 | -1): void {
  const expanded = hkdf(valueMac, { info: 'WhatsApp Patch Integrity', length: 128 })
  for (let at = 0; at < hash.length; at += 2) {
    hash.writeUInt16LE((hash.readUInt16LE(at) + sign * expanded.readUInt16LE(at)) & 0xff_ff, at)
  }
}

function macOfValue(key: AppStateKey, how: 'set' | 'remove', encrypted: Buffer): Buffer {
  const about = Buffer.concat([Buffer.from([how === 'set' ? 1 : 2]), key.keyId])
  return createHmac('sha512', createSecretKey(key.valueMac))
    .update(about)
    .update(encrypted)
    .update(uint64(about.length))
    .digest()
    .subarray(0, 32)
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
