import type { Endpoint } from './endpoint.ts'

/** What an API key may be limited to. `admin` is everything, keys included; a key without scopes may do everything too. */
export const scopes = [
  'sessions:read',
  'sessions:write',
  'sessions:pair',
  'messages:read',
  'messages:send',
  'contacts:read',
  'contacts:write',
  'chats:read',
  'chats:write',
  'groups:read',
  'groups:write',
  'statuses:read',
  'statuses:write',
  'calls:read',
  'calls:write',
  'media:read',
  'media:write',
  'webhooks:read',
  'webhooks:write',
  'events:read',
  'admin',
] as const
export type Scope = (typeof scopes)[number]

/** What reading and what changing takes, by where an operation stands; the longest beginning decides. */
const byPath: Readonly<Record<string, { read: Scope; write: Scope }>> = {
  '/api/sessions': { read: 'sessions:read', write: 'sessions:write' },
  '/api/messages': { read: 'messages:read', write: 'messages:send' },
  '/api/search': { read: 'messages:read', write: 'messages:read' },
  '/api/contacts': { read: 'contacts:read', write: 'contacts:write' },
  '/api/chats': { read: 'chats:read', write: 'chats:write' },
  '/api/labels': { read: 'chats:read', write: 'chats:write' },
  '/api/quick-replies': { read: 'chats:read', write: 'chats:write' },
  '/api/groups': { read: 'groups:read', write: 'groups:write' },
  '/api/communities': { read: 'groups:read', write: 'groups:write' },
  '/api/status': { read: 'statuses:read', write: 'statuses:write' },
  '/api/channels': { read: 'statuses:read', write: 'statuses:write' },
  '/api/newsletters': { read: 'statuses:read', write: 'statuses:write' },
  '/api/shops': { read: 'contacts:read', write: 'contacts:write' },
  '/api/calls': { read: 'calls:read', write: 'calls:write' },
  '/api/media': { read: 'media:read', write: 'media:write' },
  '/api/webhooks': { read: 'webhooks:read', write: 'webhooks:write' },
  '/api/events': { read: 'events:read', write: 'events:read' },
  '/api/keys': { read: 'admin', write: 'admin' },
}

/** Whoever has a code has the account. */
const pairing: ReadonlySet<string> = new Set(['getQr', 'requestPairingCode'])

/** The scope an operation takes. Throws for one that no rule speaks of: what is new is closed until somebody says otherwise. */
export function scopeOf({ id, method, path }: Pick<Endpoint, 'id' | 'method' | 'path'>): Scope {
  if (pairing.has(id)) return 'sessions:pair'
  const [, api, area] = path.split('/')
  const rule = byPath[`/${api}/${area}`]
  if (rule === undefined) throw new Error(`No scope is said for ${method} ${path}: add it to scopes.ts.`)
  return method === 'GET' ? rule.read : rule.write
}
