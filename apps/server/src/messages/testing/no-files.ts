import type { MessageFiles } from '../../media/index.ts'

/** Messages without the module that keeps their files. */
export const noFiles: Pick<MessageFiles, 'arrived' | 'links' | 'forget'> = {
  arrived: async () => {},
  forget: async () => {},
  links: {
    expiresAt: () => 0,
    fileOf: (messageId, baseUrl) => `${baseUrl}/file-of-${messageId}`,
    thumbnailOf: (messageId, baseUrl) => `${baseUrl}/thumbnail-of-${messageId}`,
    ofEvent: (messageId) => ({
      url: `http://hub/file-of-${messageId}`,
      thumbnailUrl: `http://hub/thumbnail-of-${messageId}`,
    }),
  },
}
