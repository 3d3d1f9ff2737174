import type { ILogger } from 'baileys/lib/Utils/logger.js'

const nothing = (): void => {}

/**
 * What baileys logs to: nothing, at no cost. Its `info` prints registration payloads and account ids, its `trace`
 * whole stanzas with their texts, and its hot paths test `level` per frame. What we need to know we observe ourselves.
 */
export const silentLogger: ILogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
