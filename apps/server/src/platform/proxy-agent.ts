import { EventEmitter } from 'node:events'
import type http from 'node:http'
import https from 'node:https'

import type { HttpsProxyAgent } from 'https-proxy-agent'
import type { SocksProxyAgent } from 'socks-proxy-agent'
import type { Dispatcher } from 'undici'

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

/**
 * The way that downloads of the same session take: never around its proxy. Undefined = direct, to whom Node trusts.
 *
 * @param ca - PEM of who vouches for a private server, in place of whom Node trusts
 */
export async function dispatcherFor(proxy: string, ca?: string): Promise<Dispatcher>
export async function dispatcherFor(proxy: string | undefined, ca?: string): Promise<Dispatcher | undefined>
export async function dispatcherFor(proxy: string | undefined, ca?: string): Promise<Dispatcher | undefined> {
  if (proxy === undefined && ca === undefined) return undefined
  const { Agent: UndiciAgent, ProxyAgent } = await import('undici')
  const trust = ca === undefined ? {} : { ca }
  if (proxy === undefined) return new UndiciAgent({ connect: trust })
  if (!proxy.startsWith('socks')) return new ProxyAgent({ uri: proxy, requestTls: trust })
  const { buildConnector } = await import('undici')
  const { SocksProxyAgent } = await import('socks-proxy-agent')
  const agent = new SocksProxyAgent(proxy)
  const connectDirectly = buildConnector(trust)
  return new UndiciAgent({
    connect: (target, callback) => {
      const { hostname, port, protocol } = target
      const isSecure = protocol === 'https:'
      const connect = async (): Promise<void> => {
        let tunnel
        try {
          const to = { host: hostname, port: Number(port || (isSecure ? 443 : 80)), secureEndpoint: false }
          // agent-base reads these of the options, and tells the request of the proxy, which nobody asks.
          const options = to as Parameters<typeof agent.connect>[1]
          tunnel = await agent.connect(new EventEmitter() as http.ClientRequest, options)
        } catch (error) {
          callback(error instanceof Error ? error : new Error(String(error)), null)
          return
        }
        if (isSecure) connectDirectly({ ...target, httpSocket: tunnel }, callback)
        else callback(null, tunnel)
      }
      void connect()
    },
  })
}

/** The way that uploads of a session take: as downloads do. Undefined = direct, to whom Node trusts. */
export async function uploadAgentFor(
  proxy: string | undefined,
  ca?: string,
): Promise<https.Agent | undefined> {
  const trust = ca === undefined ? {} : { ca }
  if (proxy !== undefined) return proxyAgentFor(proxy, trust)
  return ca === undefined ? undefined : new https.Agent(trust)
}

/** Not by their constructors, which would trust the same for the proxy itself, or forget it. */
function trusting<Agent extends HttpsProxyAgent<string> | SocksProxyAgent>(
  agent: Agent,
  trust: { ca?: string },
): Agent {
  Object.assign(agent.options, trust)
  return agent
}
