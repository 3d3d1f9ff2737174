import { brotliCompressSync, constants } from 'node:zlib'

import { endpoints } from '@inbox-hub/contract'
import Fastify, { type FastifyInstance } from 'fastify'

import { json } from './answers.ts'
import type { Http } from './http.ts'

const javascript = 'text/javascript; charset=utf-8'

/** The page at /api/docs. Everything it loads is served from here. */
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Inbox Hub API</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. The document behind it is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/api/docs/scalar.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`

/** Starts the reference with everything off that would talk to somebody else. */
const docsStart = `Scalar.createApiReference('#app', {
  url: '/openapi.json',
  telemetry: false,
  withDefaultFonts: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  persistAuth: false,
  authentication: { preferredSecurityScheme: 'apiKey' },
})
`

/** What the page may load: its own files, and styles that its script writes. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The OpenAPI document, made once, and the pages that show it. */
export function serveApiDocs(app: FastifyInstance, serve: Http['serve'], makeDocument: () => string): void {
  let document: string | undefined
  serve(endpoints.openapi, () => ({ raw: (document ??= makeDocument()), type: json }))
  serve(endpoints.docs, () => ({
    raw: docsPage,
    type: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': docsPolicy },
  }))
  app.get('/api/docs/start.js', (_request, reply) => reply.type(javascript).send(docsStart))
  app.get('/api/docs/scalar.js', async (request, reply) => {
    const { plain, brotli } = await docsScript()
    reply.type(javascript).headers({ 'cache-control': 'public, max-age=86400', vary: 'accept-encoding' })
    return /\bbr\b/.test(request.headers['accept-encoding'] ?? '')
      ? reply.header('content-encoding', 'br').send(brotli)
      : reply.send(plain)
  })
}

let script: Promise<{ plain: string; brotli: Buffer }> | undefined

/**
 * Scalar's browser code. Its package holds it as one string of 4 MB: loaded when somebody opens the page,
 * not at start, because most processes never show it.
 */
function docsScript(): Promise<{ plain: string; brotli: Buffer }> {
  script ??= loadScript()
  return script
}

async function loadScript(): Promise<{ plain: string; brotli: Buffer }> {
  const { default: plugin } = await import('@scalar/fastify-api-reference')
  // The string is not exported; the plugin serves it, so a server of its own is asked once.
  const app = Fastify()
  try {
    await app.register(plugin, { routePrefix: '/reference', configuration: { url: '/openapi.json' } })
    const { body } = await app.inject({ url: '/reference/js/scalar.js' })
    const brotli = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
    return { plain: body, brotli }
  } finally {
    await app.close()
  }
}
