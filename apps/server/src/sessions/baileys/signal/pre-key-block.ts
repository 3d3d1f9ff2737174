import type { KeyPair } from '../baileys.ts'

/** How many pre-keys share a row: 13 rows hold the 812 of a first login, and using one rewrites at most 4 kB. */
export const KEYS_PER_BLOCK = 64

const BITMAP_BYTES = KEYS_PER_BLOCK / 8
const PAIR_BYTES = 64

export function blockOf(keyId: number): number {
  return Math.floor(keyId / KEYS_PER_BLOCK)
}

/** A row of one-time pre-keys: a bitmap of those still there, then their public and private halves in order. */
export class PreKeyBlock {
  readonly #pairs: (Buffer | undefined)[]

  constructor(bytes?: Uint8Array) {
    this.#pairs = Array.from({ length: KEYS_PER_BLOCK }, () => undefined)
    if (bytes === undefined) return
    const packed = Buffer.from(bytes)
    let at = BITMAP_BYTES
    for (let index = 0; index < KEYS_PER_BLOCK; index += 1) {
      if (((packed[index >> 3] ?? 0) & (1 << (index & 7))) === 0) continue
      this.#pairs[index] = packed.subarray(at, at + PAIR_BYTES)
      at += PAIR_BYTES
    }
  }

  get(keyId: number): KeyPair | undefined {
    const pair = this.#pairs[keyId % KEYS_PER_BLOCK]
    return pair === undefined
      ? undefined
      : { public: Buffer.from(pair.subarray(0, 32)), private: Buffer.from(pair.subarray(32)) }
  }

  set(keyId: number, key: KeyPair | undefined): void {
    this.#pairs[keyId % KEYS_PER_BLOCK] =
      key === undefined ? undefined : Buffer.concat([key.public, key.private], PAIR_BYTES)
  }

  get isEmpty(): boolean {
    return this.#pairs.every((pair) => pair === undefined)
  }

  pack(): Buffer {
    const bitmap = Buffer.alloc(BITMAP_BYTES)
    const kept: Buffer[] = []
    for (const [index, pair] of this.#pairs.entries()) {
      if (pair === undefined) continue
      bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7))
      kept.push(pair)
    }
    return Buffer.concat([bitmap, ...kept])
  }
}
