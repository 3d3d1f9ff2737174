/** WhatsApp's media host does not take a file, and will not when it is asked again: it is too large (413), or of no type it knows (415). */
export class UploadRefused extends Error {
  override readonly name = 'UploadRefused'
  readonly status: number
  constructor(status: number) {
    super(`WhatsApp's media host refused a file with ${status}`)
    this.status = status
  }
}
