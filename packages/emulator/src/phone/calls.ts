import { randomBytes } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import { isGroup } from '../jid.ts'
import type { Line } from '../line.ts'
import { Log } from '../log.ts'
import { child, children, node } from '../stanza.ts'

/** What a phone heard of a call. */
export interface CallSignal {
  readonly callId: string
  readonly is: 'offer' | 'accept' | 'reject' | 'terminate'
  /** As the stanza named it. */
  readonly from: string
  readonly creator: string
  readonly isVideo: boolean
  readonly reason: string | undefined
  readonly at: number
}

export interface CallOptions {
  video?: boolean
}

/** The calls of a phone: signalling only, nobody talks. */
export class PhoneCalls {
  readonly heard: Log<CallSignal>
  readonly #line: Line

  constructor(line: Line) {
    this.#line = line
    this.heard = new Log(1000, () => line.truth.touched())
  }

  /** Rings at everybody whom `to` names; answers the call's id. */
  offer(to: readonly string[], group: string | undefined, { video = false }: CallOptions): string {
    const callId = randomBytes(16).toString('hex').toUpperCase()
    const media = [node('audio', { enc: 'opus', rate: '16000' }), ...(video ? [node('video')] : [])]
    const { lid, pn } = this.#line
    for (const jid of to) {
      const own = jid.endsWith('@lid')
        ? { 'call-creator': lid, caller_pn: pn }
        : { 'call-creator': pn, caller_lid: lid }
      const attrs = {
        'call-id': callId,
        ...own,
        ...(group !== undefined && { type: 'group', 'group-jid': group }),
      }
      this.#send(jid, node('offer', attrs, media))
    }
    return callId
  }

  end(to: readonly string[], callId: string, reason: string | undefined): void {
    for (const jid of to) {
      const creator = jid.endsWith('@lid') ? this.#line.lid : this.#line.pn
      const attrs = { 'call-id': callId, 'call-creator': creator, ...(reason !== undefined && { reason }) }
      this.#send(jid, node('terminate', attrs))
    }
  }

  /** Takes or refuses a call that rings here. @throws {RangeError} none of that id does */
  answer(callId: string, is: 'accept' | 'reject'): void {
    const offer = this.heard.find((signal) => signal.callId === callId && signal.is === 'offer')
    if (offer === undefined) throw new RangeError(`${this.#line.number} hears no call ${callId}`)
    this.#send(offer.creator, node(is, { 'call-id': callId, 'call-creator': offer.creator, count: '0' }))
  }

  /** A `<call>` that came. */
  hear(stanza: BinaryNode): void {
    const [what] = children(stanza)
    const is = what?.tag
    const callId = what?.attrs['call-id']
    if (what === undefined || callId === undefined) return
    if (is !== 'offer' && is !== 'accept' && is !== 'reject' && is !== 'terminate') return
    this.heard.add({
      callId,
      is,
      from: stanza.attrs['from'] ?? '',
      creator: what.attrs['call-creator'] ?? '',
      isVideo: child(what, 'video') !== undefined,
      reason: what.attrs['reason'],
      at: this.#line.clock.now(),
    })
  }

  #send(to: string, what: BinaryNode): void {
    if (isGroup(to)) throw new RangeError('A call goes to people, one by one.')
    this.#line.send(0, node('call', { to, id: randomBytes(8).toString('hex').toUpperCase() }, [what]))
  }
}
