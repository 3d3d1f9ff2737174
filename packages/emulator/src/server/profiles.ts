import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

import type { Clock } from '../clock.ts'
import type { MediaHost } from '../media/index.ts'
import { node } from '../stanza.ts'
import type { Account } from './account.ts'
import type { StoredGroup } from './groups.ts'
import type { Business, Picture } from './profile.ts'
import type { Router } from './router.ts'

/** Changes what accounts and groups show, and tells those who look at it. `device` is where it was changed: it is not told. */
export class Profiles {
  readonly #router: Router
  readonly #media: MediaHost
  readonly #clock: Clock

  constructor(router: Router, media: MediaHost, clock: Clock) {
    this.#router = router
    this.#media = media
    this.#clock = clock
  }

  /** A JPEG as it is given out; undefined takes the picture away. */
  setPicture(account: Account, jpeg: Uint8Array | undefined, device?: number): Picture | undefined {
    const picture = this.#hosted(jpeg)
    account.profile.picture = picture
    const content = [pictureChange(picture, account.pn)]
    this.#tell(account, 'picture', content, device)
    return picture
  }

  setGroupPicture(group: StoredGroup, by: Account, jpeg: Uint8Array | undefined): Picture | undefined {
    const picture = this.#hosted(jpeg)
    group.picture = picture
    const author = by.address(0, group.server)
    for (const member of group.members.keys())
      this.#router.notify(member, { type: 'picture', from: group.jid }, [pictureChange(picture, author)])
    return picture
  }

  setAbout(account: Account, text: string, device?: number): void {
    account.profile.about = { text, at: this.#clock.now() }
    this.#tell(account, 'status', [node('set', {}, Buffer.from(text))], device)
  }

  setDisappearing(account: Account, seconds: number, device?: number): void {
    account.profile.disappearing = { seconds, at: this.#clock.now() }
    const change = node('disappearing_mode', { duration: String(seconds), t: this.#router.time })
    this.#router.notify(account, { type: 'account_sync', from: account.pn }, [change], device)
  }

  setPrivacy(account: Account, name: string, value: string, device?: number): void {
    account.privacy.set(name, value)
    const category = node('category', { name, value })
    const change = node('privacy', {}, [category])
    this.#router.notify(account, { type: 'account_sync', from: account.pn }, [change], device)
  }

  setBlocked(account: Account, jid: string, isBlocked: boolean, device?: number): void {
    if (isBlocked) account.blocked.add(jid)
    else account.blocked.delete(jid)
    const item = node('item', { jid, action: isBlocked ? 'block' : 'unblock' })
    const change = node('blocklist', { action: 'modify' }, [item])
    this.#router.notify(account, { type: 'account_sync', from: account.pn }, [change], device)
  }

  setBusiness(account: Account, business: Business | undefined): void {
    account.profile.business = business
    this.#tell(account, 'business', [node('profile', { jid: account.pn })])
  }

  #hosted(jpeg: Uint8Array | undefined): Picture | undefined {
    if (jpeg === undefined) return undefined
    const bytes = Buffer.from(jpeg)
    const file = {
      size: bytes.length,
      read: (start: number, end: number) => Readable.from([bytes.subarray(start, end)]),
    }
    const id = String(1_700_000_000 + (randomBytes(4).readUInt32BE() % 99_999_999))
    return { id, url: this.#media.urlOf(this.#media.store.put(file, 'image')) }
  }

  /** To those who looked at it, and to the account's own clients. */
  #tell(account: Account, type: string, content: ReturnType<typeof node>[], device?: number): void {
    this.#router.notify(account, { type, from: account.pn }, content, device)
    for (const viewer of account.viewers)
      if (viewer !== account) this.#router.notify(viewer, { type, from: account.lid }, content)
  }
}

function pictureChange(picture: Picture | undefined, author: string) {
  return picture === undefined ? node('delete', { author }) : node('set', { id: picture.id, author })
}
