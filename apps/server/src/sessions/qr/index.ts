export { renderQr } from './qr.ts'
export type { QrRendering } from './qr.ts'
