import type { proto } from '../baileys.ts'
import type { Line } from '../line.ts'
import { AppStateCollection, AppStateKey, type Collection, type SyncAction } from './app-state.ts'

/** The account's app state: what is set on one of its devices and known to all. */
export class SyncedSettings {
  readonly #line: Line
  readonly #collections = new Map<Collection, AppStateCollection>()
  #key: AppStateKey | undefined

  constructor(line: Line) {
    this.#line = line
  }

  get key(): AppStateKey {
    return (this.#key ??= new AppStateKey())
  }

  /** Sets an entry and tells the linked devices. */
  set(name: Collection, { index, value, version }: SyncAction): void {
    const collection = this.#collection(name)
    const at = { timestamp: this.#line.clock.now() }
    this.#append(name, collection, collection.set({ index, version, value: { ...value, ...at } }))
  }

  /** Removes an entry and tells the linked devices. */
  remove(name: Collection, index: readonly string[], version: number): void {
    const collection = this.#collection(name)
    this.#append(name, collection, collection.remove(index, version))
  }

  #append(name: Collection, collection: AppStateCollection, patch: Uint8Array): void {
    const stored = this.#line.appendAppState(name, patch)
    if (stored !== collection.version) throw new Error(`${name} is at ${stored}, not ${collection.version}`)
    this.#line.truth.touched()
  }

  /** Takes a patch that a linked device wrote. @throws {Error} it is not genuine */
  take(name: string, patch: Uint8Array): SyncAction[] {
    if (!isCollection(name)) throw new RangeError(`There is no app-state collection ${name}`)
    return this.#collection(name).take(patch)
  }

  get(name: Collection, index: readonly string[]): proto.ISyncActionValue | undefined {
    return this.#collections.get(name)?.actions.get(JSON.stringify(index))
  }

  /** @throws {RangeError} */
  snapshot(name: string): Uint8Array {
    if (!isCollection(name)) throw new RangeError(`There is no app-state collection ${name}`)
    return this.#collection(name).snapshot()
  }

  isEmpty(name: Collection): boolean {
    return this.#collection(name).version === 0
  }

  #collection(name: Collection): AppStateCollection {
    let collection = this.#collections.get(name)
    if (collection === undefined) {
      collection = new AppStateCollection(name, this.key)
      this.#collections.set(name, collection)
    }
    return collection
  }
}

const collections: readonly string[] = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
] satisfies readonly Collection[]

function isCollection(name: string): name is Collection {
  return collections.includes(name)
}
