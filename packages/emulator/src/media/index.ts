export {
  type MediaContent,
  mediaFromFile,
  mediaOf,
  type MediaReference,
  toAppStateReference,
  toHistoryReference,
  toMediaMessage,
  toOpenMessage,
} from './content.ts'
export type { MediaFault, MediaFaultScope } from './faults.ts'
export { MediaHost } from './host.ts'
export { isGoodRequest, type MediaRetryAnswer, retryErrors, retryResult } from './retry.ts'
export { MediaError, type MediaFlaw, open } from './sealing.ts'
export { bytesOfFile } from './store.ts'
