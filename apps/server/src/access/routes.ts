import { type DataOf, endpoints, HubError, isoOf, type RequestOf } from '@inbox-hub/contract'

import type { Http } from '../platform/http/index.ts'
import type { Access } from './index.ts'

export interface KeyRoutesDeps {
  access: Access
  /** The number of an owner's session. @throws {HubError} SESSION_NOT_FOUND */
  sessionNumber: (ownerId: number, ref: string) => number
  /** What a session is called; undefined when it is gone. */
  sessionName: (id: number) => string | undefined
}

/** Makes a key as the API asks for one. @throws {HubError} SESSION_NOT_FOUND */
export async function makeKeyFor(
  ownerId: number,
  { sessions, ...options }: RequestOf<typeof endpoints.createKey>['body'],
  { access, sessionNumber }: Pick<KeyRoutesDeps, 'access' | 'sessionNumber'>,
): Promise<DataOf<typeof endpoints.createKey>> {
  const numbers = sessions?.map((ref) => sessionNumber(ownerId, ref))
  const { id, key } = await access.createKey({ ...options, ownerId, sessions: numbers })
  return { id, name: options.name, key }
}

/** Keys of the caller's owner: whoever holds one may make and revoke others, as on any server it has the run of. */
export function keyRoutes(
  http: Pick<Http, 'serve'>,
  { access, sessionNumber, sessionName }: KeyRoutesDeps,
): void {
  const own = async (ownerId: number) => (await access.listKeys()).filter((key) => key.ownerId === ownerId)
  const maybeIso = (at: number | undefined): string | null => (at === undefined ? null : isoOf(at))

  http.serve(endpoints.listKeys, async ({ ownerId }) => {
    const keys = await own(ownerId)
    return {
      data: {
        keys: keys.map(({ id, name, createdAt, lastUsedAt, revokedAt, expiresAt, limits }) => ({
          id,
          name,
          createdAt: isoOf(createdAt),
          lastUsedAt: maybeIso(lastUsedAt),
          revokedAt: maybeIso(revokedAt),
          expiresAt: maybeIso(expiresAt),
          scopes: limits.scopes === undefined ? null : [...limits.scopes],
          sessions: limits.sessions?.map((number) => sessionName(number) ?? String(number)) ?? null,
          networks: limits.networks === undefined ? null : [...limits.networks],
        })),
      },
    }
  })

  http.serve(endpoints.createKey, async ({ ownerId, body }) => ({
    data: await makeKeyFor(ownerId, body, { access, sessionNumber }),
  }))

  async function refuseOthers(ownerId: number, id: string): Promise<void> {
    if (!(await own(ownerId)).some((key) => key.id === id)) throw new HubError('API_KEY_NOT_FOUND')
  }

  http.serve(endpoints.rotateKey, async ({ ownerId, params: { id }, body: { overlapHours = 24 } }) => {
    await refuseOthers(ownerId, id)
    const made = await access.rotateKey(id, overlapHours * 3_600_000)
    if (made === undefined) throw new HubError('API_KEY_NOT_FOUND')
    return { data: { ...made, oldKeyWorksUntil: isoOf(made.oldKeyWorksUntil) } }
  })

  http.serve(endpoints.revokeKey, async ({ ownerId, params: { id } }) => {
    await refuseOthers(ownerId, id)
    if (!(await access.revokeKey(id))) throw new HubError('API_KEY_NOT_FOUND')
    return { data: { id, revoked: true as const } }
  })
}
