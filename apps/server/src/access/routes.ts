import { endpoints, HubError, isoOf } from '@inbox-hub/contract'

import type { Http } from '../platform/http/index.ts'
import type { Access } from './index.ts'

/** Keys of the caller's owner: whoever holds one may make and revoke others, as on any server it has the run of. */
export function keyRoutes(http: Pick<Http, 'serve'>, access: Access): void {
  const own = async (ownerId: number) => (await access.listKeys()).filter((key) => key.ownerId === ownerId)

  http.serve(endpoints.listKeys, async ({ ownerId }) => {
    const keys = await own(ownerId)
    return {
      data: {
        keys: keys.map(({ id, name, createdAt, lastUsedAt, revokedAt }) => ({
          id,
          name,
          createdAt: isoOf(createdAt),
          lastUsedAt: lastUsedAt === undefined ? null : isoOf(lastUsedAt),
          revokedAt: revokedAt === undefined ? null : isoOf(revokedAt),
        })),
      },
    }
  })

  http.serve(endpoints.createKey, async ({ ownerId, body: { name } }) => {
    const { id, key } = await access.createKey({ ownerId, name })
    return { data: { id, name, key } }
  })

  http.serve(endpoints.revokeKey, async ({ ownerId, params: { id } }) => {
    const isOwn = (await own(ownerId)).some((key) => key.id === id)
    if (!isOwn || !(await access.revokeKey(id))) throw new HubError('API_KEY_NOT_FOUND')
    return { data: { id, revoked: true as const } }
  })
}
