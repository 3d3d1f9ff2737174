import { type Endpoint, HubError, type Role, roleOf, scopesOfRole } from '@inbox-hub/contract'
import type { FastifyRequest } from 'fastify'

import type { Browser } from './browser.ts'
import type { Grant } from './grant.ts'

/** Somebody who is logged in. */
export interface Person {
  userId: number
  loginId: string
}

export const nobody: Person = { userId: 0, loginId: '' }

export interface CallersOptions {
  /** What a key opens; undefined when it is nobody's. */
  authenticate: (key: string) => Promise<Grant | undefined> | Grant | undefined
  /** Whose access token it is; undefined when nobody's. */
  authenticateUser?: ((token: string) => Promise<Person | undefined>) | undefined
  /** The organizations a person is a member of. */
  membershipsOf?: ((userId: number) => Promise<readonly { organizationId: number; role: Role }[]>) | undefined
  /** Whose ticket it was, using it up; undefined when nobody's. */
  redeemTicket?: ((ticket: string) => Grant | undefined) | undefined
}

/** Who asks, by what a request brings with it. */
export interface Callers {
  /** @throws {HubError} MISSING_API_KEY, INVALID_API_KEY, INVALID_TICKET, MISSING_TOKEN, INVALID_TOKEN, CROSS_SITE_REQUEST */
  identify(request: FastifyRequest, endpoint: Endpoint): Promise<{ grant: Grant } | { person: Person }>
  /**
   * What a person opens: the organization that the path, `X-Organization-Id` or the query names, or their only one.
   * @throws {HubError} ORGANIZATION_REQUIRED, ORGANIZATION_NOT_FOUND
   */
  admit(person: Person, request: FastifyRequest, endpoint: Endpoint): Promise<Grant>
}

/** A key or token longer than this is none of ours. */
const maxKeyLength = 512
const maxTokenLength = 4096

export function createCallers(
  { authenticate, authenticateUser, membershipsOf, redeemTicket }: CallersOptions,
  browser: Pick<Browser, 'accessToken'>,
): Callers {
  async function keyGrant(given: string): Promise<Grant> {
    const grant = given.length > maxKeyLength ? undefined : await authenticate(given)
    if (grant === undefined) throw new HubError('INVALID_API_KEY')
    return { ...grant, isStanding: async () => (await authenticate(given)) !== undefined }
  }

  const tokenOf = (request: FastifyRequest): string | undefined =>
    bearerOf(request) ?? browser.accessToken(request)

  async function personOf(token: string): Promise<Person> {
    const person = token.length > maxTokenLength ? undefined : await authenticateUser?.(token)
    if (person === undefined) throw new HubError('INVALID_TOKEN')
    return person
  }

  return {
    async identify(request, { auth }) {
      if (auth === 'user') {
        const token = tokenOf(request)
        if (token === undefined) throw new HubError('MISSING_TOKEN')
        return { person: await personOf(token) }
      }
      // Fastify makes an object of the query.
      const { ticket } = request.query as { ticket?: unknown }
      if (auth === 'caller-or-ticket' && typeof ticket === 'string' && ticket !== '') {
        const grant = redeemTicket?.(ticket)
        if (grant === undefined) throw new HubError('INVALID_TICKET')
        return { grant }
      }
      // With a key, whatever `Authorization` comes along is not looked at: old clients send stale ones.
      const key = request.headers['x-api-key']
      if (typeof key === 'string' && key.trim() !== '') return { grant: await keyGrant(key.trim()) }
      const token = tokenOf(request)
      if (token === undefined) throw new HubError('MISSING_API_KEY')
      return { person: await personOf(token) }
    },

    async admit({ userId }, request, endpoint) {
      if (roleOf(endpoint) === 'self') return { ownerId: 0, userId }
      const mine = (await membershipsOf?.(userId)) ?? []
      const named = organizationIn(request)
      const [only, ...others] =
        named === undefined ? mine : mine.filter(({ organizationId }) => String(organizationId) === named)
      if (only === undefined) throw new HubError('ORGANIZATION_NOT_FOUND')
      if (others.length > 0)
        throw new HubError('ORGANIZATION_REQUIRED', {
          organizations: mine.map(({ organizationId }) => organizationId).join(', '),
        })
      const { organizationId: ownerId, role } = only
      const token = tokenOf(request) ?? ''
      const isStanding = async (): Promise<boolean> => {
        const isLoggedIn = (await authenticateUser?.(token)) !== undefined
        const now = isLoggedIn ? await membershipsOf?.(userId) : undefined
        return now?.some((each) => each.organizationId === ownerId && each.role === role) === true
      }
      return { ownerId, userId, role, scopes: scopesOfRole(role), isStanding }
    },
  }
}

/** The organization that a path names must be the caller's. @throws {HubError} ORGANIZATION_NOT_FOUND */
export function refuseOtherOrganization({ ownerId }: Grant, { params }: FastifyRequest): void {
  const { organizationId } = params as { organizationId?: unknown }
  if (organizationId !== undefined && organizationId !== String(ownerId))
    throw new HubError('ORGANIZATION_NOT_FOUND')
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
}

/** Browsers that open a stream cannot send a header. */
function organizationIn({ params, query, headers }: FastifyRequest): string | undefined {
  const inPath = (params as { organizationId?: unknown }).organizationId
  const inQuery = (query as { organizationId?: unknown }).organizationId
  const named = [inPath, headers['x-organization-id'], inQuery].find(
    (each) => typeof each === 'string' && each !== '',
  )
  return typeof named === 'string' ? named.trim() : undefined
}
