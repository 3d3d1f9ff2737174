import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild } from '../baileys.ts'

import { isGroup, isLid, isPerson, type Jid, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'
import type { GroupPerson } from './group-nodes.ts'

/** What WhatsApp tells of a call that somebody makes to us. */
export interface CallSignal {
  is: 'offer' | 'accept' | 'reject' | 'terminate'
  callId: string
  /** Who called. */
  creator: GroupPerson
  /** The account the signal comes from: whoever calls, or one of us. */
  from: Jid
  isVideo: boolean
  isGroup: boolean
  group: Jid | undefined
  /** Why it ended: `timeout`, `accepted_elsewhere`, `rejected_elsewhere`, …; undefined when the caller hung up. */
  reason: string | undefined
  /** Unix ms, WhatsApp's clock. */
  at: number
  /** It waited at WhatsApp while we were away. */
  offline: boolean
}

/** Of a call's many stanzas, those that decide what becomes of it. `offer_notice` stands for the offer of a call we may only hear of. */
const kinds: Readonly<Record<string, CallSignal['is']>> = {
  offer: 'offer',
  offer_notice: 'offer',
  accept: 'accept',
  reject: 'reject',
  terminate: 'terminate',
}

/**
 * What a `<call>` tells; undefined for what only the two ends of a connection need (transport, latency). Pure. Source: baileys
 * Socket/messages-recv.js (`handleCall`), whatsmeow call.go.
 */
export function callSignalIn({ attrs, content }: BinaryNode, receivedAt: number): CallSignal | undefined {
  const [child] = Array.isArray(content) ? content : []
  const is = child === undefined ? undefined : kinds[child.tag]
  const from = addressIn(attrs, 'from')
  const callId = child?.attrs['call-id']
  if (child === undefined || is === undefined || from === undefined || callId === undefined || callId === '')
    return undefined
  const creator = addressIn(child.attrs, 'call-creator') ?? addressIn(child.attrs, 'from') ?? from
  if (!isPerson(creator)) return undefined
  const other = tryParseJid(child.attrs[isLid(creator) ? 'caller_pn' : 'caller_lid'] ?? '')
  const group = addressIn(child.attrs, 'group-jid')
  const seconds = Number(attrs['t'])
  return {
    is,
    callId,
    creator: { jid: creator, alt: other === undefined ? undefined : withoutDevice(other) },
    from,
    isVideo: getBinaryNodeChild(child, 'video') !== undefined || child.attrs['media'] === 'video',
    isGroup: child.attrs['type'] === 'group' || group !== undefined,
    group: group !== undefined && isGroup(group) ? group : undefined,
    reason: child.attrs['reason'],
    at: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : receivedAt,
    offline: attrs['offline'] !== undefined,
  }
}

/** The stanza that refuses a call; WhatsApp answers it with an ack. Source: whatsmeow call.go (`RejectCall`). */
export function rejectionOf({ id, creator }: { id: string; creator: Jid }, me: Jid): BinaryNode {
  return {
    tag: 'call',
    attrs: { from: me, to: creator },
    content: [{ tag: 'reject', attrs: { 'call-id': id, 'call-creator': creator, count: '0' } }],
  }
}
