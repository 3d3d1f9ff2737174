import type { MessagesDeps } from '../index.ts'

const none = async (): Promise<never> => {
  throw new Error('there are no files here')
}

/** For whoever sends no files. */
export const noMedia: MessagesDeps['media'] = {
  checkSize: () => {},
  fetch: none,
  receive: none,
  find: none,
  open: none,
  renditions: { of: none, keep: none, kindOf: () => 'document' },
}
