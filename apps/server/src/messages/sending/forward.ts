import { HubError } from '@inbox-hub/contract'
import { type MessageContent, plainKinds } from '@inbox-hub/whatsapp'

/**
 * A message as it is passed on: what it says, without whom it answered and named, marked as forwarded once more. Throws
 * `KIND_NOT_FORWARDABLE`.
 */
export function forwarded(content: MessageContent): MessageContent {
  if (content.kind === 'undecryptable' || !isForwardable(content.kind)) {
    throw new HubError('KIND_NOT_FORWARDABLE', { kind: content.kind })
  }
  const {
    quoted: _,
    mentions: __,
    expiresInS: ___,
    albumId: ____,
    ad: _____,
    forwarded: times = 0,
    ...said
  } = content
  return { ...said, forwarded: times + 1 }
}

/** A poll or an event would be another one, without the answers. */
function isForwardable(kind: MessageContent['kind']): boolean {
  return kind !== 'poll' && kind !== 'event' && plainKinds.some((plain) => plain === kind)
}
