import type { ExtrasOf } from '../index.ts'

/** For whom nothing is known but names. */
export const noExtras: ExtrasOf = async () => () => ({
  pictureUrl: null,
  isBlocked: false,
  isBusiness: undefined,
  about: null,
  lastSeen: null,
  businessProfile: null,
})
