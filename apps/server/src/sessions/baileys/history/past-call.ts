import { proto } from '../baileys.ts'

import { isGroup, isPerson, type Jid, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

/** A call to the account that is over, as its phone lists it. */
export interface PastCall {
  callId: string
  creator: Jid
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

/** The call of a `CallLogRecord`; undefined when the account made it, or it is not over. Pure. Source: WAProto of baileys. */
export function pastCallIn(bytes: Uint8Array): PastCall | undefined {
  const { callId, callCreatorJid, groupJid, callResult, ...record } = proto.CallLogRecord.decode(bytes)
  const creator = tryParseJid(callCreatorJid ?? '')
  const group = tryParseJid(groupJid ?? '')
  const outcome = outcomes[callResult ?? CallResult.INVALID]
  const started = Number(record.startTime ?? 0)
  if (!callId || creator === undefined || !isPerson(creator) || outcome === undefined) return undefined
  if (record.isIncoming !== true || !(started > 0)) return undefined
  return {
    callId,
    creator: withoutDevice(creator),
    group: group !== undefined && isGroup(group) ? group : undefined,
    isVideo: record.isVideo === true,
    outcome,
    startedAt: started < leastMs ? started * 1000 : started,
    seconds: Math.max(0, Number(record.duration ?? 0)),
  }
}
