import { randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import { deviceJid, isGroup, namesAuthors, parseUser, statusBroadcast, type UserJid } from '../jid.ts'
import { child, children, childrenOf, encodeStanza, node } from '../stanza.ts'
import type { Account, Accounts, LinkedDevice } from './account.ts'
import type { Groups, StoredGroup } from './groups.ts'

/** The device a stanza comes from. */
export interface Sender {
  account: Account
  device: number
  /** What it calls itself to others. */
  pushName: string | undefined
}

/** One device of one account. */
interface Destination {
  account: Account
  device: number
}

/**
 * Brings stanzas from one device to others, whether they are linked over a socket or simulated in this
 * process. Adds who sent them and when; the ciphertexts pass as they are.
 */
export class Router {
  readonly #accounts: Accounts
  readonly #groups: Groups
  readonly #clock: Clock

  constructor(accounts: Accounts, groups: Groups, clock: Clock) {
    this.#accounts = accounts
    this.#groups = groups
    this.#clock = clock
  }

  /** Server time as stanzas carry it, Unix seconds. */
  get time(): string {
    return String(Math.floor(this.#clock.now() / 1000))
  }

  /** Routes `<message>`. Gives how many devices it went to; 0: the address leads nowhere, or the sender is no member. */
  message(sender: Sender, stanza: BinaryNode): number {
    const { to = '', participant } = stanza.attrs
    const encrypted = child(stanza, 'enc')
    const one = participant ?? (child(stanza, 'participants') === undefined ? to : undefined)
    if (isGroup(to)) return this.#groupMessage(sender, stanza, participant)
    // A single ciphertext for a single device: what only the phone should read, or one asked for again.
    if (one !== undefined && encrypted !== undefined) {
      const destination = this.#destination(one)
      if (destination === undefined) return 0
      this.deliver(destination, this.#directMessage(sender, stanza, destination.account, [encrypted]))
      return 1
    }
    let count = 0
    for (const recipient of childrenOf(child(stanza, 'participants'), 'to')) {
      const destination = this.#destination(recipient.attrs['jid'] ?? '')
      if (destination === undefined || isSame(destination, sender)) continue
      if (blocks(destination.account, sender.account)) continue
      // A status is sealed once for all who are named, as in a group.
      const shared = to === statusBroadcast ? childrenOf(stanza, 'enc') : []
      const content = [...children(recipient), ...shared]
      this.deliver(destination, this.#directMessage(sender, stanza, destination.account, content))
      count += 1
    }
    return count
  }

  /** Routes `<receipt>` to those it tells something. */
  receipt(sender: Sender, stanza: BinaryNode): void {
    const { to = '', participant, recipient, type } = stanza.attrs
    const author = this.#destination(participant ?? to)
    switch (type ?? 'delivery') {
      case 'retry':
        if (author !== undefined) this.deliver(author, this.#receiptFor(author.account, sender, stanza, true))
        return
      case 'sender':
        return // One of our devices has a copy of what another sent: between it and the server.
      case 'peer_msg':
      case 'hist_sync':
      case 'server-error': // A file that cannot be downloaded any more: asked of the phone.
        this.#ownPhone(sender, {
          ...stanza,
          attrs: { ...stanza.attrs, from: sender.account.address(sender.device, 's.whatsapp.net') },
        })
        return
      case 'read':
      case 'read-self':
        this.#tellOwnDevices(sender, stanza, 'read-self')
        if (type === 'read-self') return
        break
      case 'played':
        this.#tellOwnDevices(sender, stanza, 'played-self')
        break
      default:
    }
    if (author === undefined || author.account === sender.account || recipient !== undefined) return
    const forwarded = this.#receiptFor(
      author.account,
      sender,
      stanza,
      type === undefined || type === 'inactive',
    )
    for (const device of author.account.devices) this.deliver({ account: author.account, device }, forwarded)
  }

  /** Routes `<presence>`: a subscription, or news for those who subscribed. */
  presence(sender: Sender, stanza: BinaryNode): void {
    const { to, type } = stanza.attrs
    const { account } = sender
    if (type === 'subscribe' || type === 'unsubscribe') {
      const target = this.#accounts.find(to ?? '')
      const key = `${account.user} ${sender.device}`
      if (type === 'unsubscribe') target?.presenceWatchers.delete(key)
      else if (target !== undefined) {
        const form = formOf(to ?? '')
        target.presenceWatchers.set(key, { account, device: sender.device, form })
        if (target.presence !== undefined) {
          this.deliverNow(sender, node('presence', { ...target.presence, from: target.address(0, form) }))
        }
      }
      return
    }
    if (type === undefined) return // A client that only tells its name.
    const isHidden = account.privacy.get('last') === 'none'
    const last =
      stanza.attrs['last'] ?? (type === 'unavailable' ? (isHidden ? 'deny' : this.time) : undefined)
    account.presence = { type, ...(last !== undefined && { last }) }
    for (const watcher of account.presenceWatchers.values()) {
      this.deliverNow(
        watcher,
        node('presence', { ...account.presence, from: account.address(0, watcher.form) }),
      )
    }
  }

  /** Routes `<chatstate>` (typing) to those in the chat who are connected. */
  chatState(sender: Sender, stanza: BinaryNode): void {
    const { to = '' } = stanza.attrs
    const content = [...children(stanza)]
    if (isGroup(to)) {
      const group = this.#groups.find(to)
      if (group === undefined) return
      const attrs = { from: to, participant: sender.account.address(0, group.server) }
      for (const destination of this.#membersOf(group, sender)) {
        this.deliverNow(destination, node('chatstate', attrs, content))
      }
      return
    }
    const account = this.#accounts.find(to)
    if (account === undefined || blocks(account, sender.account)) return
    const from = sender.account.address(0, formOf(to))
    for (const device of account.devices)
      this.deliverNow({ account, device }, node('chatstate', { from }, content))
  }

  /** Routes `<call>` to all devices of the one who is called. */
  call(sender: Sender, stanza: BinaryNode): void {
    const { to = '', id = newId() } = stanza.attrs
    const account = this.#accounts.find(to)
    if (account === undefined) return
    const attrs = {
      from: sender.account.address(0, formOf(to)),
      id,
      t: this.time,
      ...(sender.pushName !== undefined && { notify: sender.pushName }),
    }
    for (const device of account.devices) this.deliver({ account, device }, { ...stanza, attrs })
    this.#stopRinging(sender, account, stanza)
  }

  /** Who took or refused a call on one device does not want it to ring on the others. */
  #stopRinging({ account, device: answering }: Sender, caller: Account, stanza: BinaryNode): void {
    const [what] = children(stanza)
    if ((what?.tag !== 'accept' && what?.tag !== 'reject') || account === caller) return
    const form = formOf(stanza.attrs['to'] ?? '')
    const { 'call-id': callId = '', 'call-creator': creator = '' } = what.attrs
    const reason = what.tag === 'accept' ? 'accepted_elsewhere' : 'rejected_elsewhere'
    const content = [node('terminate', { 'call-id': callId, 'call-creator': creator, reason })]
    for (const device of account.devices) {
      if (device === answering) continue
      const attrs = { from: caller.address(0, form), id: newId(), t: this.time }
      this.deliver({ account, device }, node('call', attrs, content))
    }
  }

  /** Sends a `<notification>` to every device of an account except one. */
  notify(account: Account, attrs: BinaryNode['attrs'], content: BinaryNode[], except?: number): void {
    for (const device of account.devices) {
      if (device !== except) this.notifyDevice({ account, device }, attrs, content)
    }
  }

  notifyDevice(destination: Destination, attrs: BinaryNode['attrs'], content: BinaryNode[]): void {
    this.deliver(destination, node('notification', { id: newId(), t: this.time, ...attrs }, content))
  }

  /** An account's devices changed: its other devices and whoever knows the old list must ask again. */
  devicesChanged(account: Account, change: 'add' | 'remove', device: number): void {
    const about = (jid: string): BinaryNode[] => [
      node(change, { device_hash: newId() }, [node('device', { jid, 'key-index': String(device) })]),
    ]
    const attrs = { type: 'devices', from: account.pn }
    this.notify(account, attrs, about(account.address(device, 's.whatsapp.net')), device)
    for (const watcher of account.watchers) {
      if (watcher === account) continue
      this.notify(watcher, attrs, about(account.address(device, 's.whatsapp.net')))
      this.notify(watcher, { ...attrs, from: account.lid }, about(account.address(device, 'lid')))
    }
  }

  /** Gives a stanza to a device, now or when it is back. */
  deliver({ account, device }: Destination, stanza: BinaryNode): void {
    const linked = account.linked.get(device)
    if (linked === undefined) {
      if (account.registered && account.phone.devices.includes(device)) account.phone.receive(device, stanza)
      return
    }
    const fault = stanza.tag === 'message' ? account.faults.deliveries.take() : undefined
    switch (fault?.kind) {
      case undefined:
        return linked.deliveries.push(stanza)
      case 'corrupt':
        return linked.deliveries.push(corrupted(stanza))
      case 'withheld':
        return linked.deliveries.push(stanza, 'not now')
      case 'compressed':
        return linked.deliveries.push(stanza, deflated(stanza))
    }
  }

  /** Gives a stanza to a device that is there to take it. */
  deliverNow({ account, device }: Destination, stanza: BinaryNode): void {
    const linked: LinkedDevice | undefined = account.linked.get(device)
    if (linked !== undefined) linked.sendNow(stanza)
    else if (account.registered && account.phone.devices.includes(device))
      account.phone.receive(device, stanza)
  }

  #groupMessage(sender: Sender, stanza: BinaryNode, participant: string | undefined): number {
    const { to = '' } = stanza.attrs
    const group = this.#groups.find(to)
    if (group === undefined || !group.members.has(sender.account)) return 0
    const attrs = { ...this.#common(sender, stanza), from: to, ...groupSender(group, sender) }
    const passed = forwardedParts(stanza)
    const encrypted = childrenOf(stanza, 'enc')
    if (participant !== undefined) {
      const destination = this.#destination(participant)
      if (destination === undefined) return 0
      this.deliver(destination, node('message', attrs, [...encrypted, ...passed]))
      return 1
    }
    const own = new Map<string, readonly BinaryNode[]>()
    for (const recipient of childrenOf(child(stanza, 'participants'), 'to')) {
      const destination = this.#destination(recipient.attrs['jid'] ?? '')
      if (destination !== undefined) own.set(keyOf(destination), children(recipient))
    }
    const destinations = this.#membersOf(group, sender)
    for (const destination of destinations) {
      const content = [...(own.get(keyOf(destination)) ?? []), ...encrypted, ...passed]
      this.deliver(destination, node('message', attrs, content))
    }
    return destinations.length
  }

  #directMessage(
    sender: Sender,
    stanza: BinaryNode,
    recipient: Account,
    content: readonly BinaryNode[],
  ): BinaryNode {
    const { to = '', category, recipient: chat } = stanza.attrs
    const form = formOf(to)
    const attrs: BinaryNode['attrs'] = {
      ...this.#common(sender, stanza),
      from: sender.account.address(sender.device, form),
    }
    if (to === statusBroadcast) {
      attrs['from'] = to
      attrs['participant'] = sender.account.address(sender.device, 's.whatsapp.net')
    } else if (recipient !== sender.account) {
      if (form === 'lid') attrs['sender_pn'] = sender.account.pn
      else attrs['sender_lid'] = sender.account.lid
    } else if (category !== 'peer') {
      // A copy of what another of the account's devices sent: names the chat it belongs to.
      const other = this.#accounts.find(chat ?? to)
      attrs['recipient'] = bare(chat ?? to)
      if (other !== undefined) {
        if (form === 'lid') attrs['peer_recipient_pn'] = other.pn
        else attrs['peer_recipient_lid'] = other.lid
      }
    }
    return node('message', attrs, [...content, ...forwardedParts(stanza)])
  }

  #common(sender: Sender, { attrs }: BinaryNode): BinaryNode['attrs'] {
    const { id = '', type = 'text', edit, category } = attrs
    return {
      id,
      type,
      t: this.time,
      ...(sender.pushName !== undefined && { notify: sender.pushName }),
      ...(edit !== undefined && { edit }),
      ...(category !== undefined && { category }),
    }
  }

  #receiptFor(author: Account, sender: Sender, stanza: BinaryNode, isDelivery: boolean): BinaryNode {
    const { to = '', id = '', type, recipient } = stanza.attrs
    const attrs: BinaryNode['attrs'] = { id, t: this.time }
    if (isGroup(to)) {
      const server = this.#groups.find(to)?.server ?? 's.whatsapp.net'
      attrs['from'] = to
      attrs['participant'] = sender.account.address(isDelivery ? sender.device : 0, server)
    } else if (to === statusBroadcast) {
      attrs['from'] = to
      attrs['participant'] = sender.account.address(sender.device, 's.whatsapp.net')
    } else {
      attrs['from'] = sender.account.address(isDelivery ? sender.device : 0, formOf(to))
    }
    if (type !== undefined && type !== 'inactive') attrs['type'] = type
    if (author === sender.account && recipient !== undefined) attrs['recipient'] = recipient
    return stanza.content === undefined ? node('receipt', attrs) : node('receipt', attrs, stanza.content)
  }

  /** What one device has read, the account's others need not show as new. */
  #tellOwnDevices(sender: Sender, stanza: BinaryNode, type: 'read-self' | 'played-self'): void {
    const { account } = sender
    const { to = '', participant, id = '' } = stanza.attrs
    const chat = namesAuthors(to)
      ? { from: to, participant: account.address(sender.device, formOf(participant ?? to)) }
      : { from: account.address(sender.device, formOf(to)), recipient: bare(to) }
    const attrs = { ...chat, id, t: this.time, type }
    for (const device of account.devices) {
      if (device !== sender.device) this.deliver({ account, device }, { ...stanza, attrs })
    }
  }

  #ownPhone(sender: Sender, stanza: BinaryNode): void {
    if (sender.device !== 0) this.deliver({ account: sender.account, device: 0 }, stanza)
  }

  #destination(jid: string): Destination | undefined {
    const parsed = parseUser(jid)
    const account = parsed === undefined ? undefined : this.#accounts.at(parsed)
    return parsed === undefined || account === undefined ? undefined : { account, device: parsed.device }
  }

  /** All devices in a group but the one that sends. */
  #membersOf(group: StoredGroup, sender: Sender): Destination[] {
    const destinations: Destination[] = []
    for (const account of group.members.keys()) {
      for (const device of account.devices) {
        if (account !== sender.account || device !== sender.device) destinations.push({ account, device })
      }
    }
    return destinations
  }
}

