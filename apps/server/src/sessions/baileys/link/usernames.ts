import { LRUCache } from 'lru-cache'

import type { BinaryNode } from '../baileys.ts'

import { isPerson, type Jid } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../acquaintances.ts'
import { addressIn } from '../journal/envelope.ts'

/** Which attribute names the person that a username is of. */
const named = {
  participant_username: 'participant',
  recipient_username: 'recipient',
  peer_recipient_username: 'recipient',
} as const

/**
 * The usernames that a stanza tells: of who wrote it, of whom a copy is for, of the members it names. Pure. Source: baileys
 * Utils/decode-wa-message.js, Socket/messages-recv.js (`handleGroupNotification`).
 */
export function usernamesIn({ attrs, content }: BinaryNode): readonly { jid: Jid; username: string }[] {
  const own = Object.entries(named).map(([name, whose]) => ({
    jid: addressIn(attrs, whose),
    username: attrs[name],
  }))
  const children = Array.isArray(content) ? content : []
  const members = children
    .flatMap((child) => (Array.isArray(child.content) ? child.content : []))
    .filter(({ tag }) => tag === 'participant')
    .map((member) => ({
      jid: addressIn(member.attrs, 'jid'),
      username: member.attrs['participant_username'] ?? member.attrs['username'],
    }))
  return [...own, ...members].flatMap(({ jid, username }) =>
    jid === undefined || !isPerson(jid) || username === undefined || username === ''
      ? []
      : [{ jid, username }],
  )
}

/** What stanzas tell of usernames, once each: every message of somebody may repeat theirs. */
export class Usernames {
  readonly #known = new LRUCache<Jid, string>({ max: 1000 })

  /** What is news in a stanza. */
  newsIn(stanza: BinaryNode, sessionId: number): readonly Acquaintance[] {
    return usernamesIn(stanza).flatMap(({ jid, username }): Acquaintance[] => {
      if (this.#known.get(jid) === username) return []
      this.#known.set(jid, username)
      return [{ type: 'contact', sessionId, jid, username }]
    })
  }
}
