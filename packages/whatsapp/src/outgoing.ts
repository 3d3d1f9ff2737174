import type { MessageBody } from './content.ts'

/** Kinds of messages that are sent as they are asked for: nothing has to be fetched or looked up first. */
export const plainKinds = ['text', 'location', 'live_location', 'contacts', 'poll', 'event'] as const

/** What somebody asks us to send. What all kinds may carry beside it (mentions, a quote) is asked for beside it. */
export type OutgoingContent = Extract<MessageBody, { kind: (typeof plainKinds)[number] }>
