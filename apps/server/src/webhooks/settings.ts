import { type endpoints, hiddenHeaderValue, type RequestOf } from '@inbox-hub/contract'

import type { EndpointSettings } from './endpoint-store.ts'
import { presets } from './presets/index.ts'

type Given = RequestOf<typeof endpoints.updateWebhook>['body']

/** When nobody says how long (contract §8), ms. */
const usualTimeoutMs = 30_000

/**
 * The settings that a request makes of those before; undefined before the first. What is left out stays, and at first is the usual.
 * `sessionNumber` throws `SESSION_NOT_FOUND`.
 */
export function settingsFrom(
  given: Given & ({ name: string; url: string } | object),
  before: EndpointSettings | undefined,
  sessionNumber: (ref: string) => number,
): EndpointSettings {
  const preset = given.preset ?? before?.preset ?? 'legacy'
  const isNewPreset = preset !== before?.preset
  return {
    name: given.name ?? before?.name ?? '',
    url: given.url ?? before?.url ?? '',
    events: given.events ?? before?.events ?? [],
    sessions:
      given.sessions === undefined
        ? before?.sessions
        : some(Array.from(new Set(given.sessions.map(sessionNumber)))),
    chats: given.chats === undefined ? before?.chats : some(given.chats),
    headers:
      given.headers === undefined ? (before?.headers ?? {}) : headersFrom(given.headers, before?.headers),
    preset,
    // What was never said follows the preset.
    ordered: given.ordered ?? (isNewPreset ? presets[preset].ordered : (before?.ordered ?? false)),
    check: given.responseCheck ?? (isNewPreset ? presets[preset].check : (before?.check ?? 'status')),
    timeoutMs: given.timeout ?? before?.timeoutMs ?? usualTimeoutMs,
    retry:
      given.retryConfig === undefined
        ? before?.retry
        : given.retryConfig === null
          ? undefined
          : { attempts: given.retryConfig.attempts, delayMs: given.retryConfig.delay },
  }
}

function some<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length === 0 ? undefined : list
}

/** A value that is given back as it was shown stays as it is. */
function headersFrom(
  given: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      value === hiddenHeaderValue ? (before[name] ?? value) : value,
    ]),
  )
}
