import type { Jid } from './jid.ts'

/** What a message says. A kind we do not know yet keeps WhatsApp's name for it, and is never dropped. */
export type MessageContent =
  | { kind: 'text'; text: string; mentions?: readonly Jid[]; quoted?: QuotedRef }
  | {
      kind: 'unsupported'
      /** The field of WhatsApp's `Message` protobuf that was set, e.g. `imageMessage`. */
      name: string
      /** Its caption or other readable text; empty when it has none. */
      text: string
      quoted?: QuotedRef
    }
  | {
      kind: 'undecryptable'
      /** What the ratchet said, without key material. */
      reason: string
    }

/** The message that another one answers. */
export interface QuotedRef {
  /** WhatsApp's message id. */
  id: string
  /** Who wrote it; undefined when WhatsApp did not say. */
  sender: Jid | undefined
  /** Its text or caption, '' when it has none. */
  text: string
}

/** The text that a person would read; '' when there is none. */
export function textOf(content: MessageContent): string {
  return content.kind === 'undecryptable' ? '' : content.text
}

/** The message that this one answers, if any. */
export function quotedOf(content: MessageContent): QuotedRef | undefined {
  return content.kind === 'undecryptable' ? undefined : content.quoted
}
