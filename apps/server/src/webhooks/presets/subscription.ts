import { crmEvents, webhookEventAliases } from '@inbox-hub/contract'

/** What the CRM knows; it logs anything else as an error. */
export const knownToCrm: ReadonlySet<string> = new Set(crmEvents)

const known = new WeakMap<readonly string[], ReadonlySet<string>>()

/** The events that a webhook with this `webhookEvents` list is sent; `otherwise` when it names none. */
export function subscribed(
  webhookEvents: readonly string[],
  otherwise: ReadonlySet<string>,
): ReadonlySet<string> {
  if (webhookEvents.length === 0) return otherwise
  let names = known.get(webhookEvents)
  if (names === undefined) {
    names = new Set(webhookEvents.flatMap((name) => webhookEventAliases[name] ?? [name]))
    known.set(webhookEvents, names)
  }
  return names
}
