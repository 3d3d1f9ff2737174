import { proto } from '../baileys.ts'

import { isGroup, isPerson, type Jid, sameAccount, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Self } from '../journal/envelope.ts'

/** A call to the account, or made by it, that is over, as its phone lists it. */
export interface PastCall {
  callId: string
  /** Who called: for one that the account made, itself. */
  creator: Jid
  outgoing: boolean
  /** Whom the account called; undefined for a group, and when it was called itself. */
  callee: Jid | undefined
  group: Jid | undefined
  isVideo: boolean
  outcome: 'ended' | 'rejected' | 'missed'
  /** Unix ms. */
  startedAt: number
  /** Of talk. */
  seconds: number
}

const { CallResult } = proto.CallLogRecord
/** What became of it; the others are not over, or never rang. */
const outcomes: Readonly<Record<number, PastCall['outcome'] | undefined>> = {
  [CallResult.CONNECTED]: 'ended',
  [CallResult.ACCEPTEDELSEWHERE]: 'ended',
  [CallResult.REJECTED]: 'rejected',
  [CallResult.CANCELLED]: 'missed',
  [CallResult.MISSED]: 'missed',
  [CallResult.UNAVAILABLE]: 'missed',
  [CallResult.FAILED]: 'missed',
  [CallResult.ABANDONED]: 'missed',
}
/** A moment in seconds is below this until the year 5138. */
const leastMs = 100_000_000_000

/**
 * The call of a `CallLogRecord`; undefined when it is not over, or does not say with whom it was. Who called says which way it went:
 * `isIncoming` is what it says only when the phone wrote it, and the other way round when WhatsApp Web did. Of a record without its creator
 * that is the account. Pure. Source: WAProto of baileys; WhatsApp Web `WAWebVoipActionWriteCallLogSync`.
 *
 * @param beside - what stands beside the record, of which it may lack a part
 */
export function pastCallOf(
  record: proto.ICallLogRecord,
  self: Self,
  beside: { callId?: string | undefined; creator?: string | undefined } = {},
): PastCall | undefined {
  const callId = record.callId || beside.callId
  const own = self.lid ?? self.pn
  const creator = personIn(record.callCreatorJid || beside.creator) ?? (own && withoutDevice(own))
  const groupJid = tryParseJid(record.groupJid ?? '')
  const group = groupJid !== undefined && isGroup(groupJid) ? groupJid : undefined
  const outcome = outcomes[record.callResult ?? CallResult.INVALID]
  const started = Number(record.startTime ?? 0)
  if (!callId || creator === undefined || outcome === undefined || !(started > 0)) return undefined
  const isOwn = (jid: Jid): boolean =>
    [self.lid, self.pn].some((form) => form !== undefined && sameAccount(form, jid))
  const outgoing = isOwn(creator)
  const callee =
    outgoing && group === undefined
      ? record.participants
          ?.map(({ userJid }) => personIn(userJid))
          .find((jid) => jid !== undefined && !isOwn(jid))
      : undefined
  if (outgoing && (group ?? callee) === undefined) return undefined
  return {
    callId,
    creator,
    outgoing,
    callee,
    group,
    isVideo: record.isVideo === true,
    outcome,
    startedAt: started < leastMs ? started * 1000 : started,
    seconds: Math.max(0, Number(record.duration ?? 0)),
  }
}

function personIn(text: string | null | undefined): Jid | undefined {
  const jid = tryParseJid(text ?? '')
  return jid !== undefined && isPerson(jid) ? withoutDevice(jid) : undefined
}
