import { type EventData, endpoints } from '@inbox-hub/contract'

import { measured } from '../support/table.ts'
import type { Inbound, People, Written } from './inbound.ts'
import type { Asked, Outbound } from './outbound.ts'
import { keyOf } from './receiver.ts'
import type { Findings } from './scenario.ts'
import { eventually, type World } from './world.ts'

/** What phones sent, against what the hub has and told. */
export async function judgeInbound(
  world: World,
  { written }: Inbound,
  numbers: readonly string[],
  findings: Findings,
): Promise<void> {
  const { receiver, emulator } = world
  const stored = await receivedEvents(world)
  const bySession = Map.groupBy(stored, ({ session }) => session)
  const known = new Map(written.map((one) => [keyOf(one.session, one.id), one]))
  const byKey = Map.groupBy(stored, ({ session, data }) => keyOf(session, data.messageId))
  findings.equal('messages that phones sent', written.length, known.size)
  findings.none(
    'lost: not in the store',
    written.filter(({ session, id }) => !byKey.has(keyOf(session, id))).map((one) => describe(one, world)),
  )
  findings.none(
    'stored twice',
    [...byKey].filter(([, events]) => events.length > 1).map(([key, { length }]) => `${key} × ${length}`),
  )
  findings.none(
    'stored with other words',
    stored
      .filter(({ session, data }) => {
        const one = known.get(keyOf(session, data.messageId))
        return one !== undefined && one.text !== data.text
      })
      .map(({ session, data }) => `${keyOf(session, data.messageId)} says ${data.text}`),
  )
  findings.none(
    'out of order in their chat',
    [...bySession].flatMap(([session, events]) => {
      const oneOf = ({ data }: Received): Written | undefined => known.get(keyOf(session, data.messageId))
      return unordered(
        events.filter((event) => oneOf(event) !== undefined),
        (event) => oneOf(event)?.chat ?? '',
        (event) => oneOf(event)?.place ?? 0,
      ).map(({ seq, data }) => `${session} seq ${seq} ${data.messageId}: ${data.text}`)
    }),
  )
  findings.none(
    'lost: webhook never came',
    written
      .filter(({ session, id }) => !receiver.messages.has(keyOf(session, id)))
      .map((one) => describe(one, world)),
  )
  findings.none(
    'webhooks out of order in their chat',
    unordered(
      [...receiver.messages].filter(([key]) => known.has(key)),
      ([key]) => `${known.get(key)?.session} ${known.get(key)?.chat}`,
      ([key]) => known.get(key)?.place ?? 0,
    ).map(([key]) => key),
  )
  findings.none(
    'still owed by WhatsApp',
    numbers.flatMap((number) =>
      emulator.truth.owed(number).map(({ id, attempts }) => `${number} ${id} sent ${attempts} ×`),
    ),
  )
  const calls = receiver.calls.get('message.received') ?? 0
  findings.speed(measured('webhooks of messages, repeats included', calls))
  const again = emulator.truth.deliveries.filter(({ attempts }) => attempts > 1).length
  findings.speed(measured('messages that WhatsApp delivered again', again))
}

