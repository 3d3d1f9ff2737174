/**
 * libsignal's classes with the members that we use, which its own types leave out. It is CommonJS and GPL-3.0: the
 * server may use it, no other package does. Read in version 6.0.0.
 */
import { createRequire } from 'node:module'

export interface SignalKeyPair {
  pubKey: Buffer
  privKey: Buffer
}

/** One chain of message keys (`session_cipher.js`, fillMessageKeys). */
export interface Chain {
  chainKey: { counter: number; key?: Buffer | undefined }
  chainType: number
  messageKeys: Record<string, Buffer>
}

/** One Signal session inside a record: the open one, or a closed one kept for late messages. */
export interface SessionEntry {
  registrationId: number | undefined
  currentRatchet: {
    ephemeralKeyPair: SignalKeyPair
    lastRemoteEphemeralKey: Buffer
    previousCounter: number
    rootKey: Buffer
  }
  indexInfo: {
    baseKey: Buffer
    baseKeyType: number
    /** -1 while open, else Unix ms. */
    closed: number
    used: number
    created: number
    remoteIdentityKey: Buffer
  }
  pendingPreKey?: { signedKeyId: number; baseKey: Buffer; preKeyId?: number }
  /** By the base64 of the chain's ratchet key. */
  _chains: Record<string, Chain>
  getChain(key: Buffer): Chain | undefined
}

/** All Signal sessions with one device. */
export interface SessionRecord {
  /** By the base64 of the base key. */
  sessions: Record<string, SessionEntry>
  haveOpenSession(): boolean
  getOpenSession(): SessionEntry | undefined
  getSessions(): SessionEntry[]
  isClosed(session: SessionEntry): boolean
}

export interface SessionRecordClass {
  new (): SessionRecord
  createEntry(): SessionEntry
}

export interface SignalStorage {
  loadSession(address: string): Promise<SessionRecord | undefined>
  storeSession(address: string, record: SessionRecord): Promise<void>
  isTrustedIdentity(): boolean
  loadPreKey(id: number | undefined): Promise<SignalKeyPair | undefined>
  removePreKey(id: number): void
  loadSignedPreKey(): SignalKeyPair
  getOurRegistrationId(): number
  getOurIdentity(): SignalKeyPair
}

export interface ProtocolAddress {
  id: string
  deviceId: number
  toString(): string
}

export interface SessionCipher {
  decryptPreKeyWhisperMessage(data: Buffer): Promise<Buffer>
  decryptWhisperMessage(data: Buffer): Promise<Buffer>
  encrypt(data: Buffer): Promise<{ type: number; body: Buffer }>
  /** Tries the sessions in turn; overridden in careful-cipher.ts. */
  decryptWithSessions(
    data: Buffer,
    sessions: SessionEntry[],
  ): Promise<{ session: SessionEntry; plaintext: Buffer }>
  doDecryptWhisperMessage(data: Buffer, session: SessionEntry): Promise<Buffer>
  queueJob<T>(job: () => Promise<T>): Promise<T>
}

interface LibSignal {
  ProtocolAddress: new (id: string, deviceId: number) => ProtocolAddress
  SessionRecord: SessionRecordClass
  SessionCipher: new (storage: SignalStorage, address: ProtocolAddress) => SessionCipher
  SessionBuilder: new (
    storage: SignalStorage,
    address: ProtocolAddress,
  ) => { initOutgoing(device: OutgoingDevice): Promise<void> }
  SessionError: new (message: string) => Error
  MessageCounterError: new (message: string) => Error
}

/** A device's public keys, as WhatsApp hands them out. */
export interface OutgoingDevice {
  registrationId: number
  identityKey: Uint8Array
  signedPreKey: { keyId: number; publicKey: Uint8Array; signature: Uint8Array }
  preKey?: { keyId: number; publicKey: Uint8Array } | undefined
}

interface WhisperProtobufs {
  WhisperMessage: { decode(bytes: Uint8Array): { ephemeralKey: Buffer; counter: number } }
  PreKeyWhisperMessage: { decode(bytes: Uint8Array): { identityKey?: Buffer; preKeyId?: number } }
}

const require = createRequire(import.meta.url)
// Both shapes were read in libsignal 6.0.0: index.js and src/protobufs.js.
export const libsignal = require('libsignal') as LibSignal
export const whisperProtobufs = require('libsignal/src/protobufs.js') as WhisperProtobufs
