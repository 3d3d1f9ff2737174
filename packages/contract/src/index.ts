export type { WireAuditLog } from './audit.ts'
export * from './audited.ts'
export type { WireUser } from './auth.ts'
export { isoOf, offsetOf, paginationOf } from './answers.ts'
export * from './call-events.ts'
export { type CallSettingsWire, type CallStatus, callStatuses, type CallWire } from './calls.ts'
export type { ContactWire } from './contacts.ts'
export {
  type Bucket,
  type DataOf,
  type Endpoint,
  errorsOf,
  generalErrors,
  callerErrors,
  userErrors,
  type RequestOf,
} from './endpoint.ts'
export { endpoints } from './endpoints.ts'
export { errorSchema, failureSchema, successSchema } from './envelopes.ts'
export * from './errors/index.ts'
export * from './event-data.ts'
export * from './events.ts'
export type { FeedEvent } from './event-feed.ts'
export { eventExamples } from './examples.ts'
export { detailsOfIssues, type IssueKey, issueText } from './issue-texts.ts'
export { type JsonSchema, jsonSchemaOf } from './json-schema.ts'
export * from './group-events.ts'
export type { GroupWire, ParticipantRefusal, ParticipantResultWire } from './groups.ts'
export type { ContactMerged } from './identity.ts'
export * from './kind-matrix.ts'
export type { LabelWire, QuickReplyWire } from './labels.ts'
export * from './language.ts'
export * from './legacy-webhooks.ts'
export * from './message-content.ts'
export { maxBase64Bytes, type MediaFileWire, type MediaKind, mediaKinds } from './media.ts'
export * from './message-events.ts'
export type { BusinessProfileWire } from './people.ts'
export type { OwnProfileWire, PrivacyWire } from './profile.ts'
export type { ProductWire } from './shops.ts'
export * from './people-events.ts'
export * from './roles.ts'
export * from './route-access.ts'
export * from './scopes.ts'
export * from './send-failures.ts'
export * from './session-events.ts'
export * from './session-reasons.ts'
export * from './session-status.ts'
export * from './status-events.ts'
export * from './newsletter-events.ts'
export type { NewsletterPostWire, NewsletterWire } from './newsletters.ts'
export type { StatusWire } from './statuses.ts'
export {
  ackOfStatus,
  type ChatWire,
  type MessageStatus,
  messageStatuses,
  type MessageWire,
  playedAck,
  type WaitReason,
} from './messages.ts'
export type { SessionWire } from './sessions.ts'
export { apiVersion, type ReadinessCheck } from './system.ts'
export { outgoingContent } from './outgoing.ts'
export { type AskedTemplate, type VariableValues } from './outgoing-templates.ts'
export * from './placeholders.ts'
export { type TemplateStatus, templateStatuses, templateTexts, type TemplateWire } from './templates.ts'
export * from './texts.ts'
export * from './webhook-event-data.ts'
export { crmEvents, webhookEventAliases } from './webhook-events.ts'
export { hiddenHeaderValue } from './webhook-headers.ts'
export { type ChatKind, type WebhookDeliveryWire, type WebhookWire } from './webhooks.ts'
