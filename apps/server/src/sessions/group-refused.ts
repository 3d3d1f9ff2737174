/** WhatsApp answered a query about a group with an error. */
export class GroupRefused extends Error {
  override readonly name = 'GroupRefused'
  /** WhatsApp's number: 401 and 403 no rights, 404 no such group, 406 and 410 no such invitation, 409 conflict, 419 full. Source: whatsmeow group.go. */
  readonly status: number
  constructor(status: number) {
    super(`WhatsApp refused a query about a group with ${status}`)
    this.status = status
  }
}
