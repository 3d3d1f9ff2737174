import type { Account } from './account.ts'
import type { StoredGroup } from './groups.ts'
import type { Server } from './server.ts'

/** What people do in a group, in a test's hand. People are named by number. */
export class GroupControl {
  readonly #server: Server
  readonly #group: StoredGroup

  constructor(server: Server, group: StoredGroup) {
    this.#server = server
    this.#group = group
  }

  /** `120363…@g.us` */
  get jid(): string {
    return this.#group.jid
  }

  get subject(): string {
    return this.#group.subject
  }

  get participants(): StoredGroup['participants'] {
    return this.#group.participants
  }

  /** A member adds, removes, promotes or demotes people; who leaves removes themselves. */
  changes(actor: string, change: 'add' | 'remove' | 'promote' | 'demote', people: readonly string[]): void {
    this.#server.groupActions.changeMembers(
      this.#group,
      this.#account(actor),
      change,
      people.map((number) => this.#account(number)),
    )
  }

  renames(actor: string, subject: string): void {
    this.#server.groupActions.rename(this.#group, this.#account(actor), subject)
  }

  /** @param text - undefined deletes the description */
  describes(actor: string, text: string | undefined): void {
    this.#server.groupActions.describe(this.#group, this.#account(actor), undefined, text)
  }

  #account(number: string): Account {
    return this.#server.accounts.of(number)
  }
}
