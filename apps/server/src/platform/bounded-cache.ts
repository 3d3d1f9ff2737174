import { LRUCache } from 'lru-cache'

/**
 * A cache of at most `entries`, the least recently used going first. Counting entries as a size, and not as lru-cache's `max`: that sets
 * aside the room for all of them at once, which for the caches of an idle hub came to 20 MB.
 */
export function boundedCache<Key extends string | number, Value extends {}>(
  entries: number,
  options: { ttlMs?: number } = {},
): LRUCache<Key, Value> {
  const { ttlMs } = options
  return new LRUCache({
    maxSize: entries,
    sizeCalculation: () => 1,
    ...(ttlMs === undefined ? {} : { ttl: ttlMs, ttlResolution: 1_000 }),
  })
}
