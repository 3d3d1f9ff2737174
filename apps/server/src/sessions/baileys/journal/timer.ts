import { proto } from '../baileys.ts'

import { isPerson } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../acquaintances.ts'
import { isMissing } from '../missing.ts'
import { unwrapped } from './content.ts'
import type { Envelope } from './envelope.ts'

const { EPHEMERAL_SETTING } = proto.Message.ProtocolMessage.Type

/** What tells the other side, and our own devices, how long messages live from `now` (Unix ms) on. Source: whatsmeow `SetDisappearingTimer`. */
export function timerMessage(seconds: number, now: number): proto.IMessage {
  const ephemeralSettingTimestamp = Math.floor(now / 1000)
  return {
    protocolMessage: { type: EPHEMERAL_SETTING, ephemeralExpiration: seconds, ephemeralSettingTimestamp },
  }
}

/** That either side of a chat set how long its messages live. Groups tell it in a notification. */
export function timerIn(
  sessionId: number,
  { chat }: Envelope,
  message: proto.IMessage,
): readonly Acquaintance[] {
  const protocol = unwrapped(message).inner.protocolMessage
  if (isMissing(protocol) || protocol.type !== EPHEMERAL_SETTING || !isPerson(chat)) return []
  const seconds = protocol.ephemeralExpiration ?? 0
  const disappearingSeconds = Number.isSafeInteger(seconds) && seconds > 0 ? seconds : 0
  return [{ type: 'chat', sessionId, jid: chat, disappearingSeconds }]
}
