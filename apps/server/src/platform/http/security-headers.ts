/**
 * What browsers are told with every answer: to run, frame and guess nothing. Written here and not by helmet: of what that sets by itself
 * half is for browsers that are gone, `Permissions-Policy` is not among it, and answers to broken requests are written without Fastify.
 *
 * Operations whose answers are shown to people (the reference, files) say their own `Content-Security-Policy`.
 */
export function securityHeaders({ isHttps }: { isHttps: boolean }): Readonly<Record<string, string>> {
  return {
    'content-security-policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'permissions-policy': denied.map((feature) => `${feature}=()`).join(', '),
    'cross-origin-opener-policy': 'same-origin',
    // QR pictures and files are shown inside CRMs of other origins.
    'cross-origin-resource-policy': 'cross-origin',
    'x-permitted-cross-domain-policies': 'none',
    'origin-agent-cluster': '?1',
    // Over http browsers ignore it, and whoever has no TLS must not be told to need it. Other hosts of the domain are not ours to speak for.
    ...(isHttps ? { 'strict-transport-security': `max-age=${yearS}` } : {}),
  }
}

const yearS = 365 * 86_400

const denied = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'display-capture',
  'fullscreen',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'usb',
]
