/** A list that forgets its oldest entries beyond `keep`, but goes on counting. */
export class Log<Entry> implements Iterable<Entry> {
  /** How many entries were ever added. */
  total = 0
  readonly #keep: number
  readonly #changed: () => void
  #entries: Entry[] = []

  constructor(keep: number, changed: () => void) {
    this.#keep = keep
    this.#changed = changed
  }

  add(entry: Entry): Entry {
    this.total += 1
    this.#entries.push(entry)
    // Dropped in bulk, so that adding stays cheap.
    if (this.#entries.length > this.#keep * 2) this.#entries = this.#entries.slice(-this.#keep)
    this.#changed()
    return entry
  }

  filter(test: (entry: Entry) => boolean): Entry[] {
    return this.#entries.filter(test)
  }

  find(test: (entry: Entry) => boolean): Entry | undefined {
    return this.#entries.find(test)
  }

  at(index: number): Entry | undefined {
    return this.#entries.at(index)
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries[Symbol.iterator]()
  }
}
