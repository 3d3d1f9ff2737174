export type { CallOptions, CallSignal } from './calls.ts'
export type { Collection } from './app-state.ts'
export type { Content, QuotedMessage, TextContent } from './content.ts'
export { QrError } from './linking-qr.ts'
export type { SentMessage } from './memory.ts'
export { WrongCodeError } from './pairing-code.ts'
export { Phone, phoneFactory } from './phone.ts'
export type { PhoneMessage } from './phone-message.ts'
export type {
  Activity,
  Addressing,
  AutomaticReceipts,
  PhoneOptions,
  Recipient,
  SendOptions,
} from './phone-options.ts'
export type { ShownMessage } from './shown-message.ts'
