import type { SignalAddress } from './address.ts'
import type { SessionEntry, SignalStorage } from './libsignal.ts'
import { libsignal, whisperProtobufs } from './libsignal.ts'

/** What a ratchet step learns while it runs. */
export interface Attempts {
  /** Sessions whose keys were used, successfully or not. */
  readonly touched: Set<SessionEntry>
  /** Sessions that a message did not belong to: libsignal has turned their ratchets before it noticed. */
  readonly spoilt: Set<SessionEntry>
}

/**
 * libsignal's cipher, minus two of its habits. It tries each session of a record and turns its ratchet *before* the MAC
 * tells whether the message belongs to it, then stores the spoilt ones together with the right one: one late message of
 * a closed session breaks the open one ("Bad MAC" from then on). And it queues by address across all accounts of the
 * process; our callers hold their own session's lock already.
 */
export class CarefulCipher extends libsignal.SessionCipher {
  readonly #attempts: Attempts

  constructor(storage: SignalStorage, { user, device }: SignalAddress, attempts: Attempts) {
    super(storage, new libsignal.ProtocolAddress(user, device))
    this.#attempts = attempts
  }

  override queueJob<T>(job: () => Promise<T>): Promise<T> {
    return job()
  }

  override doDecryptWhisperMessage(data: Buffer, session: SessionEntry): Promise<Buffer> {
    this.#attempts.touched.add(session)
    return super.doDecryptWhisperMessage(data, session)
  }

  override async decryptWithSessions(
    data: Buffer,
    sessions: SessionEntry[],
  ): Promise<{ session: SessionEntry; plaintext: Buffer }> {
    if (sessions.length === 0) throw new libsignal.SessionError('No sessions available')
    // The session that knows the sender's ratchet key is the one, nearly always; another is tried for the first message of a new turn.
    const { ephemeralKey } = whisperProtobufs.WhisperMessage.decode(data.subarray(1, -8))
    const knowing = sessions.filter((session) => session.getChain(ephemeralKey) !== undefined)
    const others = sessions.filter((session) => !knowing.includes(session))
    let used: Error | undefined
    for (const session of [...knowing, ...others]) {
      try {
        const plaintext = await this.doDecryptWhisperMessage(data, session)
        session.indexInfo.used = Date.now()
        return { session, plaintext }
      } catch (error) {
        this.#attempts.spoilt.add(session)
        if (error instanceof libsignal.MessageCounterError) used = error
      }
    }
    // A key that was used already says that this very message was opened before: a duplicate, not a broken session.
    throw used ?? new libsignal.SessionError('No matching sessions found for message')
  }
}
