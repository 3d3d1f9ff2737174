/** What libsignal 6.0.0 answered to keys of our own making; `runtime.test.ts` asks it again. */
export const libsignalAnswers = {
  privateKey: Buffer.from('706ba6e9c7fa261ec7f1b82a4a915a883e4c12acbfbe8d2f1e513b8a6917ff63', 'hex'),
  publicKey: Buffer.from('0556e6794cf55f5da49c6437e3f80042fa9d54fe0dfc32f283d399532bc6147640', 'hex'),
  message: Buffer.from('inbox-hub'),
  /** Of the message, with the private key. */
  signature: Buffer.from(
    '54a4192abae69a86b335f4d31e4e00a71b1571a36b80bc29d9c2bd67b0ddff237cb8ec802c1ed25235cea57b2c351a723dae48fb1c76d4a317f689b86916270b',
    'hex',
  ),
  /** The public key of somebody else. */
  peer: Buffer.from('055cf4673ab649e876f5c62763d082b9d7b07466a1edd6f3a0b53d399c8394203e', 'hex'),
  /** What the private key agrees with them. */
  secret: Buffer.from('d617c434cc7af405df52bfa6a8745d4629b05476f789e90a5b12fb0c33ed8931', 'hex'),
}
