import type { MessagesDeps } from '../index.ts'

/** For whoever fetches nothing. */
export const noOutbound: MessagesDeps['outbound'] = {
  async download() {
    throw new Error('there is no network here')
  },
}
