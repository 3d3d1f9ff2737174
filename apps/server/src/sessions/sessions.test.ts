import { sessionStatuses, statusOfState } from '@inbox-hub/contract'
import type { DisconnectCause } from '@inbox-hub/whatsapp'
import { describe, expect, test } from 'vitest'

import { StoreFault } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import { createFakeEngine, linkedAs } from './testing/fake-engine.ts'
import { owner, sessionsOn } from './testing/sessions-under-test.ts'

const lost: DisconnectCause = {
  origin: 'closed',
  reason: 'connection_lost',
  code: 408,
  message: 'Connection was lost',
}
const patient = new AbortController().signal

databases('sessions', ({ open, place }) => {
  test('creating answers before WhatsApp is asked, and connects in the background', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const { is, record } = await hub.sessions.create(owner, {
      ...wanted,
      sessionId: 'support',
      name: 'Support',
    })
    expect([is, record.id, statusOfState[record.standing.state.at]]).toEqual(['created', 1, 'pending'])
    expect(hub.sessions.find(owner, 'support', 'name_first')).toMatchObject({ id: 1, name: 'Support' })
    expect(hub.sessions.find(owner, '1', 'number_first').sessionId).toBe('support')
    const dial = await hub.engine.dialOf(1)
    expect([dial.options.generation, dial.options.pairing]).toEqual([1, { method: 'qr' }])
    expect(hub.at(1)).toBe('connecting')
  })

  test('a session that is not to connect stays pending until it is asked', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('later', { autoConnect: false })
    expect(hub.at(id)).toBe('never_started')
    await hub.sessions.connect(owner, 'later')
    await hub.engine.dialOf(id)
  })

  test('ten connects at once, and ten more while it connects, are one dial', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support', { autoConnect: false })
    const ask = () => Promise.all(Array.from({ length: 10 }, () => hub.sessions.connect(owner, 'support')))
    await ask()
    await hub.engine.dialOf(id)
    await ask()
    expect(hub.engine.dials).toHaveLength(1)
    const row = await database.read.selectFrom('session').select('wish').executeTakeFirst()
    expect(row).toEqual({ wish: 'run' })
  })

  test('from create to online every state is one timeline row and one event, and the world is told once', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const online: number[] = []
    hub.sessions.onOnline((who) => online.push(who))
    await hub.link(id)
    const path = [
      'claiming',
      'starting',
      'connecting',
      'pairing',
      'restarting',
      'starting',
      'connecting',
      'syncing',
      'online',
    ]
    expect(await hub.states(id)).toEqual(path)
    const told = await hub.told(id)
    expect(told.filter(({ type }) => type === 'session.state').map(({ data }) => data['state'])).toEqual(path)
    expect(
      told.filter(({ type }) => type !== 'session.state').map(({ type, data }) => [type, data['status']]),
    ).toEqual([
      ['session.qr', 'qr_code'],
      ['session.connected', 'connected'],
    ])
    expect(online).toEqual([id])
    expect(hub.sessions.link(id)?.generation).toBe(2)
    expect(hub.sessions.view(id)).toMatchObject({ mePn: linkedAs.pn, phoneNumber: '12025550123' })
  })

  test('the figures say how many sessions have which status, and why dials fail', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const dial = await hub.link(id)
    dial.hangUp(lost)
    await hub.create('later', { autoConnect: false })
    const figures = await hub.metrics.metrics()
    const line = (name: string, labels: string): string | undefined =>
      figures.split('\n').find((each) => each.startsWith(`${name}{${labels}}`))
    expect(line('inbox_hub_session_moves_total', 'state="connecting",reason=""')).toMatch(/ 2$/)
    expect(line('inbox_hub_session_moves_total', 'state="waiting",reason="connection_lost"')).toMatch(/ 1$/)
    expect(line('inbox_hub_sessions', 'status="connecting"')).toMatch(/ 1$/)
    expect(line('inbox_hub_sessions', 'status="pending"')).toMatch(/ 1$/)
    expect(line('inbox_hub_sessions', 'status="connected"')).toMatch(/ 0$/)
  })

  test('the text of a QR is in no table', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    ;(await hub.engine.dialOf(id)).showQr()
    expect(hub.sessions.waitingQr(id)?.text).toContain('secret-1')
    await hub.told(id)
    for (const table of ['session', 'session_timeline', 'event'] as const) {
      const rows = await database.read.selectFrom(table).selectAll().execute()
      expect(JSON.stringify(rows)).not.toContain('secret-1')
    }
  })

  test('proxy and webhook secret are sealed at rest, and read back after a restart', async () => {
    await using where = await place()
    {
      await using database = await where.open()
      await using hub = await sessionsOn(database)
      const proxy = 'socks5://user:hunter2-proxy@127.0.0.1:1080'
      await hub.create('support', {
        proxy,
        webhookUrl: 'https://crm.example.com/hook',
        webhookSecret: 'hunter2-webhook-secret',
        autoConnect: false,
      })
      const rows = await database.read.selectFrom('session').selectAll().execute()
      const bytes = rows.flatMap((row) =>
        [row.proxy, row.webhook_secret].map((sealed) => Buffer.from(sealed ?? []).toString('latin1')),
      )
      expect(bytes.join('')).not.toContain('hunter2')
    }
    await using database = await where.open()
    await using hub = await sessionsOn(database)
    expect(hub.sessions.view(1)?.webhook.secret).toBe('hunter2-webhook-secret')
    await hub.sessions.connect(owner, '1')
    expect((await hub.engine.dialOf(1)).options.proxy).toContain('hunter2-proxy')
  })

  test('what was running runs again in the next process, without a scan; what had ended rests', async () => {
    await using where = await place()
    {
      await using database = await where.open()
      await using hub = await sessionsOn(database)
      const [running, left, out] = [
        await hub.create('running'),
        await hub.create('left'),
        await hub.create('out'),
      ]
      for (const id of [running, left, out]) await hub.link(id)
      await hub.sessions.disconnect(left, { logout: false })
      const dial = await hub.engine.dialOf(out)
      dial.hangUp({ origin: 'failure', reason: 'logged_out', code: 401, message: 'Connection Failure' })
      await hub.told(out)
      expect(hub.engine.forgotten).toEqual([{ sessionId: out, cause: 'logged_out' }])
    }
    await using database = await where.open()
    await using hub = await sessionsOn(database)
    hub.sessions.start()
    expect([1, 2, 3].map((id) => hub.at(id))).toEqual(['waiting', 'stopped', 'logged_out'])
    expect(statusOfState['waiting']).toBe('connecting')
    await hub.clock.advance(0)
    const dial = await hub.login(1, 1)
    expect(dial.options.generation).toBe(3)
    expect(hub.at(1)).toBe('online')
    // Nobody was told of the few seconds between: the CRM still believes it connected.
    expect((await hub.told(1)).filter(({ type }) => type === 'session.connected')).toHaveLength(1)
    expect(hub.sessions.view(3)?.phoneNumber).toBeUndefined()
  })

  test('a deleted session is gone from lists and reads, and comes back under its number without a scan', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database, { frappeUrl: 'https://crm.example.com/hook' })
    const id = await hub.create('support', { name: 'Support', webhookUrl: 'https://crm.example.com/hook' })
    const dial = await hub.link(id)
    await hub.sessions.remove(id)
    expect(dial.closed).toBe(true)
    expect(hub.sessions.list(owner)).toEqual([])
    expect(() => hub.sessions.find(owner, 'support', 'name_first')).toThrow(
      expect.objectContaining({ code: 'SESSION_NOT_FOUND' }),
    )
    expect(() => hub.sessions.find(owner, String(id), 'number_first')).toThrow(
      expect.objectContaining({ code: 'SESSION_NOT_FOUND' }),
    )
    expect((await hub.told(id)).at(-1)).toMatchObject({
      type: 'session.disconnected',
      data: { reason: 'deleted' },
    })
    const { is, record } = await hub.sessions.create(owner, { ...wanted, sessionId: 'support' })
    expect([is, record.id, record.settings.name, record.settings.sendToFrappe]).toEqual([
      'revived',
      id,
      'Support',
      true,
    ])
    await hub.login(id, 3)
    expect(hub.at(id)).toBe('online')
    expect(hub.engine.forgotten).toEqual([])
  })

  test('connecting a deleted session by its number brings it back too', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    await hub.link(id)
    await hub.sessions.remove(id)
    const record = await hub.sessions.connect(owner, String(id))
    expect([record.id, record.deletedAt]).toEqual([id, undefined])
    await hub.login(id, 3)
    expect(hub.at(id)).toBe('online')
  })

  test('a second create of a living session is told of the first, also when both come at once', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const outcomes = await Promise.all(
      ['same', 'same', 'other'].map((sessionId) => hub.sessions.create(owner, { ...wanted, sessionId })),
    )
    expect(outcomes.map(({ is, record }) => [is, record.sessionId])).toEqual([
      ['created', 'same'],
      ['exists', 'same'],
      ['created', 'other'],
    ])
    expect(outcomes[0]?.record.id).toBe(outcomes[1]?.record.id)
  })

  test("another owner's session is not found, and its name is free for oneself", async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const notFound = expect.objectContaining({ code: 'SESSION_NOT_FOUND' })
    expect(() => hub.sessions.find(2, 'support', 'name_first')).toThrow(notFound)
    expect(() => hub.sessions.find(2, String(id), 'number_first')).toThrow(notFound)
    await expect(hub.sessions.connect(2, 'support')).rejects.toThrow(notFound)
    expect((await hub.sessions.create(2, { ...wanted, sessionId: 'support' })).is).toBe('created')
  })

  test('a tombstone is purged after thirty days: off the phone, out of the tables, its name free', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    await hub.link(id)
    await hub.sessions.remove(id)
    const others: number[] = []
    hub.sessions.whilePurging(async (_tx, purged) => void others.push(purged))
    const day = 86_400_000
    for (let i = 0; i < 29; i++) await hub.clock.advance(day)
    expect(others).toEqual([])
    const purging = (async () => {
      for (let i = 0; i < 30 && others.length === 0; i++) await hub.clock.advance(3_600_000)
    })()
    const dial = await hub.login(id, 3)
    await purging
    expect([dial.loggedOut, hub.engine.forgotten]).toEqual([true, [{ sessionId: id, cause: 'asked' }]])
    for (let turn = 0; others.length === 0 && turn < 1000; turn++) await hub.clock.advance(1_000)
    expect(others).toEqual([id])
    for (const table of ['session', 'session_timeline'] as const) {
      while ((await database.read.selectFrom(table).selectAll().execute()).length > 0)
        await hub.clock.advance(0)
    }
    expect((await hub.sessions.create(owner, { ...wanted, sessionId: 'support' })).record.id).toBe(2)
  })

  describe('asking for a QR', () => {
    test('is answered as soon as there is one, and starts a session that was never started', async () => {
      await using database = await open()
      await using hub = await sessionsOn(database)
      const id = await hub.create('support', { autoConnect: false })
      const asked = hub.sessions.awaitQr(id, 8_000, patient)
      ;(await hub.engine.dialOf(id)).showQr()
      expect(await asked).toMatchObject({ is: 'shown', qr: { index: 1, of: 6 } })
      expect(await hub.sessions.awaitQr(id, 0, patient)).toMatchObject({ is: 'shown' })
    })

    test('that has expired waits for the next', async () => {
      await using database = await open()
      await using hub = await sessionsOn(database)
      const id = await hub.create('support')
      const dial = await hub.engine.dialOf(id)
      dial.showQr()
      await hub.clock.advance(60_000)
      const asked = hub.sessions.awaitQr(id, 8_000, patient)
      dial.showQr(2)
      expect(await asked).toMatchObject({ is: 'shown', qr: { index: 2 } })
    })

    test('is answered with not ready when the wait is over, and at once when none will come', async () => {
      await using database = await open()
      await using hub = await sessionsOn(database)
      const id = await hub.create('support')
      const dial = await hub.engine.dialOf(id)
      const asked = hub.sessions.awaitQr(id, 8_000, patient)
      await hub.clock.advance(8_000)
      expect(await asked).toEqual({ is: 'not_ready' })
      const asks = hub.sessions.awaitQr(id, 25_000, patient)
      dial.say({ type: 'passkey_required' })
      expect([await asks, hub.at(id)]).toEqual([{ is: 'not_ready' }, 'passkey_required'])
    })

    test('ends when the client goes away', async () => {
      await using database = await open()
      await using hub = await sessionsOn(database)
      const id = await hub.create('support')
      await hub.engine.dialOf(id)
      const client = new AbortController()
      const asked = hub.sessions.awaitQr(id, 8_000, client.signal)
      client.abort()
      expect(await asked).toEqual({ is: 'not_ready' })
    })

    test('of a live session says that it is connected', async () => {
      await using database = await open()
      await using hub = await sessionsOn(database)
      const id = await hub.create('support')
      await hub.link(id)
      expect(await hub.sessions.awaitQr(id, 8_000, patient)).toEqual({ is: 'connected' })
    })
  })

  test('a pairing code is asked for on the socket that shows the QR', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support', { autoConnect: false })
    const asked = hub.sessions.requestPairingCode(id, '12025550123', 20_000, patient)
    const dial = await hub.engine.dialOf(id)
    dial.showQr()
    expect(await asked).toMatchObject({ code: 'ABCD1234' })
    expect(dial.codesAskedFor).toEqual(['12025550123'])
    expect(hub.sessions.record(owner, 'support', 'name_first').standing.state).toMatchObject({
      at: 'pairing',
      code: { code: 'ABCD1234' },
    })
  })

  test('a link waited for is given when the session is online, and refused at once when it is not on its way', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support', { autoConnect: false })
    expect(await hub.sessions.linkWithin(id, 10_000)).toBeUndefined()
    await hub.sessions.connect(owner, 'support')
    const dial = await hub.link(id)
    dial.hangUp(lost)
    const waiting = hub.sessions.linkWithin(id, 10_000)
    await hub.clock.advance(200)
    await hub.login(id, 3)
    expect((await waiting)?.generation).toBe(3)
  })

  test('logging out asks WhatsApp, then archives what is ours; the next connect needs a scan', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const dial = await hub.link(id)
    await hub.sessions.disconnect(id, { logout: true })
    await hub.reaches(id, 'stopped')
    expect([dial.loggedOut, hub.engine.forgotten]).toEqual([true, [{ sessionId: id, cause: 'asked' }]])
    await hub.told(id)
    const row = await database.read.selectFrom('session').select(['wish', 'me_pn']).executeTakeFirst()
    expect(row).toEqual({ wish: 'stop', me_pn: null })
  })

  test('a changed proxy dials anew through it', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    await hub.link(id)
    await hub.sessions.change(id, { proxy: 'http://127.0.0.1:3128' })
    const dial = await hub.engine.dialOf(id, 3)
    expect(dial.options.proxy).toBe('http://127.0.0.1:3128')
    expect(hub.engine.dials[1]?.closed).toBe(true)
  })

  test('a webhook on the host of the Frappe receiver sends to Frappe', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database, { frappeUrl: 'https://crm.example.com/api/method/x' })
    const id = await hub.create('support', { autoConnect: false })
    expect(hub.sessions.view(id)?.sendToFrappe).toBe(false)
    const { webhook } = hub.sessions.record(owner, 'support', 'name_first').settings
    await hub.sessions.change(id, { webhook: { ...webhook, url: 'https://crm.example.com/other' } })
    expect(hub.sessions.view(id)?.sendToFrappe).toBe(true)
  })

  test('a refused version is looked up once for all sessions, and kept for the next process', async () => {
    await using where = await place()
    let fetches = 0
    const fetchPage = () => {
      fetches += 1
      const body = Buffer.from('"client_revision":1030000123,')
      return Promise.resolve({ status: 200, headers: {}, body, truncated: false, url: '' })
    }
    const outdated: DisconnectCause = { origin: 'failure', reason: 'client_outdated', code: 405, message: '' }
    {
      await using database = await where.open()
      await using hub = await sessionsOn(database, { fetchPage })
      const ids = [await hub.create('one'), await hub.create('two')]
      for (const id of ids) (await hub.engine.dialOf(id)).hangUp(outdated)
      for (const id of ids) {
        const dial = await hub.engine.dialOf(id, 2)
        expect(dial.options.version).toEqual([2, 3000, 1030000123])
        dial.showQr()
      }
      expect(fetches).toBe(1)
    }
    await using database = await where.open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('three')
    ;(await hub.engine.dialOf(id)).hangUp(outdated)
    expect((await hub.engine.dialOf(id, 2)).options.version).toEqual([2, 3000, 1030000123])
  })

  test('a store that takes no writes is waited for, and the session goes on by itself', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const dial = await hub.link(id)
    dial.say({ type: 'store_fault', error: new StoreFault('disk full') })
    expect(hub.at(id)).toBe('store_fault')
    await hub.until(() => hub.engine.dials.length === 3)
    await hub.login(id, 3)
    expect(hub.at(id)).toBe('online')
    expect(hub.sessions.record(owner, 'support', 'name_first').lastError?.code).toBe('store_fault')
  })

  test('credentials that cannot be read now are tried again, never replaced', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support', { autoConnect: false })
    hub.engine.failDials(new StoreFault('locked'))
    await hub.sessions.connect(owner, 'support')
    await hub.reaches(id, 'store_fault')
    hub.engine.failDials(undefined)
    await hub.reaches(id, 'connecting')
    expect(hub.engine.forgotten).toEqual([])
  })

  test('a short drop is told to nobody; one that lasts a minute is, and so is the return', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    ;(await hub.link(id)).hangUp(lost)
    await hub.clock.advance(100)
    const dial = await hub.login(id, 3)
    dial.hangUp(lost)
    hub.engine.failDials(new Error('no network'))
    await hub.clock.advance(60_000)
    hub.engine.failDials(undefined)
    await hub.reaches(id, 'connecting')
    await hub.login(id, 4)
    const told = (await hub.told(id)).filter(
      ({ type }) => type === 'session.connected' || type === 'session.disconnected',
    )
    expect(told.map(({ type, data }) => [type, data['status']])).toEqual([
      ['session.connected', 'connected'],
      ['session.disconnected', 'disconnected'],
      ['session.connected', 'connected'],
    ])
  })

  test('shutting down closes sockets, gives leases back and keeps what is wished', async () => {
    await using database = await open()
    const engine = createFakeEngine({ now: Date.now })
    let leases: ReadonlyMap<number, unknown>
    {
      await using hub = await sessionsOn(database, { engine })
      await hub.link(await hub.create('support'))
      leases = hub.cluster.held
      expect(leases.size).toBe(1)
    }
    expect([engine.dials.every(({ closed }) => closed), leases.size]).toEqual([true, 0])
    expect(await database.read.selectFrom('session').select('wish').execute()).toEqual([{ wish: 'run' }])
  })

  test('a session that another node takes over is left to it, and taken back when it is free', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support')
    const dial = await hub.link(id)
    hub.cluster.takeOver(id)
    await hub.reaches(id, 'elsewhere')
    expect([dial.closed, hub.sessions.link(id)]).toEqual([true, undefined])
    await hub.clock.advance(60_000)
    expect(hub.at(id)).toBe('elsewhere')
    hub.cluster.yields(id)
    await hub.reaches(id, 'connecting')
    await hub.login(id, 3)
    // The row is the owner's to write: it never said `elsewhere`.
    expect(hub.at(id)).toBe('online')
  })

  test('the last activity is never empty, follows what happens, and is stored once a minute', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const id = await hub.create('support', { autoConnect: false })
    const at = () => hub.sessions.record(owner, 'support', 'name_first').lastActivityAt
    expect(at()).toBe(hub.clock.now())
    await hub.clock.advance(5_000)
    hub.sessions.touch(id)
    expect(at()).toBe(hub.clock.now())
    await hub.clock.advance(60_000)
    const stored = async () =>
      (await database.read.selectFrom('session').select('last_activity_at').executeTakeFirst())
        ?.last_activity_at
    while ((await stored()) !== at()) await hub.clock.advance(0)
  })

  test('sessions are counted by the seven words', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    await hub.link(await hub.create('live'))
    await hub.create('new', { autoConnect: false })
    await hub.sessions.remove(await hub.create('gone'))
    expect(hub.sessions.counts()).toEqual({
      ...Object.fromEntries(sessionStatuses.map((status) => [status, 0])),
      connected: 1,
      pending: 1,
    })
  })

  test('two sessions of one number are noted', async () => {
    await using database = await open()
    await using hub = await sessionsOn(database)
    const [first, second] = [await hub.create('first'), await hub.create('second')]
    await hub.link(first)
    await hub.link(second)
    const { rows } = await hub.sessions.timeline(second, { offset: 0, limit: 100 })
    expect(rows.find(({ kind }) => kind === 'same_number')?.detail).toEqual({ otherSession: 'first' })
  })

  test('a diagnosis tells the dials, the probes and what they show', async () => {
    await using database = await open()
    const clock = createManualClock()
    await using hub = await sessionsOn(database, {
      clock,
      probes: [{ name: 'dns', ok: false, ms: 3, detail: { code: 'ENOTFOUND' } }],
    })
    const id = await hub.create('support')
    const dial = await hub.engine.dialOf(id)
    dial.say({ type: 'step', step: { at: clock.now(), step: 'tcp', detail: {} } })
    dial.say({
      type: 'step',
      step: { at: clock.now(), step: 'unexpected_response', detail: { status: 503 } },
    })
    dial.hangUp({
      origin: 'upgrade',
      reason: 'upgrade_refused',
      code: 503,
      message: '',
      details: { httpStatus: 503 },
    })
    await hub.told(id)
    const { findings, dials, probes } = await hub.sessions.diagnose(id, { probes: true, signal: patient })
    expect(findings).toEqual(['upgrade_refused', 'dns_failed'])
    expect(dials).toMatchObject([{ generation: 1, outcome: 'upgrade_refused' }])
    expect(dials[0]?.steps.map(({ step }) => step)).toEqual(['dial', 'tcp', 'unexpected_response', 'end'])
    expect(probes).toHaveLength(1)
    expect((await hub.sessions.diagnose(id, { probes: false, signal: patient })).probes).toEqual([])
  })
})

const wanted = {
  name: undefined,
  proxy: undefined,
  webhookUrl: undefined,
  webhookSecret: undefined,
  webhookEvents: undefined,
  webhookPreset: undefined,
  fromFrappe: false,
  autoConnect: true,
} as const
