import type { HttpsProxyAgent } from 'https-proxy-agent'
import type { SocksProxyAgent } from 'socks-proxy-agent'

/**
 * The agent that connects through `proxy`, an http://, https:// or socks5:// URL. What speaks to proxies is loaded with the first: most hubs have none.
 * Rejects on a URL that cannot be used.
 */
export async function proxyAgentFor(proxy: string): Promise<HttpsProxyAgent<string> | SocksProxyAgent> {
  if (proxy.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent')
    return new SocksProxyAgent(proxy)
  }
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  return new HttpsProxyAgent(proxy)
}
