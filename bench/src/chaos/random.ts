/** Randomness that a seed repeats: the same seed plans the same chaos. When processes run into it is theirs to decide. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** An integer in [from, to]. */
  int(from: number, to: number): number
  chance(share: number): boolean
  /** @throws {RangeError} there is nothing to pick */
  pick<Item>(items: readonly Item[]): Item
  bytes(length: number): Buffer
  /** A stream of its own, so that one part asking more often does not change what another gets. */
  fork(name: string): Random
}

export function randomOf(seed: number | string): Random {
  let state = hash(String(seed))
  // mulberry32: 32 bits of state, plenty for plans.
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    int,
    chance: (share) => next() < share,
    pick(items) {
      const item = items[int(0, items.length - 1)]
      if (item === undefined) throw new RangeError('Nothing to pick from.')
      return item
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(0, 255))),
    fork: (name) => randomOf(`${seed} ${name}`),
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01_00_01_93)
  return value >>> 0
}