/** What clients asked for, against what reached WhatsApp and the people it was for. */
export async function judgeOutbound(
  world: World,
  { asked }: Outbound,
  people: People,
  findings: Findings,
): Promise<void> {
  const { truth } = world.emulator
  findings.none(
    'refused for good',
    asked.filter(({ refused }) => refused !== undefined).map((one) => `${one.key}: ${one.refused}`),
  )
  findings.none(
    'never answered',
    asked
      .filter(({ refused, promised }) => refused === undefined && promised === undefined)
      .map(({ key }) => key),
  )
  const promised = asked.flatMap((one) => (one.promised === undefined ? [] : [{ ...one, ...one.promised }]))
  const ids = new Set(promised.map(({ messageId }) => messageId))
  findings.equal('distinct messages for distinct keys', ids.size, asked.length)

  // What came from linked accounts to somebody else; what a device tells its own phone is not for people.
  const arrivals = truth.sent.filter(({ attempt, to, by }) => attempt > 0 && !isOwn(by, to))
  const byId = Map.groupBy(arrivals, ({ id }) => id)
  findings.none(
    'lost: never reached WhatsApp',
    promised
      .filter(({ messageId }) => !byId.has(messageId))
      .map((one) => `${one.key} ${one.messageId} ${one.status}`),
  )
  findings.none(
    'reached WhatsApp under an id nobody was told',
    [...byId.keys()].filter((id) => !ids.has(id)),
  )
  const place = new Map([...byId.keys()].map((id, at) => [id, at]))
  const arrived = promised.filter(({ messageId }) => place.has(messageId))
  const chatOf = ({ session, to }: Asked): string => `${session.session} ${to}`
  const placeOf = ({ messageId }: { messageId: string }): number => place.get(messageId) ?? 0
  findings.none(
    'first arrivals out of order in their chat',
    unordered(
      arrived.toSorted((left, right) => left.dbId - right.dbId),
      chatOf,
      placeOf,
    ).map((one) => `${one.key} dbId ${one.dbId}`),
  )
  findings.none(
    'numbered in another order than one client asked',
    unordered(
      arrived.filter(({ inTurn }) => inTurn),
      chatOf,
      ({ dbId }) => dbId,
    ).map((one) => one.key),
  )
  const most = Math.max(0, ...[...byId.values()].map(({ length }) => length))
  findings.speed(measured('sent more than once, because nobody knew', arrivals.length - byId.size))
  findings.speed(measured('most often one message', most))
  const repeats = asked.reduce((sum, { tries }) => sum + tries - 1, 0)
  findings.speed(measured('calls repeated with their key', repeats))

  const missing: string[] = []
  const twice: string[] = []
  const shown = new Map<string, number>()
  for (const peer of people.peers) {
    for (const { text, chat, from } of peer.inbox) {
      const key = `${peer.number} ${chat} ${from.split(/[:@]/)[0]} ${text}`
      shown.set(key, (shown.get(key) ?? 0) + 1)
    }
  }
  for (const { session, to, text } of promised) {
    const group = people.groups.find(({ jid }) => jid === to)
    const readers = group?.peers ?? people.peers.filter(({ number }) => number === `+${to}`)
    for (const { number } of readers) {
      const chat = group === undefined ? `${session.number.slice(1)}@s.whatsapp.net` : to
      const times = shown.get(`${number} ${chat} ${session.number.slice(1)} ${text}`) ?? 0
      if (times === 0) missing.push(`${text} at ${number}`)
      if (times > 1) twice.push(`${text} at ${number} × ${times}`)
    }
  }
  findings.none('not shown to its recipient', missing)
  findings.none('shown twice', twice)

  // Receipts are owed to the hub like messages are: in the end it knows that everything arrived.
  const undelivered = await eventually(async () => {
    const left = await statusesBehind(world, ids)
    return left.length === 0 ? left : undefined
  }, 20_000)
  findings.none('not "delivered" in the store', undelivered ?? (await statusesBehind(world, ids)))
}

/** The event log as a client pulls it, and what the hub said of itself. */
export async function judgeEvents(world: World, findings: Findings): Promise<void> {
  const events = await allEvents(world)
  findings.none('holes in the numbers of events', holes(events.map(({ seq }) => seq)))
  for (const [session, own] of Map.groupBy(events, ({ sessionId }) => sessionId))
    findings.none(`holes in the numbers of ${session}`, holes(own.map(({ sessionSeq }) => sessionSeq)))
  const ofMessage = Map.groupBy(
    events.filter(({ type }) => type.startsWith('message.')),
    ({ type, sessionId, data }) => `${type} ${sessionId} ${String(data['messageId'])}`,
  )
  findings.none(
    'told twice',
    [...ofMessage].filter(([, same]) => same.length > 1).map(([key, { length }]) => `${key} × ${length}`),
  )
  const bad = events.filter(({ type }) => type === 'message.failed' || type === 'message.undecryptable')
  findings.none(
    'failed or undecryptable',
    bad.map(
      ({ seq, type, data }) => `seq ${seq} ${type} ${String(data['messageId'])} ${String(data['reason'])}`,
    ),
  )
  findings.none(
    'answers of 500',
    world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
  )
  findings.none(
    'failures that nobody handled',
    world.hub.log.filter(isUnhandled).map(({ msg, error }) => `${msg} ${JSON.stringify(error)}`),
  )
}

const isUnhandled = ({ level, msg }: { level: string; msg: string }): boolean =>
  level === 'fatal' || /nobody handled|cannot be projected|a lane stopped|the projector stopped/.test(msg)

/** What WhatsApp saw: whether everybody could read everything, and understood each other. */
export function judgeSignal(world: World, findings: Findings): void {
  const { decryptFailures, retryReceipts, nacks, protocolErrors, unanswered } = world.emulator.truth
  findings.none(
    'not decrypted by people',
    [...decryptFailures].map(({ id, by, from, reason }) => `${id} from ${from} by ${by}: ${reason}`),
  )
  findings.none(
    'not decrypted by the hub',
    [...retryReceipts, ...nacks].map((one) => JSON.stringify(one)),
  )
  findings.none(
    'not understood by WhatsApp',
    [...protocolErrors].map(({ error }) => String(error)),
  )
  findings.none(
    'queries that WhatsApp does not know',
    [...unanswered].map(([query, times]) => `${query} × ${times}`),
  )
}

