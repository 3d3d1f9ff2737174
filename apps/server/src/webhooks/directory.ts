import type { KeyObject } from 'node:crypto'

import { boundedCache } from '../platform/bounded-cache.ts'
import type { SessionView } from '../sessions/index.ts'
import type { Gone } from './gone.ts'
import { spellingsOf, type WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import { presets } from './presets/index.ts'
import { signingKey } from './signing.ts'
import type { EndpointNumber } from './tables.ts'

/** Keys of so many receivers are kept ready; making one costs microseconds. */
const keysKept = 2000

/** The server's Frappe, as the operator configured it. */
export interface Frappe {
  url: string
  secret: string | undefined
}

export interface DirectoryDeps {
  sessions: { view(id: number): SessionView | undefined }
  /** The server's own receiver, for sessions that send to Frappe and have no webhook. */
  frappe: Frappe | undefined
  store: Pick<EndpointStore, 'get' | 'ofOwner'>
  /** Signs for receivers that set no secret: the CRM refuses unsigned calls before it looks at its own secret. */
  installationKey: KeyObject
}

/** Who is told of what: every endpoint, whether it is an organisation's, a session's own or the server's Frappe. */
export interface Directory {
  /** Who is told of a session's events: its own webhook, else, where it sends there, Frappe; and its organisation's. */
  endpointsOf(session: SessionView): readonly WebhookEndpoint[]
  /** The own webhook of a session, or the server's Frappe for it. */
  ownOf(session: SessionView): WebhookEndpoint | undefined
  /** Where a delivery goes now. */
  find(number: EndpointNumber, sessionId: number): WebhookEndpoint | Gone
}

const none: readonly WebhookEndpoint[] = []

export function createDirectory({ sessions, frappe, store, installationKey }: DirectoryDeps): Directory {
  const keys = boundedCache<string, KeyObject>(keysKept)
  /** By the settings of the session, which are replaced when they change. */
  const own = new WeakMap<SessionView['webhook'], readonly WebhookEndpoint[]>()

  function keyOf(secret: string | undefined): KeyObject {
    if (secret === undefined) return installationKey
    let key = keys.get(secret)
    if (key === undefined) {
      key = signingKey(secret)
      keys.set(secret, key)
    }
    return key
  }

  function whole(
    number: EndpointNumber,
    { url, secret }: { url: string; secret: string | undefined },
    { events, preset }: Pick<SessionView['webhook'], 'events' | 'preset'>,
    chosenBy: WebhookEndpoint['chosenBy'],
  ): WebhookEndpoint {
    const { ordered, timeoutMs, check } = presets[preset]
    return {
      number,
      url,
      preset,
      events,
      sessions: undefined,
      chats: undefined,
      headers: undefined,
      key: keyOf(secret),
      oldKey: undefined,
      secrets: secret === undefined ? [] : spellingsOf(secret),
      chosenBy,
      ordered,
      timeoutMs,
      check,
      delaysMs: undefined,
      heldUntil: 0,
    }
  }

  function ownListOf({ id, webhook, sendToFrappe }: SessionView): readonly WebhookEndpoint[] {
    const { url } = webhook
    // Without a URL of its own it depends on a switch beside these settings.
    if (url === undefined && !sendToFrappe) return none
    let list = own.get(webhook)
    if (list === undefined) {
      if (url !== undefined) list = [whole(-id, { ...webhook, url }, webhook, 'stranger')]
      else
        list = frappe === undefined ? none : [whole(0, frappe, { ...webhook, preset: 'legacy' }, 'operator')]
      own.set(webhook, list)
    }
    return list
  }

  return {
    endpointsOf(session) {
      const stored = store.ofOwner(session.ownerId)
      const list = ownListOf(session)
      if (stored.length === 0) return list
      const active = stored.filter(({ state }) => state.at === 'active')
      return [...list, ...active.map(({ endpoint }) => endpoint)]
    },
    ownOf: (session) => ownListOf(session)[0],
    find(number, sessionId) {
      if (number > 0) {
        const found = store.get(number)
        if (found === undefined) return 'removed'
        return found.state.at === 'active' ? found.endpoint : 'disabled'
      }
      const session = sessions.view(sessionId)
      if (session === undefined) return 'removed'
      if (number < 0) {
        const endpoint = ownListOf(session)[0]
        return endpoint?.number === number ? endpoint : 'removed'
      }
      // Owed to Frappe already: it goes there even if the session has got a webhook of its own since.
      return frappe === undefined
        ? 'removed'
        : whole(0, frappe, { ...session.webhook, preset: 'legacy' }, 'operator')
    },
  }
}
