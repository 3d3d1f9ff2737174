import { type Endpoint, HubError, mayAs, type Role, roleOf, type Scope, scopeOf } from '@inbox-hub/contract'
import ipaddr from 'ipaddr.js'

/** What a key or a login opens. Parts left out are not limited. */
export interface Grant {
  /** The organization; 0: none, where a person asks for themselves. */
  readonly ownerId: number
  /** The person, when it is a login. */
  readonly userId?: number | undefined
  /** What the person is in the organization. */
  readonly role?: Role | undefined
  /** Which key it is, never the key itself. */
  readonly keyId?: string | undefined
  readonly scopes?: ReadonlySet<Scope> | undefined
  /** Numbers of sessions. */
  readonly sessions?: ReadonlySet<number> | undefined
  /** Networks it may be used from, as in `10.0.0.0/8`. */
  readonly networks?: readonly string[] | undefined
  /** Whether it would be given now: the key still works, the person is still logged in and a member. For what stays open. */
  readonly isStanding?: (() => Promise<boolean>) | undefined
}

/** Operations that show what of all sessions the key may see, by themselves. */
const chooses: ReadonlySet<string> = new Set(['listSessions', 'createEventTicket'])

/** Before the body is read. @throws {HubError} AUTHORIZATION_FAILED */
export function refuseBeyondGrant({ scopes, networks }: Grant, endpoint: Endpoint, ip: string): void {
  if (networks !== undefined && !networks.some((network) => isIn(ip, network)))
    throw new HubError('AUTHORIZATION_FAILED', { address: ip })
  if (endpoint.auth === 'user') return
  const scope = scopeOf(endpoint)
  if (!holds({ scopes }, scope)) throw new HubError('AUTHORIZATION_FAILED', { scope })
}

/** Whether a grant has a scope. */
export function holds({ scopes }: Pick<Grant, 'scopes'>, scope: Scope): boolean {
  return scopes === undefined || scopes.has('admin') || scopes.has(scope)
}

/** @throws {HubError} AUTHORIZATION_FAILED when the person's role is less than the operation takes */
export function refuseBelowRole({ role }: Grant, endpoint: Endpoint): void {
  const needed = roleOf(endpoint)
  if (needed !== 'self' && role !== undefined && !mayAs(role, needed))
    throw new HubError('AUTHORIZATION_FAILED', { role: needed })
}

/** A key of some sessions sees these, by any of the names a request gives them. @throws {HubError} SESSION_NOT_FOUND */
export function refuseOtherSessions(
  { sessions }: Grant,
  part: unknown,
  numberOf: (ref: string) => number | undefined,
): void {
  if (sessions === undefined) return
  for (const ref of refsIn(part)) {
    const number = numberOf(ref)
    if (number === undefined || !sessions.has(number)) throw new HubError('SESSION_NOT_FOUND')
  }
}

/** What is not asked of a session is closed to such a key. @throws {HubError} AUTHORIZATION_FAILED */
export function refuseWithoutSession(
  { sessions }: Grant,
  endpoint: Endpoint,
  parts: readonly unknown[],
): void {
  if (sessions === undefined || chooses.has(endpoint.id) || parts.flatMap(refsIn).length > 0) return
  throw new HubError('AUTHORIZATION_FAILED', { sessionId: 'required: this key is limited to some sessions' })
}

function refsIn(part: unknown): string[] {
  // Path, query and body, which are plain objects by then.
  // A list of sessions in a body (a filter, what a key is limited to) does not say whose the thing is that the path names.
  const { ref, sessionId, fromSessionId } = (part ?? {}) as Record<string, unknown>
  return [ref, sessionId, fromSessionId].flatMap((each) =>
    typeof each === 'string' || typeof each === 'number' ? [String(each)] : [],
  )
}

function isIn(ip: string, network: string): boolean {
  if (!ipaddr.isValid(ip)) return false
  const address = ipaddr.process(ip)
  const [base, bits] = network.includes('/') ? ipaddr.parseCIDR(network) : [ipaddr.parse(network), undefined]
  if (address.kind() !== base.kind()) return false
  return address.match(base, bits ?? (base.kind() === 'ipv4' ? 32 : 128))
}
