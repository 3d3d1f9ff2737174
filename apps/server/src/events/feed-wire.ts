import type { FeedEvent } from '@inbox-hub/contract'

import type { StoredEvent } from './index.ts'

/** An event as the pull feed, the streams and the export show it. `name`: of its session. */
export function feedEvent(event: StoredEvent, name: string): FeedEvent {
  return {
    seq: event.seq,
    id: event.id,
    type: event.type,
    sessionId: name,
    sessionSeq: event.sessionSeq,
    timestamp: new Date(event.at).toISOString(),
    data: { ...event.data },
  }
}
