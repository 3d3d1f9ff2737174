/** What stands in a lane. */
export interface Queueable<Chat> {
  /** Grows with the order in which messages were asked for, or came due. */
  readonly place: number
  chat: Chat
}

/**
 * The waiting line of one session: first in, first out within a chat; across chats the order of asking, except that a chat whose first
 * message may not go yet (it waits for its next try) holds only itself.
 */
export class LaneQueue<Chat, Item extends Queueable<Chat>> {
  readonly #chats = new Map<Chat, Item[]>()
  /** Items that may be tried, in order. One whose chat is held leaves it, and comes back through `wake`. */
  #line: Item[] = []
  #head = 0
  readonly #inLine = new Set<Item>()
  readonly #dueAt: (item: Item) => number

  constructor(dueAt: (item: Item) => number) {
    this.#dueAt = dueAt
  }

  get size(): number {
    let size = 0
    for (const items of this.#chats.values()) size += items.length
    return size
  }

  /** The item's place among all that wait, from 1. */
  positionOf(item: Item): number {
    let position = 1
    for (const items of this.#chats.values()) {
      for (const other of items) if (other.place < item.place) position += 1
    }
    return position
  }

  /** Whether something waits in the chat. */
  has(chat: Chat): boolean {
    return this.#chats.has(chat)
  }

  add(item: Item): void {
    const items = this.#chats.get(item.chat)
    if (items === undefined) this.#chats.set(item.chat, [item])
    else {
      // Mostly the last; one that comes back for another try goes before those asked for later.
      let place = items.length
      while (place > 0 && (items[place - 1]?.place ?? 0) > item.place) place -= 1
      items.splice(place, 0, item)
    }
    this.#enter(item)
  }

  /** The next item that may go at `now`, which stays where it is. */
  peek(now: number): Item | undefined {
    while (this.#head < this.#line.length) {
      const item = this.#line[this.#head]
      const first =
        item === undefined || !this.#inLine.has(item) ? undefined : this.#chats.get(item.chat)?.[0]
      if (first !== undefined && this.#dueAt(first) <= now) return first
      if (item !== undefined) this.#inLine.delete(item)
      this.#head += 1
      if (this.#head > 1024) this.#compact()
    }
    this.#compact()
    return undefined
  }

  /** Takes the next item that may go at `now` out of the line. */
  next(now: number): Item | undefined {
    while (this.#head < this.#line.length) {
      const item = this.#line[this.#head]
      this.#head += 1
      if (this.#head > 1024) this.#compact()
      if (item === undefined || !this.#inLine.delete(item)) continue
      const items = this.#chats.get(item.chat)
      const first = items?.[0]
      if (items === undefined || first === undefined || this.#dueAt(first) > now) continue
      // Another of its chat may have come back before it: the place in line is the chat's.
      if (first !== item) {
        this.#inLine.delete(first)
        this.#enter(item)
      }
      items.shift()
      if (items.length === 0) this.#chats.delete(first.chat)
      return first
    }
    this.#compact()
    return undefined
  }

  /** The items that would follow, for work that is cheaper done for many. Does not take them out. */
  *ahead(limit: number): Iterable<Item> {
    let left = limit
    for (let index = this.#head; index < this.#line.length && left > 0; index += 1) {
      const item = this.#line[index]
      if (item === undefined || !this.#inLine.has(item)) continue
      left -= 1
      yield item
    }
  }

  /** Lets chats whose first message is due by now stand in line again. */
  wake(now: number): void {
    for (const items of this.#chats.values()) {
      const [first] = items
      if (first === undefined || this.#dueAt(first) > now) continue
      for (const item of items) this.#enter(item)
    }
  }

  remove(item: Item): void {
    const items = this.#chats.get(item.chat)
    const place = items?.indexOf(item) ?? -1
    if (items === undefined || place === -1) return
    items.splice(place, 1)
    if (items.length === 0) this.#chats.delete(item.chat)
    this.#inLine.delete(item)
  }

  /** The chat has another address now; what waits under both becomes one line. */
  rename(from: Chat, to: Chat): void {
    const items = this.#chats.get(from)
    if (items === undefined) return
    this.#chats.delete(from)
    for (const item of items) item.chat = to
    const merged = [...(this.#chats.get(to) ?? []), ...items]
    merged.sort((left, right) => left.place - right.place)
    this.#chats.set(to, merged)
  }

  #enter(item: Item): void {
    if (this.#inLine.has(item)) return
    this.#inLine.add(item)
    this.#line.push(item)
  }

  #compact(): void {
    this.#line = this.#line.slice(this.#head)
    this.#head = 0
  }
}