/** What the database says of itself, and whether anything is left over in it. */
export async function judgeDatabase({ rows, dialect }: World, findings: Findings): Promise<void> {
  if (dialect === 'sqlite')
    findings.none(
      'faults of the database',
      (await rows('PRAGMA integrity_check')).filter((line) => line !== 'ok'),
    )
  findings.none(
    'owed to the projector',
    await rows(`SELECT session_id, seq, kind FROM inbox_journal WHERE state = 'new' AND kind <> 'history'`),
  )
  findings.none(
    'owed to the CRM',
    await rows(
      'SELECT event_seq, event_type, attempts, last_error FROM webhook_delivery WHERE settled_at IS NULL',
    ),
  )
  findings.none(
    'given up by the dispatcher',
    // A QR code that nobody can scan any more is not worth telling.
    await rows(
      `SELECT event_seq, event_type, attempts, last_error FROM webhook_delivery
       WHERE outcome = 'given_up' AND event_type <> 'session.qr'`,
    ),
  )
  findings.none(
    'owed to WhatsApp',
    await rows('SELECT message_id, state, attempts FROM outbound WHERE settled_at IS NULL'),
  )
}

/** Those of `items` that stand after one of their group that should be behind them. */
function unordered<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string,
  placeOf: (item: Item) => number,
): Item[] {
  const last = new Map<string, number>()
  return items.filter((item) => {
    const group = groupOf(item)
    const place = placeOf(item)
    const isBehind = place < (last.get(group) ?? -1)
    last.set(group, Math.max(place, last.get(group) ?? -1))
    return isBehind
  })
}

function holes(numbers: readonly number[]): string[] {
  return numbers
    .flatMap((number, at) => (number === at + 1 ? [] : [`${number} in the place of ${at + 1}`]))
    .slice(0, 5)
}

function isOwn(by: string, to: string): boolean {
  return by.split(/[:@]/)[0] === to.split(/[:@]/)[0]
}

/** What is known about a message that is missing. */
function describe({ session, id, chat, text, whileAway }: Written, { emulator }: World): string {
  const delivery = emulator.truth.deliveries.find((one) => one.id === id)
  return `${session} ${id} from ${chat} (${text.slice(0, 10)}${whileAway ? ', sent while away' : ''}): ${JSON.stringify(delivery)}`
}

async function allEvents({ api }: World) {
  const events = []
  for (let after = 0; ;) {
    const page = await api.get(endpoints.listEvents, { query: { after, limit: 1000 } })
    events.push(...page.events)
    after = page.next
    if (!page.hasMore) return events
  }
}

interface Received {
  seq: number
  session: string
  data: EventData<'message.received'>
}

async function receivedEvents(world: World): Promise<readonly Received[]> {
  const events = await allEvents(world)
  return events
    .filter(({ type }) => type === 'message.received')
    .map(({ seq, sessionId, data }) => ({
      seq,
      session: sessionId,
      data: data as EventData<'message.received'>, // its type says so
    }))
}

/** Sent messages that the hub does not know to be delivered. */
async function statusesBehind(world: World, ids: ReadonlySet<string>): Promise<string[]> {
  const known = new Map<string, string>()
  for (const session of await sessionNames(world))
    for (const { messageId, status, fromMe } of await allMessages(world, session))
      if (fromMe) known.set(messageId, status)
  return [...ids]
    .filter((id) => known.get(id) !== 'delivered' && known.get(id) !== 'read')
    .map((id) => `${id} ${known.get(id)}`)
}

/** Lists, counts and sums, which are kept as messages pass by: whether they say the same. */
export async function judgeCounts(world: World, findings: Findings): Promise<void> {
  const different: string[] = []
  for (const session of await sessionNames(world)) {
    const messages = await allMessages(world, session)
    const { stats } = await world.api.get(endpoints.messageStats, { params: { sessionId: session } })
    const { chats } = await world.api.get(endpoints.listChats, {
      params: { sessionId: session },
      query: { limit: 1000 },
    })
    const received = messages.filter(({ fromMe }) => !fromMe)
    const sums: [string, number, number][] = [
      ['messages, listed twice', messages.length, new Set(messages.map(({ dbId }) => dbId)).size],
      ['messages, and stats', messages.length, stats.total],
      ['received, and stats', received.length, stats.received],
      ['messages, and of all chats', messages.length, sum(chats.map(({ messageCount }) => messageCount))],
      // Nobody read anything.
      [
        'received, and unread in all chats',
        received.length,
        sum(chats.map(({ unreadCount }) => unreadCount)),
      ],
    ]
    for (const [what, one, other] of sums)
      if (one !== other) different.push(`${session}: ${what}: ${one} and ${other}`)
  }
  findings.none('counts that do not add up', different)
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

async function sessionNames({ api }: World): Promise<string[]> {
  const { sessions } = await api.get(endpoints.listSessions, { query: { limit: 1000 } })
  return sessions.map(({ sessionId }) => sessionId)
}

async function allMessages({ api }: World, sessionId: string) {
  const messages = []
  for (let page = 1; ; page += 1) {
    const list = await api.get(endpoints.listMessages, {
      params: { sessionId },
      query: { page, limit: 1000 },
    })
    messages.push(...list.messages)
    if (page >= list.pagination.pages) return messages
  }
}
