import { Log } from './log.ts'

/** A message the server owes to one device of an account, from the moment it was sent. Times are Unix ms. */
export interface Delivery {
  id: string
  /** JID it is delivered as coming from: the contact, or the group. */
  from: string
  /** The member who wrote it, in a group. */
  participant: string | undefined
  /** The device it is for, `12025550123:1@s.whatsapp.net`. */
  to: string
  queuedAt: number
  /** How often it was put on a connection. More than one: it was not acknowledged in time. */
  attempts: number
  /** Whether its first attempt was from the offline queue. */
  offline: boolean
  /** What settled it; undefined while it is owed. A retry receipt settles nothing by itself. */
  settled: 'receipt' | 'ack' | 'nack' | 'unlinked' | undefined
  settledAt: number | undefined
}

/** A message the server took from a linked client. One entry for each time it came, a resend included. */
export interface Sent {
  id: string
  /** The device that sent it, `12025550123:1@s.whatsapp.net`. */
  by: string
  /** JID it was addressed to. */
  to: string
  type: string
  at: number
  /** 1 the first time this device sent this id, 2 the second, …; 0 when it is what one device asked for again. */
  attempt: number
  /** The code of the nack it was answered with, if any. */
  refused: string | undefined
}

/** A message that a simulated device could read. */
export interface Decrypted {
  id: string
  /** The device that read it, `12025550123@s.whatsapp.net` for the phone itself. */
  by: string
  /** The device that wrote it. */
  from: string
  /** The chat, as the stanza named it: the sender, the group, or for an own message its recipient. */
  chat: string
  text: string | undefined
  at: number
}

export interface DecryptFailure {
  id: string
  by: string
  from: string
  reason: string
  at: number
}

/** A client could not read a message and asked for it again. */
export interface RetryReceipt {
  id: string
  by: string
  to: string
  count: number
  withKeys: boolean
  at: number
}

/** A receipt a client sent. */
export interface Receipt {
  ids: readonly string[]
  by: string
  to: string
  participant: string | undefined
  /** `delivery`, `read`, `read-self`, `inactive`, `sender`, `peer_msg`, `hist_sync`, `played`, `retry`. */
  type: string
  at: number
}

/** A client gave a contact a privacy token. */
export interface PrivacyToken {
  /** The device that gave it. */
  by: string
  /** The contact, as the client addressed it. */
  to: string
  at: number
}

/** A request to the media host. */
export interface MediaTransfer {
  transfer: 'upload' | 'download'
  /** As it was asked for, query included. */
  path: string
  /** The `Host` it was asked of. */
  host: string | undefined
  range: string | undefined
  /** Undefined until it is answered. */
  status: number | undefined
  /** Of the file, as far as they were transferred. */
  bytes: number
  at: number
  endedAt: number | undefined
}

/** A client refused a stanza (`<ack error>`). */
export interface Nack {
  id: string
  by: string
  class: string
  error: string
  at: number
}

/** One attempt to connect, from the moment its TCP connection was accepted. */
export interface Dial {
  /** 1, 2, 3, … over all accounts. */
  number: number
  at: number
  /** How far it came. */
  stage: 'tcp' | 'upgrade' | 'noise' | 'registering' | 'login' | 'open'
  /** Known from the login on, or when a registration was completed: `12025550123:1@s.whatsapp.net`. */
  device: string | undefined
  /** What the client calls its version, `2.3000.1043857760`. */
  version: string | undefined
  endedAt: number | undefined
  /** `client`: it closed. `server`: we did, for `reason`. `network`: the connection broke. */
  endedBy: 'client' | 'server' | 'network' | undefined
  reason: string | undefined
}

/** Something the server could not make sense of; it ended that connection. The client's fault, or ours. */
export interface ProtocolError {
  /** {@link Dial.number} */
  dial: number
  error: unknown
  at: number
}

export interface WaitOptions {
  /** Default 20,000. */
  timeoutMs?: number
  signal?: AbortSignal
  /** What is waited for, in words, for the error. */
  what?: string
}

export interface TruthOptions {
  /** Entries kept of each kind, oldest dropped first; totals count on. A soak test wants few. Default 100,000. */
  keep?: number
}

/**
 * What really happened, for tests to ask: the client's own account of it is what is being tested. The server
 * writes what it queued, sent and received; the phones write what they could read.
 */
