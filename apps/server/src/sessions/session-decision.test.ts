import { statusOfState } from '@inbox-hub/contract'
import type { DisconnectCause, DisconnectReason, Jid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { announceAfterMs } from './session-change.ts'
import { decide, watchWindowMs } from './session-decision.ts'
import type { Effect, SessionEvent } from './session-events.ts'
import { newStanding, type Standing, stateFacts, type WebVersion } from './session-state.ts'

const start = 1_700_000_000_000
const me = { pn: '12025550123:4@s.whatsapp.net' as Jid, lid: undefined }

/** A session told one thing after another, at the times given. */
class Life {
  now = start
  standing: Standing = newStanding(start, 'stop')
  effects: Effect[] = []
  knownGood: WebVersion | undefined
  jitter = 0.5

  tell(...events: SessionEvent[]): this {
    for (const event of events) {
      const { now, jitter, knownGood } = this
      const { standing, effects } = decide(this.standing, event, { now, jitter, knownGood })
      this.standing = standing
      this.effects = [...effects]
    }
    return this
  }

  after(ms: number): this {
    this.now += ms
    return this
  }

  /** The session's timer fires when it is due. */
  due(more: { slotAt?: number; silence?: DisconnectCause } = {}): this {
    const { deadline } = this.standing
    if (deadline === undefined) throw new Error(`nothing is due in ${this.standing.state.at}`)
    this.now = Math.max(this.now, deadline)
    return this.tell({ type: 'timer', deadline, ...more })
  }

  dialled(): this {
    if (this.standing.lease === 'asked') this.tell({ type: 'claimed', outcome: 'granted' })
    return this.tell({ type: 'dial_turn' })
  }

  shows(index = 1): this {
    const { generation } = this.standing
    return this.tell({
      type: 'qr',
      generation,
      text: `qr${index}`,
      index,
      of: 6,
      expiresAt: this.now + 20_000,
    })
  }

  closes(reason: DisconnectReason, more: Partial<DisconnectCause> = {}): this {
    const cause: DisconnectCause = { origin: 'closed', reason, code: 0, message: reason, ...more }
    return this.tell({ type: 'closed', generation: this.standing.generation, cause })
  }

  says(type: 'paired' | 'online' | 'logged_in' | 'passkey_required' | 'fenced' | 'store_fault'): this {
    const { generation } = this.standing
    return this.tell(type === 'paired' || type === 'online' ? { type, generation, me } : { type, generation })
  }

  get at(): string {
    return this.standing.state.at
  }

  get does(): string[] {
    return this.effects.map((effect) => (effect.do === 'tell' ? `tell ${effect.what}` : effect.do))
  }

  get reason(): string | undefined {
    return 'cause' in this.standing.state ? this.standing.state.cause.code : undefined
  }
}

const connecting = (): Life => new Life().tell({ type: 'connect' }).dialled()
const online = (): Life =>
  connecting().shows().says('paired').closes('restart_required').dialled().says('logged_in').says('online')

test('a scan leads online through the restart, on two sockets', () => {
  const life = connecting()
  expect(life.at).toBe('connecting')
  life.shows()
  expect([life.at, life.does]).toEqual(['pairing', ['arm', 'record', 'tell qr']])
  life.says('paired')
  expect(life.at).toBe('restarting')
  life.closes('restart_required')
  expect([life.at, life.does]).toEqual(['starting', ['arm', 'record', 'queue_dial']])
  life.dialled().says('logged_in')
  expect(life.at).toBe('syncing')
  life.says('online')
  expect([life.at, life.does, life.standing.generation]).toEqual([
    'online',
    ['know', 'disarm', 'record', 'tell connected'],
    2,
  ])
})

test('from connecting to the scan, and through the restart, only three words are on the wire (contract rule 6)', () => {
  const life = new Life().tell({ type: 'connect' })
  const words = new Set<string>()
  const look = () => words.add(statusOfState[life.standing.state.at])
  look()
  life.dialled()
  look()
  for (let index = 1; index <= 6; index++) life.after(20_000).shows(index)
  look()
  life.closes('codes_used_up')
  look()
  life.dialled().shows()
  look()
  life.says('paired')
  look()
  life.closes('restart_required')
  look()
  life.dialled().says('logged_in')
  look()
  expect([...words].sort()).toEqual(['connecting', 'qr_code'])
})

test('QR rounds go on for five minutes after somebody last asked, and then end', () => {
  const life = connecting().shows()
  life.after(watchWindowMs).closes('codes_used_up')
  expect(life.at).toBe('starting')
  life.tell({ type: 'watched' }).dialled().shows().after(watchWindowMs).closes('codes_used_up')
  expect(life.at).toBe('starting')
  life.dialled().shows().after(1).closes('codes_used_up')
  expect([life.at, life.reason, life.does.includes('tell disconnected')]).toEqual([
    'qr_expired',
    'qr_expired',
    true,
  ])
  expect(life.standing.wish).toBe('run')
})

const afterOnline: [DisconnectReason, string, string][] = [
  ['logged_out', 'logged_out', 'logged_out'],
  ['locked', 'logged_out', 'locked'],
  ['banned', 'logged_out', 'banned'],
  ['restricted', 'restricted', 'restricted'],
  ['client_outdated', 'starting', ''],
  ['bad_user_agent', 'failed', 'bad_user_agent'],
  ['phone_outdated', 'failed', 'phone_outdated'],
  ['unexpected_failure', 'failed', 'unexpected_failure'],
  ['restart_required', 'starting', ''],
  ['connection_replaced', 'waiting', 'connection_replaced'],
  ['service_unavailable', 'waiting', 'service_unavailable'],
  ['dns_failed', 'waiting', 'dns_failed'],
  ['unreachable', 'waiting', 'unreachable'],
  ['proxy_refused', 'waiting', 'proxy_refused'],
  ['tls_refused', 'waiting', 'tls_refused'],
  ['clock_wrong', 'waiting', 'clock_wrong'],
  ['upgrade_refused', 'waiting', 'upgrade_refused'],
  ['noise_mismatch', 'waiting', 'noise_mismatch'],
  ['bad_frame', 'waiting', 'bad_frame'],
  ['connection_lost', 'waiting', 'connection_lost'],
  ['connection_closed', 'waiting', 'connection_closed'],
  ['handshake_timeout', 'waiting', 'handshake_timeout'],
  ['no_answer', 'waiting', 'no_answer'],
  ['passkey_required', 'passkey_required', 'passkey_required'],
  ['store_fault', 'store_fault', 'store_fault'],
  ['fenced', 'elsewhere', 'fenced'],
  ['unknown', 'waiting', 'unknown'],
]
test.each(afterOnline)('a linked session that ends for %s is %s', (reason, at, told) => {
  const life = online().closes(reason)
  expect([life.at, life.reason ?? '']).toEqual([at, told])
})

test.each(['logged_out', 'locked', 'banned', 'phone_outdated'] as const)(
  'the credentials go only once they are dead: %s',
  (reason) => {
    const life = online().closes(reason)
    expect(life.effects).toContainEqual({ do: 'forget_credentials', cause: { code: reason } })
    expect(life.standing.linked).toBe(false)
    expect(life.does).not.toContain('release') // not before they are gone
    expect(life.tell({ type: 'credentials_forgotten' }).does).toEqual(['release'])
  },
)

test('the first redial of a link that worked is at once, later ones spread and double up to a minute', () => {
  const life = online()
  life.jitter = 0.999
  life.closes('connection_lost')
  expect(life.standing.deadline).toBe(life.now + 100)
  const delays: number[] = []
  for (let i = 0; i < 9; i++) {
    life.due().dialled().closes('unreachable')
    delays.push((life.standing.deadline ?? 0) - life.now)
  }
  expect(delays).toEqual([1998, 3996, 7992, 15984, 31968, 59940, 59940, 59940, 59940])
})

test('a short stay online does not end the backoff, a minute does', () => {
  const life = online()
  life.jitter = 0.999
  for (let i = 0; i < 3; i++)
    life.closes('connection_lost').due().dialled().says('logged_in').says('online').after(5_000)
  expect(life.closes('connection_lost').standing.deadline).toBe(life.now + 7992)
  life.due().dialled().says('logged_in').says('online').after(60_000)
  expect(life.closes('connection_lost').standing.deadline).toBe(life.now + 100)
})

test('an overloaded WhatsApp is left alone for five seconds', () => {
  const life = online()
  life.jitter = 0
  expect(life.closes('service_unavailable').standing.deadline).toBe(life.now + 5_000)
})

test('a restriction is waited out, never dialled early, and then ends by itself', () => {
  const life = online().closes('restricted', { lastsMs: 3_600_000 })
  const until = life.now + 3_600_000 + 30_000
  expect(life.standing.deadline).toBe(until)
  expect([life.tell({ type: 'connect' }).at, life.tell({ type: 'restart' }).at]).toEqual([
    'restricted',
    'restricted',
  ])
  expect(life.due().at).toBe('claiming')
})

test('a restriction that is told before the socket ends counts from what was told', () => {
  const life = online()
  const until = life.now + 600_000
  life.tell({ type: 'restricted', generation: life.standing.generation, until, scope: 'account' })
  expect([life.at, life.standing.deadline]).toEqual(['restricted', until])
  expect(life.closes('restricted', { lastsMs: 1 }).standing.deadline).toBe(until)
})

test('not being allowed to start new chats leaves the session online', () => {
  const life = online()
  life.tell({
    type: 'restricted',
    generation: life.standing.generation,
    until: start + 1,
    scope: 'new_chats',
  })
  expect([life.at, life.standing.newChatsFrom]).toEqual(['online', start + 1])
})

test('evicted once it tries again after 30 s, evicted twice within ten minutes it stops', () => {
  const life = online().closes('connection_replaced')
  expect(life.standing.deadline).toBe(life.now + 30_000)
  life
    .due()
    .dialled()
    .says('logged_in')
    .says('online')
    .after(9 * 60_000)
  expect(life.closes('connection_replaced').at).toBe('replaced')
})

test('two evictions far apart are two accidents', () => {
  const life = online().closes('connection_replaced').due().dialled().says('logged_in').says('online')
  expect(life.after(10 * 60_000).closes('connection_replaced').at).toBe('waiting')
})

test('a refused version is followed by the last known good one, then by the one WhatsApp serves, then by an hour of rest', () => {
  const life = online()
  life.knownGood = [2, 3000, 5]
  life.closes('client_outdated').dialled()
  expect(life.effects).toContainEqual({ do: 'dial', generation: 3, version: [2, 3000, 5] })
  life.closes('client_outdated')
  expect([life.at, life.does]).toEqual(['starting', ['look_up_version', 'arm', 'record']])
  life.tell({ type: 'version_found', version: [2, 3000, 9] }).dialled()
  expect(life.effects).toContainEqual({ do: 'dial', generation: 4, version: [2, 3000, 9] })
  life.closes('client_outdated')
  expect([life.at, (life.standing.deadline ?? 0) - life.now]).toEqual(['client_outdated', 3_630_000])
  life.due().tell({ type: 'claimed', outcome: 'granted' }).dialled()
  expect(life.effects).toContainEqual({ do: 'dial', generation: 5, version: undefined })
})

test('a version that works is kept, for this session and for the others', () => {
  const life = online().closes('client_outdated')
  life
    .tell({ type: 'version_found', version: [2, 3000, 9] })
    .dialled()
    .says('logged_in')
  expect(life.effects).toContainEqual({ do: 'version_worked', version: [2, 3000, 9] })
  life.says('online').closes('connection_lost').due().dialled()
  expect(life.effects).toContainEqual({ do: 'dial', generation: 4, version: [2, 3000, 9] })
})

test('without another version to try the session says so at once', () => {
  const life = online().closes('client_outdated').tell({ type: 'version_found', version: undefined })
  expect([life.at, life.reason]).toEqual(['client_outdated', 'client_outdated'])
})

test('half-made credentials are replaced once, a second refusal is a failure', () => {
  const life = connecting().closes('half_registered')
  expect([life.at, life.does]).toEqual(['starting', ['arm', 'record', 'forget_credentials']])
  life.tell({ type: 'credentials_forgotten' })
  expect(life.does).toEqual(['queue_dial'])
  life.dialled().closes('half_registered')
  expect([life.at, life.reason]).toEqual(['failed', 'internal_fault'])
})

test('a logout of a session that never had a phone is half-made credentials, not a logout', () => {
  expect(connecting().closes('logged_out').at).toBe('starting')
})

test('the same unexplained failure ten times ends in a diagnosis, a known one never does', () => {
  const unexplained = online()
  for (let i = 0; i < 9; i++) unexplained.closes('unknown', { code: 500 }).due().dialled()
  expect(unexplained.closes('unknown', { code: 500 }).at).toBe('failed')
  const offline = online()
  for (let i = 0; i < 50; i++) offline.closes('unreachable').due().dialled()
  expect(offline.closes('unreachable').at).toBe('waiting')
})

test('a session without a phone stops trying when nobody watches any more', () => {
  const life = connecting()
  for (let i = 0; i < 3; i++) life.closes('unreachable').due().dialled()
  expect(life.after(watchWindowMs).closes('unreachable').at).toBe('failed')
})

test('a dial that says nothing ends with what its silence looks like', () => {
  const life = connecting()
  expect(life.standing.deadline).toBe(life.now + 20_000)
  const silence = { origin: 'deadline', reason: 'handshake_timeout', code: 408, message: '' } as const
  life.due({ silence })
  expect([life.at, life.reason, life.does]).toEqual([
    'waiting',
    'handshake_timeout',
    ['close', 'note_error', 'arm', 'record'],
  ])
})

test('the next dial waits until the socket before is gone', () => {
  const life = online().tell({ type: 'restart' })
  expect([life.at, life.does.includes('queue_dial')]).toEqual(['starting', false])
  expect(life.tell({ type: 'link_gone', generation: life.standing.generation }).does).toEqual(['queue_dial'])
})

test('a redial that finds the budget used up waits for its slot, and says until when', () => {
  const life = online().closes('connection_lost')
  life.due({ slotAt: life.now + 7_000 })
  expect([life.at, life.standing.deadline]).toEqual([
    'waiting',
    life.standing.state.at === 'waiting' ? life.standing.state.until : 0,
  ])
  expect(life.due().at).toBe('starting')
})

test('ten connects at once are one dial, also when that dial fails in an instant', () => {
  const life = connecting().closes('service_unavailable')
  for (let i = 0; i < 9; i++) life.tell({ type: 'connect' })
  expect([life.at, life.standing.generation]).toEqual(['waiting', 1])
  // They bring the redial forward, to five seconds after the dial before.
  expect([life.due().at, life.now - start]).toEqual(['starting', 5_000])
})

test('a drop shorter than a minute is announced to nobody', () => {
  const life = online().closes('connection_lost')
  expect(life.does).toContain('arm_announcement')
  life.due().dialled().says('logged_in').says('online')
  expect(life.does).toEqual(['know', 'disarm', 'record', 'disarm_announcement'])
})

test('a drop that lasts a minute is announced once, and so is the return', () => {
  const life = online().closes('connection_lost').due().dialled().closes('unreachable')
  const at = life.standing.announceAt ?? 0
  expect(at).toBe(start + announceAfterMs)
  expect(life.tell({ type: 'announce_due', at }).does).toEqual(['tell disconnected'])
  expect(life.tell({ type: 'announce_due', at }).does).toEqual([])
  expect(life.due().dialled().says('logged_in').says('online').does).toContain('tell connected')
})

test('what is final is announced at once', () => {
  expect(online().closes('logged_out').does).toContain('tell disconnected')
  expect(online().tell({ type: 'stop', cause: 'deleted' }).effects).toContainEqual({
    do: 'tell',
    what: 'disconnected',
    cause: { code: 'deleted' },
  })
})

test('disconnecting keeps the credentials and gives the lease back when the socket is gone', () => {
  const life = online().tell({ type: 'stop', cause: 'asked' })
  expect([life.at, life.does]).toEqual(['stopped', ['record', 'close', 'tell disconnected']])
  expect(life.tell({ type: 'link_gone', generation: life.standing.generation }).does).toEqual(['release'])
  expect(life.standing.linked).toBe(true)
})

test('taking the device off the phone asks WhatsApp first, then erases what is ours', () => {
  const life = online().tell({ type: 'unlink' })
  expect(life.does).toContain('unlink')
  life.tell({ type: 'link_gone', generation: life.standing.generation })
  expect(life.effects).toContainEqual({ do: 'forget_credentials', cause: { code: 'asked' } })
  life.tell({ type: 'credentials_forgotten' })
  expect([life.at, life.standing.wish, life.standing.lease]).toEqual(['stopped', 'stop', 'none'])
})

test('a session that is not online goes online once more to leave the phone', () => {
  const life = online().tell({ type: 'stop', cause: 'asked' })
  life.tell({ type: 'link_gone', generation: life.standing.generation }, { type: 'unlink' })
  life.dialled().says('logged_in').says('online')
  expect([life.at, life.does]).toEqual(['draining', ['know', 'arm', 'record', 'unlink']])
})

test('a phone that cannot be told is left; what is ours is erased all the same', () => {
  const life = online().tell({ type: 'stop', cause: 'asked' })
  life.tell({ type: 'link_gone', generation: life.standing.generation }, { type: 'unlink' }).dialled()
  life.closes('unreachable').due().dialled().closes('unreachable').due().dialled().closes('unreachable')
  expect([life.at, life.standing.linked, life.does.includes('forget_credentials')]).toEqual([
    'stopped',
    false,
    true,
  ])
})

test('a store that takes no writes cuts the socket, is probed ever more slowly, and is believed when it answers', () => {
  const life = online().says('store_fault')
  expect([life.at, life.does.includes('close')]).toEqual(['store_fault', true])
  life.closes('store_fault')
  const pauses: number[] = []
  for (let i = 0; i < 7; i++) {
    life.due()
    expect(life.does).toContain('probe_store')
    life.tell({ type: 'store_answers', ok: false })
    pauses.push((life.standing.deadline ?? 0) - life.now)
  }
  expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  life.tell({ type: 'store_answers', ok: true })
  expect([life.at, life.due().at]).toEqual(['waiting', 'starting'])
})

test('a claim that the store does not answer is a store fault', () => {
  const life = new Life().tell({ type: 'connect' })
  expect(life.due().at).toBe('store_fault')
})

test('credentials that cannot be read are never replaced', () => {
  const life = connecting()
  life.tell({ type: 'dial_failed', generation: 1, why: 'unreadable' })
  expect([life.at, life.reason, life.does.includes('forget_credentials')]).toEqual([
    'failed',
    'credentials_unreadable',
    false,
  ])
})

test('a lease that is lost closes the socket, and is asked for again when it is gone', () => {
  const life = online().tell({ type: 'lease_lost' })
  expect([life.at, life.does]).toEqual([
    'draining',
    ['drop_lease', 'arm_announcement', 'arm', 'record', 'close'],
  ])
  life.tell({ type: 'link_gone', generation: life.standing.generation })
  expect(life.at).toBe('elsewhere')
  expect(life.due().does).toContain('claim')
})

test('another node that owns the session is asked every five seconds, without a word, until it is free', () => {
  const life = new Life().tell({ type: 'connect' }, { type: 'claimed', outcome: 'denied' })
  expect([life.at, (life.standing.deadline ?? 0) - life.now]).toEqual(['elsewhere', 5_000])
  for (let i = 0; i < 3; i++) {
    expect(life.due().does).toEqual(['arm', 'claim'])
    expect(life.tell({ type: 'claimed', outcome: 'denied' }).does).toEqual([])
  }
  life.due().tell({ type: 'claimed', outcome: 'granted' })
  expect([life.at, life.does]).toEqual(['starting', ['arm', 'record', 'queue_dial']])
})

test('what a socket of an older generation says changes nothing', () => {
  const life = online().tell({ type: 'restart' })
  const old = life.standing.generation
  life.tell({ type: 'link_gone', generation: old }).dialled()
  const before = life.standing
  for (const event of [
    { type: 'online', generation: old, me },
    { type: 'store_fault', generation: old },
    {
      type: 'closed',
      generation: old,
      cause: { origin: 'closed', reason: 'logged_out', code: 401, message: '' },
    },
  ] satisfies SessionEvent[]) {
    expect(life.tell(event).standing).toBe(before)
    expect(life.effects).toEqual([])
  }
})

test('a new process takes up what was running and lets rest what had ended', () => {
  const again = (life: Life): Life => {
    const next = new Life()
    next.now = life.now
    next.standing = {
      ...life.standing,
      socket: 'none',
      lease: 'none',
      deadline: undefined,
      announceAt: undefined,
    }
    return next.tell({ type: 'boot' })
  }
  const running = again(online())
  expect([running.at, running.reason, statusOfState[running.standing.state.at]]).toEqual([
    'waiting',
    'starting_up',
    'connecting',
  ])
  expect(running.standing.announceAt).toBe(running.now + announceAfterMs)
  expect(again(online().closes('logged_out')).at).toBe('logged_out')
  expect(again(online().closes('restricted', { lastsMs: 60_000 })).at).toBe('restricted')
  expect(again(online().tell({ type: 'stop', cause: 'asked' })).at).toBe('stopped')
  const created = new Life()
  created.standing = newStanding(start, 'stop')
  expect(again(created).at).toBe('never_started')
})

test('shutting down closes the socket, then gives the lease back, and keeps the wish', () => {
  const life = online().tell({ type: 'shutdown' })
  expect([life.at, life.does]).toEqual(['draining', ['arm_announcement', 'arm', 'record', 'close']])
  life.tell({ type: 'link_gone', generation: life.standing.generation })
  expect([life.standing.lease, life.standing.wish]).toEqual(['none', 'run'])
})

test('a restart that WhatsApp asks for without end becomes a failure like any other', () => {
  const life = online()
  for (let i = 0; i < 5; i++) life.closes('restart_required').dialled()
  expect(life.closes('restart_required').at).toBe('waiting')
})

test('every state has a meaning, a remedy and, while it moves, an end', () => {
  for (const [at, facts] of Object.entries(stateFacts)) {
    expect([at, facts.meaning.length > 10, facts.remedy.length > 5]).toEqual([at, true, true])
    expect([at, facts.kind === 'moving' ? facts.deadlineMs !== undefined : true]).toEqual([at, true])
  }
})
