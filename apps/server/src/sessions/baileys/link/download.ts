/** Where WhatsApp keeps pictures: `pps.whatsapp.net` and others of its own. */
function isWhatsApps(url: URL, mediaHost: string): boolean {
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return false
  return url.host === mediaHost || (url.port === '' && url.hostname.endsWith('.whatsapp.net'))
}

/**
 * Fetches a file that lies open on one of WhatsApp's hosts, the way `fetchOptions` lead (the session's proxy). Throws for any other host,
 * any other answer than 200, a redirect, more than `maxBytes` or longer than `timeoutMs`.
 */
export async function downloadFromWhatsApp(
  address: string,
  { maxBytes, timeoutMs }: { maxBytes: number; timeoutMs: number },
  { mediaHost, fetchOptions }: { mediaHost: string; fetchOptions: RequestInit },
): Promise<Uint8Array> {
  const url = URL.parse(address)
  if (url === null || !isWhatsApps(url, mediaHost)) throw new Error('not a host of WhatsApp')
  const signal = AbortSignal.timeout(timeoutMs)
  const answer = await fetch(url, { ...fetchOptions, redirect: 'error', signal })
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel()
    throw new Error(`answered with HTTP ${answer.status}`)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  // Of a fetch body, chunks are bytes.
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
