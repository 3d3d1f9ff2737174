/** Copies of a hub to go back to: the SQLite store at one moment, the files it knows, and what they were when they were copied. */
export type { Manifest, Progress } from './bundle.ts'
export { makeBackup } from './make.ts'
export { makeSafe } from './make-safe.ts'
export { restoreBackup } from './restore.ts'
export { verifyBackup } from './verify.ts'
