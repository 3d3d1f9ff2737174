import type { DisconnectCause, Jid } from '@inbox-hub/whatsapp'

import type { Lease } from '../../../cluster/index.ts'
import type { AccountCalls } from './account.ts'
import type { AppStateCalls } from './app-state.ts'
import type { BusinessCalls } from './business.ts'
import type { FileAgain } from './file-again.ts'
import type { GroupCalls } from './groups.ts'
import type { NewsletterCalls } from './newsletters.ts'
import type { OutboundContent } from './outbound.ts'
import type { PeopleCalls } from './people.ts'
import type { PhoneCalls } from './phone-requests.ts'
import type { StatusCalls } from './statuses.ts'
import type { FileToUpload, UploadedFile } from './upload.ts'

/** One step of a dial, for the timeline and the diagnosis (engine §1.5). `detail` is safe to show. */
export interface DialStep {
  at: number
  step:
    | 'dns'
    | 'tcp'
    | 'tls'
    | 'upgrade'
    | 'unexpected_response'
    | 'first_frame'
    | 'payload' // detail.kind: 'register' | 'login'
    | 'pair_device'
    | 'success'
    | 'failure'
    | 'stream_error'
    | 'companion_reg_refresh'
    | 'passkey_prologue'
    | 'bad_frame'
    | 'closed'
  detail: Record<string, string | number | boolean | null>
}

/** What one generation's socket tells its session. Each is told at most as often as it happens, in order; nothing after `closed`. */
export type LinkEvent =
  | { type: 'step'; step: DialStep }
  | { type: 'qr'; text: string; index: number; of: number; expiresAt: number }
  | { type: 'pairing_code'; code: string; expiresAt: number }
  | { type: 'pairing_code_refused'; status: number }
  | { type: 'paired'; me: { pn: Jid; lid: Jid | undefined } } // credentials are durable
  | { type: 'logged_in' } // <success>: the login is accepted, sync follows
  | { type: 'online'; me: { pn: Jid; lid: Jid | undefined; name: string | undefined } }
  | { type: 'passkey_required' }
  /** What the account calls itself now. */
  | { type: 'renamed'; name: string }
  | { type: 'restricted'; until: number; scope: 'account' | 'new_chats' }
  | { type: 'store_fault'; error: Error } // nothing was acknowledged after the failed write; the socket is already cut
  | { type: 'fenced' } // another node owns the session
  | { type: 'closed'; cause: DisconnectCause }

export interface DialOptions {
  sessionId: number
  generation: number
  lease: Lease
  /** How to pair when the session has no credentials. A phone is digits, international. */
  pairing: { method: 'qr' } | { method: 'code'; phone: string }
  /** Ask the phone for all of its history when it links us, not only for the last months. */
  fullHistory?: boolean
  /** WhatsApp Web version, for the 405 ladder; undefined = the pinned one. */
  version: [number, number, number] | undefined
  /** http://, https:// or socks5:// URL. */
  proxy: string | undefined
  onEvent: (event: LinkEvent) => void
}

/** One generation's connection. Every method rejects with `HubError SESSION_NOT_CONNECTED` once it is closed. */
export interface Link {
  readonly generation: number
  readonly lease: Lease
  /** Ends the socket within 3 s: flush, end, terminate. Idempotent. Never logs the device out. */
  close(): Promise<void>
  /** Unlinks the device at WhatsApp, then closes. Only for a user's logout. */
  logout(): Promise<void>
  /** Switches a pairing dial to a code; answers the code once WhatsApp accepted it (5 s), or rejects with `PAIRING_CODE_REFUSED`. */
  requestPairingCode(phone: string): Promise<{ code: string; expiresAt: number }>
  /** Encrypts and writes one message under `id`. Resolves with the encoded proto when the bytes are written: that is not "sent", the ack is. */
  send(
    message: {
      id: string
      to: Jid
      content: OutboundContent
      /** Asks WhatsApp for the recipients' devices anew instead of trusting what we remember: after an ack with error 479. */
      refreshDevices: boolean
    },
    beforeWire: (proto: Uint8Array) => Promise<void>,
  ): Promise<void>
  /**
   * Seals a file and gives it to WhatsApp's media host. Rejects with `UploadRefused` when it will never take it, with what reading the file
   * throws, with the reason of `signal`, and with whatever else went wrong, which may go right the next time.
   */
  upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile>
  /** Server acks of messages: `error` undefined means the server took it. */
  onAck(listener: (ack: { id: string; chat: Jid; error: number | undefined; at: number }) => void): Disposable
  markRead(keys: readonly { chat: Jid; sender: Jid | undefined; id: string }[]): Promise<void>
  /** Tells the author of a message that it was listened to or looked at. */
  markPlayed(message: { chat: Jid; sender: Jid; id: string }): Promise<void>
  typing(chat: Jid, state: 'composing' | 'recording' | 'paused'): Promise<void>
  readonly groups: GroupCalls
  readonly people: PeopleCalls
  readonly account: AccountCalls
  readonly business: BusinessCalls
  /** Asks the account's phone to upload a file again that WhatsApp has no more; waits at most 15 s for it. `key` is the file's. */
  fileAgain(message: {
    id: string
    chat: Jid
    /** In a group, who wrote it; undefined when we did. */
    sender: Jid | undefined
    fromMe: boolean
    key: Uint8Array
  }): Promise<FileAgain>
  /** Refuses a call that rings. Rejects with `QueryRefused` when WhatsApp does not know it (any more). */
  rejectCall(call: { id: string; creator: Jid }): Promise<void>
  readonly appState: AppStateCalls
  readonly phone: PhoneCalls
  /**
   * Sets how long messages with a person live from now on, 0: they stay. Resolves when WhatsApp took it; rejects with `WHATSAPP_ERROR`.
   * Groups have a setting of theirs for it.
   */
  setDisappearing(chat: Jid, seconds: number): Promise<void>
  readonly statuses: StatusCalls
  readonly newsletters: NewsletterCalls
  /** Asks WhatsApp whether numbers exist; undefined = it did not say. Answers the JID to send to. */
  numbers(
    digits: readonly string[],
  ): Promise<
    readonly { digits: string; exists: boolean | undefined; pn: Jid | undefined; lid: Jid | undefined }[]
  >
}
