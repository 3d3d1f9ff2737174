import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

import { proto } from '../baileys.ts'
import type { SignalDataTypeMap } from '../baileys.ts'

/*
 * One collection of app state as patches and snapshots change it. baileys' own functions (Utils/chat-utils.js) go on after a patch that
 * is not genuine, with its version and without its content, forget nothing that was removed by themselves, and never see that the server
 * refused a patch: each of them leaves a state that no other device has. Format: docs/protocol/app-state.md.
 */

export const collections = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
] as const
export type Collection = (typeof collections)[number]

/** What is known of a collection, in the form that baileys stores. */
export type CollectionState = SignalDataTypeMap['app-state-sync-version']

export const nothingKnown: CollectionState = { version: 0, hash: Buffer.alloc(128), indexValueMap: {} }

/** One entry that was set or removed. `index` names what it is about, e.g. `['archive', '12025550123@s.whatsapp.net']`. */
export interface Mutation {
  index: readonly string[]
  value: proto.ISyncActionValue
  /** Of the format of the action, as WhatsApp Web numbers them. */
  version: number
  isRemoved: boolean
}

/** The phone has not shared this key with us (yet). */
export class MissingKey extends Error {
  override readonly name = 'MissingKey'
  readonly keyId: Uint8Array
  constructor(keyId: Uint8Array) {
    super('app state is encrypted with a key that the phone has not shared')
    this.keyId = keyId
  }
}

/** What the server handed over is not what the account's devices wrote, or does not continue what we have. */
export class NotGenuine extends Error {
  override readonly name = 'NotGenuine'
}

/** The five keys that one key of the phone stands for. */
export class MutationKeys {
  readonly keyId: Buffer
  readonly index: Buffer
  readonly valueEncryption: Buffer
  readonly valueMac: Buffer
  readonly snapshotMac: Buffer
  readonly patchMac: Buffer

  constructor(keyId: Uint8Array, keyData: Uint8Array) {
    this.keyId = Buffer.from(keyId)
    const parts = Buffer.from(hkdfSync('sha256', keyData, Buffer.alloc(0), 'WhatsApp Mutation Keys', 160))
    this.index = parts.subarray(0, 32)
    this.valueEncryption = parts.subarray(32, 64)
    this.valueMac = parts.subarray(64, 96)
    this.snapshotMac = parts.subarray(96, 128)
    this.patchMac = parts.subarray(128, 160)
  }
}

/** Finds keys by their id. @throws {MissingKey} */
export type KeyRing = (keyId: Uint8Array) => MutationKeys

type Encrypted = Pick<proto.ISyncdMutation, 'operation' | 'record'>

/** A collection being read or written: `state` is what it has come to. What it throws leaves it good for nothing. */
export class OpenCollection {
  readonly #name: Collection
  readonly #keys: KeyRing
  readonly #hash: Buffer
  readonly #valueMacs: CollectionState['indexValueMap']
  #version: number

  constructor(name: Collection, state: CollectionState, keys: KeyRing) {
    this.#name = name
    this.#keys = keys
    this.#version = state.version
    this.#hash = Buffer.from(state.hash)
    this.#valueMacs = { ...state.indexValueMap }
  }

