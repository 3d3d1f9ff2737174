/**
 * Baileys, with our runtime under it: everything of ours imports it from here, so that the runtime is always first.
 * The deep paths are what its index leaves out (it has no `exports` map; the version is asserted at start-up).
 */
import './runtime/index.ts'

import assert from 'node:assert/strict'

import { Curve } from 'baileys'

export * from 'baileys'
export {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from 'baileys/lib/Signal/Group/index.js'
export {
  buildMergedTcTokenIndexWrite,
  buildTcTokenFromJid,
  resolveIssuanceJid,
  resolveTcTokenJid,
  shouldSendNewTcToken,
  storeTcTokensFromIqResult,
} from 'baileys/lib/Utils/tc-token-utils.js'

// Whoever imports baileys before this file leaves it with libsignal's own curve, slow and trusting.
assert.equal(
  Curve.verify(Curve.generateKeyPair().public, Buffer.from('inbox-hub'), Buffer.alloc(64)),
  false,
  'baileys was loaded before our runtime: import it from sessions/baileys/baileys.ts',
)
