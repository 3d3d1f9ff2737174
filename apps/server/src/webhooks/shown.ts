import { hiddenHeaderValue } from '@inbox-hub/contract'

import type { WebhookEndpoint } from './endpoint.ts'

/** Where an endpoint points, as its owner may see it: what the operator put behind the `?` of theirs is not the owner's. */
export function shownUrl({ url, chosenBy }: Pick<WebhookEndpoint, 'url' | 'chosenBy'>): string {
  if (chosenBy === 'stranger') return url
  const parsed = URL.parse(url)
  return parsed === null ? '' : `${parsed.origin}${parsed.pathname}`
}

/** Custom headers with their values hidden: they may be tokens. */
export function hiddenHeaders(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.keys(headers ?? {}).map((name) => [name, hiddenHeaderValue]))
}

/** All headers of a call: signatures hidden too, which with the body would let somebody else repeat it. */
export function shownHeaders(
  { headers }: Pick<WebhookEndpoint, 'headers'>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const shown = Object.entries(own).map(([name, value]) => [
    name,
    name.endsWith('signature') ? hiddenHeaderValue : value,
  ])
  return { ...hiddenHeaders(headers), ...(Object.fromEntries(shown) as Record<string, string>) }
}
