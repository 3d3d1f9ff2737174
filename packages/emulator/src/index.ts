export { historyNotification } from './phone/bootstrap.ts'
export type { BinaryNode } from './baileys.ts'
export type { Clock } from './clock.ts'
export * from './control/index.ts'
export { type ConnectionControl, Emulator, type EmulatorOptions, startEmulator } from './emulator.ts'
export {
  type Action,
  type Disconnect,
  disconnects,
  type Fault,
  type FaultScope,
  type Stage,
} from './faults.ts'
export * from './line.ts'
export type { Log } from './log.ts'
export {
  type MediaContent,
  MediaError,
  type MediaFault,
  type MediaFaultScope,
  type MediaFlaw,
  MediaHost,
  mediaOf,
  type MediaReference,
  type MediaRetryAnswer,
} from './media/index.ts'
export type { CertificateFlaw } from './noise/certificates.ts'
export type { Business, BusinessProfile, Order, Product } from './server/profile.ts'
export type { AccountControl, ReachoutTimelock } from './server/account-control.ts'
export type { DeliveryFault, MessageFault, QueryFault } from './server/account-faults.ts'
export {
  type Activity,
  type Addressing,
  type AutomaticReceipts,
  type CallOptions,
  type CallSignal,
  type Collection,
  type Content,
  Phone,
  type PhoneMessage,
  type PhoneOptions,
  QrError,
  type QuotedMessage,
  type Recipient,
  type SendOptions,
  type ShownMessage,
  type SentMessage,
  type TextContent,
  WrongCodeError,
} from './phone/index.ts'
export * from './terminal/index.ts'
export * from './truth.ts'
