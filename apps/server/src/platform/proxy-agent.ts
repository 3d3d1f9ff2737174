import type { HttpsProxyAgent } from 'https-proxy-agent'
import type { SocksProxyAgent } from 'socks-proxy-agent'

/**
 * The agent that connects through `proxy`, an http://, https:// or socks5:// URL. What speaks to proxies is loaded with the first: most hubs have none.
 * Rejects on a URL that cannot be used.
 *
 * @param trust - PEM of who vouches for the servers behind it, in place of whom Node trusts
 */
export async function proxyAgentFor(
  proxy: string,
  trust: { ca?: string } = {},
): Promise<HttpsProxyAgent<string> | SocksProxyAgent> {
  if (proxy.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent')
    return trusting(new SocksProxyAgent(proxy), trust)
  }
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  return trusting(new HttpsProxyAgent(proxy), trust)
}

/** Not by their constructors, which would trust the same for the proxy itself, or forget it. */
function trusting<Agent extends HttpsProxyAgent<string> | SocksProxyAgent>(
  agent: Agent,
  trust: { ca?: string },
): Agent {
  Object.assign(agent.options, trust)
  return agent
}