  get state(): CollectionState {
    return { version: this.#version, hash: this.#hash, indexValueMap: this.#valueMacs }
  }

  /**
   * Takes the next patch. Its mutations are inside it, or were fetched and put there.
   * @throws {MissingKey | NotGenuine}
   */
  take(patch: proto.ISyncdPatch): Mutation[] {
    const version = Number(patch.version?.version ?? this.#version + 1)
    if (version !== this.#version + 1)
      throw new NotGenuine(`${this.#name} is at ${this.#version}: patch ${version} does not continue it`)
    const mutations = patch.mutations ?? []
    const keys = this.#keys(patch.keyId?.id ?? Buffer.alloc(0))
    const taken = mutations.map((mutation) => this.#apply(mutation))
    this.#version = version
    const snapshotMac = this.#snapshotMac(keys)
    if (!isSame(snapshotMac, patch.snapshotMac))
      throw new NotGenuine(`patch ${version} of ${this.#name} leads to another state than it says`)
    if (!isSame(this.#patchMac(keys, snapshotMac, mutations.map(macIn)), patch.patchMac))
      throw new NotGenuine(`patch ${version} of ${this.#name} was not written by one of our devices`)
    return taken
  }

  /**
   * Takes a snapshot in place of what was known. @throws {MissingKey | NotGenuine}
   */
  restore(snapshot: proto.ISyncdSnapshot): Mutation[] {
    this.#hash.fill(0)
    for (const index of Object.keys(this.#valueMacs)) delete this.#valueMacs[index]
    this.#version = Number(snapshot.version?.version ?? 0)
    const keys = this.#keys(snapshot.keyId?.id ?? Buffer.alloc(0))
    const operation = proto.SyncdMutation.SyncdOperation.SET
    const taken = (snapshot.records ?? []).map((record) => this.#apply({ operation, record }))
    if (!isSame(this.#snapshotMac(keys), snapshot.mac))
      throw new NotGenuine(`the snapshot of ${this.#name} is not of the state it says`)
    return taken
  }

  /** The patch (`SyncdPatch`, encoded) that makes these changes to what is known; they are taken as made. */
  write(mutations: readonly Mutation[], keys: MutationKeys): Uint8Array {
    const written = mutations.map(({ index, value, version, isRemoved }): Encrypted => {
      const indexBytes = Buffer.from(JSON.stringify(index))
      const plain = proto.SyncActionData.encode({
        index: indexBytes,
        value,
        version,
        padding: Buffer.alloc(0),
      }).finish()
      const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
      const operation = isRemoved ? REMOVE : SET
      const iv = randomBytes(16)
      const cipher = createCipheriv('aes-256-cbc', keys.valueEncryption, iv)
      const encrypted = Buffer.concat([iv, cipher.update(plain), cipher.final()])
      const valueMac = macOfValue(keys, operation, encrypted)
      const indexMac = hmac(keys.index, indexBytes)
      this.#mix(isRemoved, indexMac, valueMac)
      return {
        operation,
        record: {
          index: { blob: indexMac },
          value: { blob: Buffer.concat([encrypted, valueMac]) },
          keyId: { id: keys.keyId },
        },
      }
    })
    this.#version += 1
    const snapshotMac = this.#snapshotMac(keys)
    return proto.SyncdPatch.encode({
      mutations: written,
      snapshotMac,
      patchMac: this.#patchMac(keys, snapshotMac, written.map(macIn)),
      keyId: { id: keys.keyId },
    }).finish()
  }

  #apply({ operation, record }: Encrypted): Mutation {
    const keys = this.#keys(record?.keyId?.id ?? Buffer.alloc(0))
    const blob = Buffer.from(record?.value?.blob ?? [])
    const indexMac = Buffer.from(record?.index?.blob ?? [])
    const [encrypted, valueMac] = [blob.subarray(0, -32), blob.subarray(-32)]
    const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
    const isRemoved = operation === REMOVE
    if (!isSame(macOfValue(keys, isRemoved ? REMOVE : SET, encrypted), valueMac))
      throw new NotGenuine(`an entry of ${this.#name} was not written by one of our devices`)
    const decipher = createDecipheriv('aes-256-cbc', keys.valueEncryption, encrypted.subarray(0, 16))
    const plain = Buffer.concat([decipher.update(encrypted.subarray(16)), decipher.final()])
    const { index, value, version } = proto.SyncActionData.decode(plain)
    const indexBytes = Buffer.from(index ?? [])
    if (!isSame(hmac(keys.index, indexBytes), indexMac))
      throw new NotGenuine(`an entry of ${this.#name} stands under the index of another`)
    this.#mix(isRemoved, indexMac, valueMac)
    return { index: indexIn(indexBytes), value: value ?? {}, version: version ?? 0, isRemoved }
  }

  #mix(isRemoved: boolean, indexMac: Buffer, valueMac: Buffer): void {
    const index = indexMac.toString('base64')
    const previous = this.#valueMacs[index]
    if (previous !== undefined) addTo(this.#hash, previous.valueMac, -1)
    if (isRemoved) {
      delete this.#valueMacs[index]
    } else {
      this.#valueMacs[index] = { valueMac }
      addTo(this.#hash, valueMac, 1)
    }
  }

  #snapshotMac(keys: MutationKeys): Buffer {
    return hmac(keys.snapshotMac, this.#hash, uint64(this.#version), Buffer.from(this.#name))
  }

  #patchMac(keys: MutationKeys, snapshotMac: Buffer, valueMacs: readonly Buffer[]): Buffer {
    return hmac(keys.patchMac, snapshotMac, ...valueMacs, uint64(this.#version), Buffer.from(this.#name))
  }
}

/** Which keys a patch or a snapshot needs. */
export function keysOf({
  keyId,
  mutations,
  records,
}: {
  keyId?: proto.IKeyId | null | undefined
  mutations?: proto.ISyncdMutation[] | null | undefined
  records?: proto.ISyncdRecord[] | null | undefined
}): readonly Uint8Array[] {
  const named = [
    keyId,
    ...(mutations ?? []).map(({ record }) => record?.keyId),
    ...(records ?? []).map((record) => record.keyId),
  ]
  return named.flatMap((key) => key?.id ?? [])
}

function macIn({ record }: Encrypted): Buffer {
  return Buffer.from(record?.value?.blob ?? []).subarray(-32)
}

/** An index that is no list of texts is kept as none: there may be actions that we do not know. */
function indexIn(bytes: Buffer): readonly string[] {
  try {
    const index: unknown = JSON.parse(bytes.toString())
    return Array.isArray(index) ? index.map(String) : []
  } catch {
    return []
  }
}

/** LTHash: sums of 64 little-endian 16-bit numbers, so that what was added can be taken out again. */
function addTo(hash: Buffer, valueMac: Uint8Array, sign: 1 | -1): void {
  const expanded = Buffer.from(hkdfSync('sha256', valueMac, Buffer.alloc(0), 'WhatsApp Patch Integrity', 128))
  for (let at = 0; at < hash.length; at += 2)
    hash.writeUInt16LE((hash.readUInt16LE(at) + sign * expanded.readUInt16LE(at)) & 0xff_ff, at)
}

function macOfValue(
  keys: MutationKeys,
  operation: proto.SyncdMutation.SyncdOperation,
  encrypted: Buffer,
): Buffer {
  const isRemoved = operation === proto.SyncdMutation.SyncdOperation.REMOVE
  const about = Buffer.concat([Buffer.from([isRemoved ? 2 : 1]), keys.keyId])
  return createHmac('sha512', keys.valueMac)
    .update(about)
    .update(encrypted)
    .update(uint64(about.length))
    .digest()
    .subarray(0, 32)
}

function hmac(key: Buffer, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

function isSame(computed: Buffer, told: Uint8Array | null | undefined): boolean {
  return told?.length === computed.length && timingSafeEqual(computed, told)
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
