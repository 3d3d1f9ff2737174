import { HubError } from '@inbox-hub/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What a browser keeps of a login. Lives: seconds. */
export interface BrowserLogin {
  accessToken: string
  accessLivesS: number
  refreshToken: string
  refreshLivesS: number
}

/**
 * Logins that a browser keeps in cookies, which no script can read. Cookies go with every request, whoever caused it: they count only for
 * requests of the hub's own pages (docs/decisions/browser-logins.md).
 */
export interface Browser {
  /** The access token in the cookie, of a request of our own pages. @throws {HubError} CROSS_SITE_REQUEST */
  accessToken(request: FastifyRequest): string | undefined
  /** The refresh token in the cookie. @throws {HubError} CROSS_SITE_REQUEST also without one */
  refreshToken(request: FastifyRequest): string | undefined
  keep(reply: FastifyReply, login: BrowserLogin): void
  /** Nothing, when the browser keeps nothing. */
  forget(request: FastifyRequest, reply: FastifyReply): void
}

/** Where the refresh token is sent to, and nowhere else. */
const refreshPath = '/api/auth/browser-login'

/** The cookie with the access token, of a hub that browsers reach at `publicUrl`. */
export function accessCookie(publicUrl: string | undefined): string {
  return isHttps(publicUrl) ? '__Host-inbox_hub' : 'inbox_hub'
}

const isHttps = (publicUrl: string | undefined): boolean =>
  publicUrl !== undefined && new URL(publicUrl).protocol === 'https:'

/** `publicUrl`: how browsers reach the hub, when that is known. */
export function createBrowser(publicUrl: string | undefined): Browser {
  const origin = publicUrl === undefined ? undefined : new URL(publicUrl).origin
  const isSecure = isHttps(publicUrl)
  // The prefixes: only this very host can set it, over TLS. A `__Host-` cookie goes to every path.
  const access = { name: accessCookie(publicUrl), path: '/' }
  const refresh = { name: isSecure ? '__Secure-inbox_hub_refresh' : 'inbox_hub_refresh', path: refreshPath }

  function isOurs({ headers, method, host }: FastifyRequest): boolean {
    const from = headers.origin
    if (from !== undefined) return from === origin || URL.parse(from)?.host === host
    // Browsers name the origin of all that changes something, and of WebSockets.
    const mayBeSilent = (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined
    const site = headers['sec-fetch-site']
    return mayBeSilent
      ? site === undefined || site === 'same-origin' || site === 'none'
      : site === 'same-origin'
  }

  function refuseForeign(request: FastifyRequest): void {
    if (!isOurs(request)) throw new HubError('CROSS_SITE_REQUEST')
  }

  function cookie({ name, path }: typeof access, value: string, livesS: number): string {
    const secure = isSecure ? '; Secure' : ''
    return `${name}=${value}; Path=${path}; Max-Age=${livesS}; HttpOnly; SameSite=Strict${secure}`
  }

  function set(reply: FastifyReply, cookies: string[]): void {
    reply.header('set-cookie', cookies)
  }

  return {
    accessToken(request) {
      const found = cookieIn(request, access.name)
      if (found !== undefined) refuseForeign(request)
      return found
    },
    refreshToken(request) {
      refuseForeign(request)
      return cookieIn(request, refresh.name)
    },
    keep(reply, { accessToken, accessLivesS, refreshToken, refreshLivesS }) {
      set(reply, [cookie(access, accessToken, accessLivesS), cookie(refresh, refreshToken, refreshLivesS)])
    },
    forget(request, reply) {
      const keeps = [access, refresh].some(({ name }) => cookieIn(request, name) !== undefined)
      if (keeps) set(reply, [cookie(access, '', 0), cookie(refresh, '', 0)])
    },
  }
}

/** Our cookies need no decoding: their values are base64url and dots. */
function cookieIn({ headers }: FastifyRequest, name: string): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at !== -1 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || undefined
  }
  return undefined
}
