export { KeyPair, verify } from './curve.ts'
export { decryptCbc, encryptCbc, hkdf, hmacSha256 } from './kdf.ts'
export { SignalDevice } from './signal-device.ts'
export { SignalError } from './signal-error.ts'
