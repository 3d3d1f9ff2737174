import { proto } from '../baileys.ts'
import { KeyPair } from '../signal/index.ts'

const day = 24 * 60 * 60

/** Who the server is: its Noise key, and the chain that vouches for it. */
export interface ServerIdentity {
  key: KeyPair
  /** `CertChain`, encoded. */
  certificates: Buffer
}

/** What can be wrong with a chain. A client should refuse each of them. */
export type CertificateFlaw =
  | 'unknown_root' // the intermediate is signed by somebody else
  | 'forged_leaf' // the leaf is signed by somebody else than the intermediate
  | 'wrong_issuer' // the intermediate names another issuer than serial 0
  | 'other_key' // the leaf vouches for another key than the one the server proves to hold
  | 'missing_leaf'

/**
 * Signs a chain for `key`: root → intermediate (serial 1) → leaf. Made once per server; a signature costs
 * as much as a handshake.
 *
 * @param now Unix seconds, which must lie within the validity.
 */
export function certify(root: KeyPair, key: KeyPair, now: number, flaw?: CertificateFlaw): Buffer {
  const intermediate = KeyPair.generate()
  const stranger = KeyPair.generate()
  const validity = { notBefore: now - day, notAfter: now + 3650 * day }
  const intermediateDetails = details({
    serial: 1,
    issuerSerial: flaw === 'wrong_issuer' ? 7 : 0,
    key: intermediate.publicKey,
    ...validity,
  })
  const leafDetails = details({
    serial: 2,
    issuerSerial: 1,
    key: flaw === 'other_key' ? stranger.publicKey : key.publicKey,
    ...validity,
  })
  const leafSigner = flaw === 'forged_leaf' ? stranger : intermediate
  const rootSigner = flaw === 'unknown_root' ? stranger : root
  const chain = proto.CertChain.encode({
    intermediate: { details: intermediateDetails, signature: rootSigner.sign(intermediateDetails) },
    ...(flaw !== 'missing_leaf' && {
      leaf: { details: leafDetails, signature: leafSigner.sign(leafDetails) },
    }),
  })
  return Buffer.from(chain.finish())
}

function details(fields: proto.CertChain.NoiseCertificate.IDetails): Uint8Array {
  return proto.CertChain.NoiseCertificate.Details.encode(fields).finish()
}