export function newId(): string {
  return randomBytes(8).toString('hex').toUpperCase()
}

/** Whether somebody does not want to hear from another. Clients name whom they block by LID or PN. */
function blocks(account: Account, other: Account): boolean {
  return account.blocked.size > 0 && (account.blocked.has(other.pn) || account.blocked.has(other.lid))
}

function isSame(one: Destination, other: Destination): boolean {
  return one.account === other.account && one.device === other.device
}

function keyOf({ account, device }: Destination): string {
  return `${account.user} ${device}`
}

/** Parts of a message all recipients get. `tctoken` is for the server only. */
function forwardedParts(stanza: BinaryNode): BinaryNode[] {
  return children(stanza).filter(
    ({ tag }) => tag === 'device-identity' || tag === 'reporting' || tag === 'meta',
  )
}

/** In which of the two forms an address is; stanzas are answered in the form they were sent. */
function formOf(jid: string): UserJid['server'] {
  return jid.endsWith('@lid') ? 'lid' : 's.whatsapp.net'
}

/** An address without its device. */
function bare(jid: string): string {
  const parsed = parseUser(jid)
  return parsed === undefined ? jid : deviceJid(parsed.user, 0, parsed.server)
}

/** Who wrote in a group, in both forms. */
function groupSender(group: StoredGroup, { account, device }: Sender): BinaryNode['attrs'] {
  const participant = account.address(device, group.server)
  return group.server === 'lid'
    ? { participant, participant_pn: account.pn, addressing_mode: 'lid' }
    : { participant, participant_lid: account.lid, addressing_mode: 'pn' }
}

/** The stanza with a byte of each ciphertext changed. */
function corrupted(stanza: BinaryNode): BinaryNode {
  const content = children(stanza).map((each) => {
    if (each.tag !== 'enc' || !(each.content instanceof Uint8Array)) return each
    const bytes = Buffer.from(each.content)
    const last = bytes.length - 1
    bytes[last] = (bytes[last] ?? 0) ^ 0xff
    return { ...each, content: bytes }
  })
  return { ...stanza, content }
}

/** The plaintext of a frame whose binary node is compressed. */
function deflated(stanza: BinaryNode): Buffer {
  return Buffer.concat([Buffer.from([2]), deflateSync(encodeStanza(stanza).subarray(1))])
}
