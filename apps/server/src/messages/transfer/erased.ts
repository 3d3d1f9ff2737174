import '../tables.ts'

import { type Jid, lidOf, parseJid, pnOf } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Database, Tx } from '../../platform/database/index.ts'
import type { MessageChangeRow } from '../change-rows.ts'
import type { MessageRow } from '../message-rows.ts'
import { jsonWithoutPerson, withoutPerson } from '../redaction.ts'

/** What was erased in the session that takes a chat over, as it bears on what comes from the other one. */
export interface ErasedThere {
  /** Whether somebody was erased there, by any of the addresses that the two sessions know; not whether they wrote since. */
  isErased(jid: Jid): boolean
  /** Whether a message is from before its author, or whose chat it is in, was erased. */
  isGone(row: Pick<MessageRow, 'chat_jid' | 'sender_jid' | 'sent_at' | 'stored_at'>): boolean
  /** The same of what somebody did to a message, or of their receipt for it. */
  isGoneSince(jid: string, at: number): boolean
  /** The message as erasing leaves those of others: without whom it mentions, what it quotes of them, cards of them. */
  redacted<Row extends Pick<MessageRow, 'body' | 'content' | 'sent_at' | 'stored_at'>>(row: Row): Row
  redactedChange(change: MessageChangeRow): MessageChangeRow
}

/** WhatsApp tells when something was sent in seconds, ms. */
const clockStep = 1000

/** `jids`: everybody it will be asked about by address. */
export async function erasedThere(
  on: Tx | Database,
  { addresses, erased }: Pick<Chats, 'addresses' | 'erased'>,
  { from, to }: { from: number; to: number },
  jids: readonly Jid[],
): Promise<ErasedThere> {
  const [since, shown, canonical] = await Promise.all([
    erased.since(on, to),
    addresses.shown(
      on,
      jids.map((jid) => ({ sessionId: from, jid })),
    ),
    addresses.canonical(
      on,
      jids.map((jid) => ({ sessionId: to, jid })),
    ),
  ])
  const erasedAt = (jid: Jid): number =>
    Math.max(...[jid, shown(from, jid), canonical(to, jid)].map((each) => since(each) ?? -Infinity))
  const stood = (
    { sent_at: at, stored_at: storedAt }: Pick<MessageRow, 'sent_at' | 'stored_at'>,
    when: number,
  ) => at <= when && !(at > when - clockStep && storedAt > when)

  /** The digits in texts that are somebody's who was erased after these were written. */
  function digitsOf(texts: readonly string[], isBefore: (when: number) => boolean): string[] {
    const found = new Set(texts.flatMap((text) => text.match(/\d{5,20}/g) ?? []))
    return [...found].filter((each) =>
      isBefore(Math.max(...[pnOf(each), lidOf(each)].map((jid) => since(jid) ?? -Infinity))),
    )
  }

  return {
    isErased: (jid) => erasedAt(jid) !== -Infinity,
    isGone: (row) =>
      [row.chat_jid, row.sender_jid].some((jid) => jid !== '' && stood(row, erasedAt(parseJid(jid)))),
    isGoneSince: (jid, at) => jid !== '' && at <= erasedAt(parseJid(jid)),
    redacted(row) {
      const digits = digitsOf([row.body, row.content ?? ''], (when) => stood(row, when))
      if (digits.length === 0) return row
      const content = row.content === null ? null : jsonWithoutPerson({ digits }, row.content)
      return { ...row, body: withoutPerson({ digits }, row.body), content }
    },
    redactedChange(change) {
      const digits = digitsOf([change.value], (when) => change.changed_at <= when)
      return digits.length === 0 ? change : { ...change, value: withoutPerson({ digits }, change.value) }
    },
  }
}
