import type { MessagesDeps } from '../index.ts'

const none = async (): Promise<never> => {
  throw new Error('there are no files here')
}

/** For whoever sends no files. */
export const noMedia: MessagesDeps['media'] = {
  fetch: none,
  receive: none,
  receiveForm: none,
  receiveBase64: none,
  find: none,
  open: none,
  thumbnail: none,
  renditions: { of: none, keep: none, kindOf: () => 'document' },
}
