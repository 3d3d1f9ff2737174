import type { z } from 'zod'

import { callAccepted, callEnded, callMissed, callReceived, callRejected } from './call-events.ts'
import { contactMerged } from './identity.ts'
import type { EventType } from './events.ts'
import { chatArchived, chatEmptied, chatTransferred, chatUpdated } from './chat-events.ts'
import { groupJoined, groupJoinRequest, groupParticipants, groupUpdated } from './group-events.ts'
import {
  labelAssigned,
  labelDeleted,
  labelUpdated,
  quickReplyDeleted,
  quickReplyUpdated,
} from './label-events.ts'
import {
  contactUpdated,
  mediaDownloaded,
  mediaFailed,
  messageDeleted,
  messageEdited,
  messageFailed,
  messageKept,
  messagePinned,
  messageEventAnswer,
  messagePlayed,
  messagePollVote,
  messageProgress,
  messageReaction,
  messageReceived,
  messageUndecryptable,
} from './message-events.ts'
import {
  newsletterCounts,
  newsletterFailed,
  newsletterMessage,
  newsletterPosted,
  newsletterUpdated,
} from './newsletter-events.ts'
import {
  statusDeleted,
  statusFailed,
  statusPosted,
  statusReaction,
  statusReceived,
  statusViewed,
} from './status-events.ts'
import {
  sessionConnected,
  sessionDisconnected,
  sessionQr,
  sessionStateChanged,
  sessionSynced,
} from './session-events.ts'
import { contactAbout, contactBlocked, contactPicture, presenceUpdate } from './people-events.ts'
import { webhookDisabled } from './webhook-event-data.ts'

/** `data` of every event as it is stored, streamed, pulled, and sent by the `standard` webhook preset. */
export const eventData = {
  'session.state': sessionStateChanged,
  'session.connected': sessionConnected,
  'session.disconnected': sessionDisconnected,
  'session.qr': sessionQr,
  'session.sync': sessionSynced,
  'message.received': messageReceived,
  'message.sent': messageProgress,
  'message.delivered': messageProgress,
  'message.read': messageProgress,
  'message.played': messagePlayed,
  'message.failed': messageFailed,
  'message.undecryptable': messageUndecryptable,
  'message.reaction': messageReaction,
  'message.edited': messageEdited,
  'message.deleted': messageDeleted,
  'message.pinned': messagePinned,
  'message.kept': messageKept,
  'message.poll_vote': messagePollVote,
  'message.event_answer': messageEventAnswer,
  'media.downloaded': mediaDownloaded,
  'media.failed': mediaFailed,
  'contact.updated': contactUpdated,
  'contact.merged': contactMerged,
  'contact.blocked': contactBlocked,
  'contact.unblocked': contactBlocked,
  'contact.picture': contactPicture,
  'contact.about': contactAbout,
  'presence.update': presenceUpdate,
  'chat.archived': chatArchived,
  'chat.unarchived': chatArchived,
  'status.received': statusReceived,
  'status.posted': statusPosted,
  'status.failed': statusFailed,
  'status.viewed': statusViewed,
  'status.reaction': statusReaction,
  'status.deleted': statusDeleted,
  'chat.updated': chatUpdated,
  'chat.cleared': chatEmptied,
  'chat.deleted': chatEmptied,
  'chat.transferred': chatTransferred,
  'label.updated': labelUpdated,
  'label.deleted': labelDeleted,
  'label.assigned': labelAssigned,
  'label.unassigned': labelAssigned,
  'quick_reply.updated': quickReplyUpdated,
  'quick_reply.deleted': quickReplyDeleted,
  'newsletter.message': newsletterMessage,
  'newsletter.counts': newsletterCounts,
  'newsletter.posted': newsletterPosted,
  'newsletter.failed': newsletterFailed,
  'newsletter.updated': newsletterUpdated,
  'group.joined': groupJoined,
  'group.updated': groupUpdated,
  'group.participants': groupParticipants,
  'group.join_request': groupJoinRequest,
  'call.received': callReceived,
  'call.accepted': callAccepted,
  'call.rejected': callRejected,
  'call.missed': callMissed,
  'call.ended': callEnded,
  'webhook.disabled': webhookDisabled,
} as const satisfies Record<EventType, z.ZodType<object>>

/** `data` of one type of event. */
export type EventData<Type extends EventType> = z.infer<(typeof eventData)[Type]>
