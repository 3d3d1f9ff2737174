import type { BinaryNode } from '../../baileys.ts'
import { bytesOf, child, childrenOf, node } from '../../stanza.ts'
import type { AppState } from '../app-state.ts'
import type { Queries } from './query.ts'

/** `w:sync:app:state`: settings the phone and its companions share, as encrypted patches. */
export function appStateQueries({ appState }: { appState: AppState }): Queries {
  return {
    'w:sync:app:state set sync': (iq, device) => {
      const collections = childrenOf(child(iq, 'sync'), 'collection').map((collection): BinaryNode => {
        const { name = '', version = '0' } = collection.attrs
        const patch = bytesOf(child(collection, 'patch'))
        if (patch === undefined) {
          // Always patches from the start, never a snapshot: that would be a file on a media host.
          const patches = appState.since(device.account, name, Number(version))
          const attrs = { name, version: String(appState.version(device.account, name)) }
          if (patches.length === 0) return node('collection', attrs)
          return node('collection', attrs, [
            node(
              'patches',
              {},
              patches.map((bytes) => node('patch', {}, bytes)),
            ),
          ])
        }
        if (Number(version) !== appState.version(device.account, name)) {
          const error = node('error', { code: '409', text: 'conflict' })
          return node('collection', { name, type: 'error' }, [error])
        }
        const added = appState.append(device.account, name, patch, device.device)
        return node('collection', { name, version: String(added) })
      })
      return [node('sync', {}, collections)]
    },
  }
}
