import type { KeyObject } from 'node:crypto'

import type { ChatKind } from '@inbox-hub/contract'

import type { StoredEvent } from '../events/index.ts'
import type { EndpointNumber, PresetName } from './tables.ts'
import type { ResponseCheck } from './verdict.ts'

/** Who is told of events, and how: an organisation's endpoint, the own webhook of a session, or the server's Frappe. */
export interface WebhookEndpoint {
  readonly number: EndpointNumber
  readonly url: string
  readonly preset: PresetName
  /** Names and aliases; none means the usual ones of the preset. */
  readonly events: readonly string[]
  /** Only events of these sessions; undefined: of all. */
  readonly sessions: ReadonlySet<number> | undefined
  /** Only events of such chats, and those of no chat; undefined: of all. */
  readonly chats: ReadonlySet<ChatKind> | undefined
  /** Sent beside those of the preset. */
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly key: KeyObject
  /** The former key, which signs too until then (Unix ms). */
  readonly oldKey: { readonly key: KeyObject; readonly until: number } | undefined
  /** What must not be shown, should a receiver repeat it: `spellingsOf` each, the longer before what is part of it. */
  readonly secrets: readonly string[]
  /** The operator's own receiver may be anywhere; a stranger's only on the public internet, or where the operator allows. */
  readonly chosenBy: 'stranger' | 'operator'
  readonly ordered: boolean
  readonly timeoutMs: number
  readonly check: ResponseCheck
  /** Before the 2nd, 3rd, … attempt, ms, in the place of the usual schedule. */
  readonly delaysMs: readonly number[] | undefined
  /** Nothing is sent before then, Unix ms; 0: it is not paused. */
  readonly heldUntil: number
}

/** Keys to sign with at `now`, Unix ms: the current one first. */
export function keysOf({ key, oldKey }: WebhookEndpoint, now: number): [KeyObject, ...KeyObject[]] {
  return oldKey !== undefined && now < oldKey.until ? [key, oldKey.key] : [key]
}

/** Whether the sessions and chats of an endpoint include an event; which types it listens to is read by its preset. */
export function isWithin({ sessions, chats }: WebhookEndpoint, event: StoredEvent): boolean {
  if (sessions !== undefined && !sessions.has(event.sessionId)) return false
  if (chats === undefined) return true
  const kind = chatKindOf(event)
  return kind === undefined || chats.has(kind)
}

/** The kind of chat an event is about; undefined when it is about none. */
function chatKindOf({ type, data }: StoredEvent): ChatKind | undefined {
  if (type.startsWith('status.')) return 'status'
  if ('isGroup' in data && data.isGroup === true) return 'group'
  const chat = 'chatId' in data ? data.chatId : 'groupId' in data ? data.groupId : undefined
  if (typeof chat !== 'string') return 'contactId' in data || 'callId' in data ? 'direct' : undefined
  if (chat.endsWith('@g.us')) return 'group'
  return chat.endsWith('@newsletter') ? 'newsletter' : 'direct'
}

/** What to look for in texts of a receiver that was sent `secret`: a token also stands without its scheme, and as JSON writes it. */
export function spellingsOf(secret: string): string[] {
  const token = /^\w+ +(\S{8,})$/.exec(secret)?.[1]
  const written = token === undefined ? [secret] : [secret, token]
  return [...new Set(written.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]))].filter(
    (text) => text !== '',
  )
}

/** `text` without the secrets of an endpoint, also when it was cut in the middle of one, as its `…` says. */
export function redact(text: string, { secrets }: WebhookEndpoint): string {
  return secrets.reduce((shown, secret) => {
    const whole = shown.replaceAll(secret, '***')
    if (!whole.endsWith('…')) return whole
    const last = whole.lastIndexOf(secret.slice(0, cutSecretKnownBy))
    const isCut = last !== -1 && secret.startsWith(whole.slice(last, -1))
    return isCut ? `${whole.slice(0, last)}***…` : whole
  }, text)
}

/** So many characters tell the beginning of a secret from other words. */
const cutSecretKnownBy = 8
