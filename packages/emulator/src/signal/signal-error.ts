/** Why a ciphertext could not be read, or a message not be encrypted. */
export type SignalErrorCode =
  | 'no_session' // nothing agreed with this device yet
  | 'no_pre_key' // the message names a one-time pre-key we do not hold (any more)
  | 'no_sender_key' // the sender has not told us this group's key
  | 'duplicate' // the key of this message was used already
  | 'too_far_ahead' // more than 2000 messages were skipped
  | 'bad_mac' // no session of ours made this message
  | 'bad_signature' // of a pre-key bundle or a group message
  | 'malformed' // not a Signal message at all

export class SignalError extends Error {
  override readonly name = 'SignalError'
  readonly code: SignalErrorCode

  constructor(code: SignalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
