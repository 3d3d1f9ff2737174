import { proto } from '../baileys.ts'
import { type MediaHost, toAppStateReference } from '../media/index.ts'
import { node } from '../stanza.ts'
import type { Account } from './account.ts'
import type { Router } from './router.ts'

/** From more patches on, a device that has nothing gets a snapshot. */
const patchesWithoutSnapshot = 100

/** The app-state collections of accounts: logs of patches that the server cannot read. */
export class AppState {
  readonly #router: Router
  readonly #media: MediaHost

  constructor(router: Router, media: MediaHost) {
    this.#router = router
    this.#media = media
  }

  version(account: Account, collection: string): number {
    return account.appState.get(collection)?.length ?? 0
  }

  /** The patches after a version. What is spoilt has a bit of its last one changed on the way. */
  since(account: Account, collection: string, version: number): readonly Uint8Array[] {
    const patches = account.appState.get(collection)?.slice(version) ?? []
    const last = patches.at(-1)
    if (last === undefined || !account.faults.spoiltAppState.has(collection)) return patches
    return [...patches.slice(0, -1), spoilt(last)]
  }

  /** All that is set, where it lies; undefined while patches say it as well. What is spoilt has a MAC that is not its own. */
  snapshot(account: Account, collection: string): proto.IExternalBlobReference | undefined {
    if (this.version(account, collection) <= patchesWithoutSnapshot) return undefined
    let bytes = account.phone.appStateSnapshot(collection)
    if (account.faults.spoiltAppState.has(collection)) {
      const snapshot = proto.SyncdSnapshot.decode(bytes)
      const mac = Buffer.from(snapshot.mac ?? [])
      mac[0] = (mac[0] ?? 0) ^ 1
      snapshot.mac = mac
      bytes = proto.SyncdSnapshot.encode(snapshot).finish()
    }
    return toAppStateReference(bytes, this.#media)
  }

  /** Adds a patch and tells the account's devices, except the one it is from. Returns the new version. */
  append(account: Account, collection: string, patch: Uint8Array, device: number): number {
    const version = this.version(account, collection) + 1
    // Clients leave the version out; whoever reads the patch later needs it.
    const numbered = proto.SyncdPatch.decode(patch)
    numbered.version = { version }
    const stored = proto.SyncdPatch.encode(numbered).finish()
    account.appState.set(collection, [...(account.appState.get(collection) ?? []), stored])
    const attrs = { type: 'server_sync', from: account.pn }
    for (const linked of account.linked.values()) {
      if (linked.device === device || !linked.met) continue
      this.#router.notifyDevice(linked, attrs, [
        node('collection', { name: collection, version: String(version) }),
      ])
    }
    if (device !== 0) account.phone.appStatePatched(collection, patch)
    return version
  }
}

/** A patch with another value in it, which its MACs do not fit. */
function spoilt(bytes: Uint8Array): Uint8Array {
  const patch = proto.SyncdPatch.decode(bytes)
  const [mutation] = patch.mutations
  const blob = Buffer.from(mutation?.record?.value?.blob ?? [])
  blob[20] = (blob[20] ?? 0) ^ 1
  if (mutation?.record?.value) mutation.record.value.blob = blob
  return proto.SyncdPatch.encode(patch).finish()
}
