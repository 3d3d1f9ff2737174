import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** What an HTTPS server on loopback needs, and what its clients must trust. All in PEM. */
export interface LoopbackIdentity {
  /** The authority's certificate. */
  authority: string
  certificate: string
  key: string
}

interface Subject {
  name: string
  publicKey: KeyObject
  /** Extensions, each the DER of an `Extension`. */
  extensions: readonly Buffer[]
}

/**
 * Makes an authority of its own and has it sign a certificate for 127.0.0.1 and `localhost`. Fresh each time, so that
 * no private key lies in the tree. Written out in DER, since node makes no certificates, and the libraries that do
 * weigh more than all of this package.
 *
 * @param now Unix ms, which must lie within the validity.
 */
export function loopbackIdentity(now: number): LoopbackIdentity {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { name: 'Inbox Hub emulator authority', key: authority.privateKey }
  const isAuthority = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))), true)
  const names = sequence(der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost')))
  return {
    authority: certify(
      { name: issuer.name, publicKey: authority.publicKey, extensions: [isAuthority] },
      issuer,
      now,
    ),
    certificate: certify(
      { name: '127.0.0.1', publicKey: server.publicKey, extensions: [extension('551d11', names)] },
      issuer,
      now,
    ),
    key: String(server.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

const year = 365 * 86_400_000

function certify(subject: Subject, issuer: { name: string; key: KeyObject }, now: number): string {
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])), // serial number, positive
    ecdsaWithSha256,
    commonName(issuer.name),
    sequence(time(now - year), time(now + year)),
    commonName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...subject.extensions)),
  )
  const signature = createSign('sha256').update(body).sign(issuer.key)
  const certificate = sequence(body, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))
}

/** One value of ASN.1 DER: tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

/** UTCTime: YYMMDDhhmmssZ. */
function time(at: number): Buffer {
  const iso = new Date(at).toISOString()
  return der(0x17, Buffer.from(iso.replaceAll(/[-:T]|\.\d+/g, '').slice(2)))
}
