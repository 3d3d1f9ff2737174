import type { GroupMetadata, WASocket } from '../baileys.ts'
import { WAMessageAddressingMode } from '../baileys.ts'

import {
  isGroup,
  isLid,
  isPn,
  type Jid,
  type OwnDeedTarget,
  tryParseJid,
  withoutDevice,
} from '@inbox-hub/whatsapp'

/** By which of their addresses a deed names who wrote the message, and who does something to it. */
export interface Naming {
  author: 'lid' | 'pn'
  doer: 'lid' | 'pn'
}

export interface People {
  author: Jid
  doer: Jid
}

/**
 * How people are named in a chat: what is sealed opens under no other addresses in a group. Chats with one person are as their own address is.
 * Source: WhatsApp Web `WAWebLidMigrationUtils.getMeUserLidOrJidForChat`, whatsmeow `EncryptPollVote`; docs/protocol/messages.md.
 *
 * @param group - of a group, as baileys decides by it how the stanza is addressed
 */
export function namingIn(
  chat: Jid,
  group: Pick<GroupMetadata, 'addressingMode' | 'isCommunityAnnounce'> | undefined,
): Naming {
  const isByLid = isGroup(chat) ? group?.addressingMode !== WAMessageAddressingMode.PN : isLid(chat)
  const author = isByLid ? 'lid' : 'pn'
  return { author, doer: group?.isCommunityAnnounce === true ? 'lid' : author }
}

/** The people of a deed, as `naming` wants them where that address is known. */
export async function peopleOf(
  target: OwnDeedTarget,
  naming: Naming,
  me: { pn: Jid; lid: Jid | undefined },
  { lidMapping }: Pick<WASocket['signalRepository'], 'lidMapping'>,
): Promise<People> {
  const self = (by: Naming['doer']): Jid => (by === 'lid' ? (me.lid ?? me.pn) : me.pn)
  const doer = self(naming.doer)
  if (target.fromMe) return { author: self(naming.author), doer }
  const { author } = target
  if (naming.author === 'lid' ? isLid(author) : isPn(author)) return { author, doer }
  const other =
    naming.author === 'lid' ? await lidMapping.getLIDForPN(author) : await lidMapping.getPNForLID(author)
  const named = tryParseJid(other ?? '')
  return { author: named === undefined ? author : withoutDevice(named), doer }
}