export class Truth {
  readonly dials: Log<Dial>
  readonly deliveries: Log<Delivery>
  readonly sent: Log<Sent>
  readonly decrypted: Log<Decrypted>
  readonly decryptFailures: Log<DecryptFailure>
  readonly receipts: Log<Receipt>
  readonly retryReceipts: Log<RetryReceipt>
  readonly nacks: Log<Nack>
  readonly privacyTokens: Log<PrivacyToken>
  readonly media: Log<MediaTransfer>
  readonly protocolErrors: Log<ProtocolError>
  /** Queries the server does not know, by `xmlns type child`, with how often they came. Empty after a good run. */
  readonly unanswered = new Map<string, number>()

  readonly #owed = new Set<Delivery>()
  readonly #waiting = new Set<() => void>()
  #checkDue = false

  constructor({ keep = 100_000 }: TruthOptions = {}) {
    const changed = (): void => this.#changed()
    this.dials = new Log(keep, changed)
    this.deliveries = new Log(keep, changed)
    this.sent = new Log(keep, changed)
    this.decrypted = new Log(keep, changed)
    this.decryptFailures = new Log(keep, changed)
    this.receipts = new Log(keep, changed)
    this.retryReceipts = new Log(keep, changed)
    this.nacks = new Log(keep, changed)
    this.privacyTokens = new Log(keep, changed)
    this.media = new Log(keep, changed)
    this.protocolErrors = new Log(keep, changed)
  }

  /** Messages still owed, to one account (`+12025550123`) or to all, oldest first. */
  owed(number?: string): Delivery[] {
    return [...this.#owed].filter((one) => isOf(one.to, number))
  }

  /** Notes a message that is owed from now on. */
  owes(delivery: Delivery): Delivery {
    this.#owed.add(delivery)
    return this.deliveries.add(delivery)
  }

  /** Notes that a message is owed no more. */
  settle(delivery: Delivery, how: NonNullable<Delivery['settled']>, at: number): void {
    this.#owed.delete(delivery)
    delivery.settled = how
    delivery.settledAt = at
    this.#changed()
  }

  /** Connection attempts of one account, oldest first. */
  dialsOf(number: string): Dial[] {
    return this.dials.filter((one) => one.device !== undefined && isOf(one.device, number))
  }

  /** Ids that clients of an account sent to a chat, in the order of their first arrival, each once. */
  sentIds(number: string, to?: string): string[] {
    const ids = this.sent
      .filter((one) => one.attempt > 0 && isOf(one.by, number) && (to === undefined || one.to === to))
      .map((one) => one.id)
    return [...new Set(ids)]
  }

  /** Notes a change of an entry already written, or of something else that is waited for: those waiting look again. */
  touched(): void {
    this.#changed()
  }

  /** Notes a query nobody here can answer. */
  unknownQuery(kind: string): void {
    this.unanswered.set(kind, (this.unanswered.get(kind) ?? 0) + 1)
    this.#changed()
  }

  /**
   * Waits until `ask` gives something other than undefined or false; asked again after each change.
   *
   * @throws {Error} after `timeoutMs` (default 20,000), or the signal's reason.
   */
  until<T>(
    ask: (truth: this) => T | undefined | false,
    { timeoutMs = 20_000, signal, what }: WaitOptions = {},
  ): Promise<T> {
    const first = ask(this)
    if (first !== undefined && first !== false) return Promise.resolve(first)
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(check)
        signal?.removeEventListener('abort', aborted)
      }
      const check = (): void => {
        try {
          const answer = ask(this)
          if (answer === undefined || answer === false) return
          stop()
          resolve(answer)
        } catch (error) {
          stop()
          reject(error)
        }
      }
      const aborted = (): void => {
        stop()
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        stop()
        reject(new Error(`Waited ${timeoutMs} ms for ${what ?? ask.toString()}`))
      }, timeoutMs)
      this.#waiting.add(check)
      if (signal?.aborted === true) aborted()
      else signal?.addEventListener('abort', aborted)
    })
  }

  /** Those waiting are asked once per turn of the event loop, however much was written in it. */
  #changed(): void {
    if (this.#checkDue || this.#waiting.size === 0) return
    this.#checkDue = true
    setImmediate(() => {
      this.#checkDue = false
      for (const check of this.#waiting) check()
    })
  }
}

/** Whether a device or user JID belongs to a number. */
function isOf(jid: string, number: string | undefined): boolean {
  if (number === undefined) return true
  const user = number.replace('+', '')
  return jid.startsWith(`${user}@`) || jid.startsWith(`${user}:`)
}
