import { type BinaryNode, proto } from '../../baileys.ts'
import { bytesOf, child, childrenOf, node } from '../../stanza.ts'
import type { LinkedDevice } from '../account.ts'
import type { AppState } from '../app-state.ts'
import type { Queries } from './query.ts'

/** Patches in one answer; WhatsApp has such a limit too, and says that there are more. */
const patchesPerAnswer = 50

/** `w:sync:app:state`: settings the phone and its companions share, as encrypted patches. */
export function appStateQueries({ appState }: { appState: AppState }): Queries {
  /** What a device at `version` does not have yet. */
  function newer({ account }: LinkedDevice, name: string, version: number, attrs: BinaryNode['attrs']) {
    const patches = appState.since(account, name, version)
    const part = patches.slice(0, patchesPerAnswer)
    return {
      attrs: {
        name,
        version: String(version + part.length),
        ...(patches.length > part.length && { has_more_patches: 'true' }),
        ...attrs,
      },
      patches: part.map((bytes) => node('patch', {}, bytes)),
    }
  }

  return {
    'w:sync:app:state set sync': (iq, device) => {
      const collections = childrenOf(child(iq, 'sync'), 'collection').map((collection): BinaryNode => {
        const { name = '', version = '0', return_snapshot: wantsSnapshot } = collection.attrs
        const patch = bytesOf(child(collection, 'patch'))
        if (patch === undefined) {
          const reference = wantsSnapshot === 'true' ? appState.snapshot(device.account, name) : undefined
          if (reference !== undefined) {
            const attrs = { name, version: String(appState.version(device.account, name)) }
            const encoded = proto.ExternalBlobReference.encode(reference).finish()
            return node('collection', attrs, [node('snapshot', {}, encoded)])
          }
          const { attrs, patches } = newer(device, name, Number(version), {})
          return node('collection', attrs, patches.length === 0 ? undefined : [node('patches', {}, patches)])
        }
        if (Number(version) !== appState.version(device.account, name)) {
          const { attrs, patches } = newer(device, name, Number(version), { type: 'error' })
          const error = node('error', { code: '409', text: 'conflict' })
          return node('collection', attrs, [error, node('patches', {}, patches)])
        }
        const added = appState.append(device.account, name, patch, device.device)
        return node('collection', { name, version: String(added) })
      })
      return [node('sync', {}, collections)]
    },
  }
}
