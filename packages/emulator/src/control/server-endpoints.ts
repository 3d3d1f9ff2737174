import { z } from 'zod'

import type { Emulator } from '../emulator.ts'
import type { Log } from '../log.ts'
import type { GroupControl } from '../server/group-control.ts'
import type { NewsletterControl } from '../server/newsletter-control.ts'
import type { Truth } from '../truth.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address } from './fields.ts'
import {
  action,
  deliveryFault,
  disconnect,
  fault,
  mediaFault,
  messageFault,
  queryFault,
} from './fault-schemas.ts'
import { viewOfCompanion } from './views.ts'

/** What {@link Truth} keeps, one list each. */
const logs = [
  'dials',
  'deliveries',
  'sent',
  'decrypted',
  'decryptFailures',
  'receipts',
  'retryReceipts',
  'nacks',
  'privacyTokens',
  'media',
  'protocolErrors',
] as const satisfies readonly (keyof Truth)[]

function viewOfGroup({ jid, subject, participants }: GroupControl): object {
  return { jid, subject, participants }
}

function viewOfNewsletter({ jid, name, description, invite, followers, texts }: NewsletterControl): object {
  return { jid, name, description, invite, followers, texts }
}

const times = z.int().min(1).max(1_000_000).default(1)

/** What the server does, and lets go wrong. */
export function serverEndpoints(emulator: Emulator): Endpoint[] {
  const account = (params: Readonly<Record<string, string>>) => emulator.account(params['number'] ?? '')
  return [
    endpoint('POST /groups', {
      about: 'Makes a group; the first member creates it.',
      body: z.strictObject({
        subject: z.string().min(1).max(100),
        members: z.array(address).min(1),
        addressing: z.enum(['lid', 'pn']).default('lid'),
      }),
      handle: ({ body }) => {
        const { jid, subject, participants } = emulator.group(body.subject, body.members, body.addressing)
        return { jid, subject, participants }
      },
    }),
    endpoint('POST /communities', {
      about: 'Makes a community; the first member creates it. Gives its group for announcements.',
      body: z.strictObject({ subject: z.string().min(1).max(100), members: z.array(address).min(1) }),
      handle: ({ body }) => {
        const { jid, subject, participants } = emulator.community(body.subject, body.members)
        return { jid, subject, participants }
      },
    }),
    endpoint('GET /groups/:jid', {
      about: 'A group: its subject, and who is in it.',
      handle: ({ params }) => viewOfGroup(emulator.groupAt(params['jid'] ?? '')),
    }),
    endpoint('PATCH /groups/:jid', {
      about: 'A member changes the subject, or the description (null: none).',
      body: z.strictObject({
        actor: address,
        subject: z.string().min(1).max(100).optional(),
        description: z.string().max(2048).nullable().optional(),
      }),
      handle: ({ params, body: { actor, subject, description } }) => {
        const group = emulator.groupAt(params['jid'] ?? '')
        if (subject !== undefined) group.renames(actor, subject)
        if (description !== undefined) group.describes(actor, description ?? undefined)
        return viewOfGroup(group)
      },
    }),
    endpoint('POST /groups/:jid/members', {
      about: 'A member adds, removes, promotes or demotes people; who leaves removes themselves.',
      body: z.strictObject({
        actor: address,
        change: z.enum(['add', 'remove', 'promote', 'demote']),
        people: z.array(address).min(1),
      }),
      handle: ({ params, body: { actor, change, people } }) => {
        const group = emulator.groupAt(params['jid'] ?? '')
        group.changes(actor, change, people)
        return viewOfGroup(group)
      },
    }),
    endpoint('POST /newsletters', {
      about: 'Makes a newsletter, which a number owns.',
      body: z.strictObject({ name: z.string().min(1).max(100), owner: address }),
      handle: ({ body }) => viewOfNewsletter(emulator.newsletter(body.name, body.owner)),
    }),
    endpoint('GET /newsletters/:jid', {
      about: 'A newsletter: who follows it, and the texts in it.',
      handle: ({ params }) => viewOfNewsletter(emulator.newsletterAt(params['jid'] ?? '')),
    }),
    endpoint('POST /newsletters/:jid/messages', {
      about: 'Its owner posts a text; answers its number.',
      body: z.strictObject({ text: z.string().min(1).max(65_536) }),
      handle: ({ params, body }) => ({
        serverId: emulator.newsletterAt(params['jid'] ?? '').posts(body.text),
      }),
    }),
    endpoint('POST /newsletters/:jid/reactions', {
      about: 'Somebody reacts to a message; an empty emoji takes that back.',
      body: z.strictObject({ number: address, serverId: z.int(), emoji: z.string().max(16) }),
      handle: ({ params, body }) => {
        const newsletter = emulator.newsletterAt(params['jid'] ?? '')
        newsletter.reacts(body.number, body.serverId, body.emoji)
        return viewOfNewsletter(newsletter)
      },
    }),
    endpoint('GET /accounts/:number', {
      about: 'An account: addresses, linked clients, stanzas they have not acknowledged.',
      handle: ({ params }) => {
        const { number, pn, lid, companions, owed } = account(params)
        return { number, pn, lid, owed, companions: companions.map(viewOfCompanion) }
      },
    }),
    endpoint('POST /accounts/:number/disconnect', {
      about: 'Ends the connections of its clients, in a named way or by an action.',
      body: z.strictObject({
        how: z.union([disconnect, action]).default('connection_lost'),
        device: z.int().min(1).optional(),
      }),
      handle: ({ params, body }) => account(params).disconnect(body.how, body.device),
    }),
    endpoint('PUT /accounts/:number/refusal', {
      about: 'Refuses every login (401, 402 temporary ban, 403 ban, 405 outdated, …) and ends what is open.',
      body: z.strictObject({
        reason: z.union([z.int(), z.string()]),
        attrs: z.record(z.string(), z.string()).default({}),
        disconnect: z.boolean().default(true),
      }),
      handle: ({ params, body: { reason, attrs, disconnect } }) => {
        account(params).refuseLogins(reason, attrs)
        if (disconnect) account(params).disconnect('connection_lost')
      },
    }),
    endpoint('DELETE /accounts/:number/refusal', {
      about: 'Lets its clients log in again.',
      handle: ({ params }) => {
        // A newer refusal takes the place of any other; this one is taken back at once.
        account(params).refuseLogins(503)[Symbol.dispose]()
      },
    }),
    endpoint('POST /accounts/:number/message-faults', {
      about: 'What happens to the next messages of its clients: nack, lost, unacknowledged, slow.',
      body: z.strictObject({ fault: messageFault, times }),
      handle: ({ params, body }) => void account(params).onMessages(body.fault, body.times),
    }),
    endpoint('POST /accounts/:number/delivery-faults', {
      about: 'What happens to the next messages for its clients: corrupt, withheld, compressed.',
      body: z.strictObject({ fault: deliveryFault, times }),
      handle: ({ params, body }) => void account(params).onDeliveries(body.fault, body.times),
    }),
    endpoint('POST /accounts/:number/query-faults', {
      about: 'What happens to the next queries of its clients: an error, a late answer, none.',
      body: z.strictObject({ fault: queryFault, times }),
      handle: ({ params, body }) => void account(params).onQueries(body.fault, body.times),
    }),
    endpoint('POST /accounts/:number/exhaust-pre-keys', {
      about: 'Uses up the one-time keys of its clients, and tells them unless asked not to.',
      body: z.strictObject({ tell: z.boolean().default(true) }),
      handle: ({ params, body }) => account(params).exhaustPreKeys(body),
    }),
    endpoint('PUT /accounts/:number/registered', {
      about: 'Whether the number is on WhatsApp.',
      body: z.strictObject({ registered: z.boolean() }),
      handle: ({ params, body }) => account(params).setRegistered(body.registered),
    }),
    endpoint('PUT /accounts/:number/reachout-timelock', {
      about: 'Restricts the account against starting new chats until `endsAt` (Unix ms); null lifts it.',
      body: z.strictObject({ endsAt: z.int().nullable(), enforcement: z.string().optional() }),
      handle: ({ params, body: { endsAt, enforcement } }) =>
        account(params).setReachoutTimelock(
          endsAt === null ? undefined : { endsAt, ...(enforcement !== undefined && { enforcement }) },
        ),
    }),
    endpoint('POST /faults', {
      about: 'Lets the next connections go wrong. All `faults` happen to the same one.',
      body: z.strictObject({ faults: z.array(fault).min(1), times, number: address.optional() }),
      handle: ({ body: { faults, times, number } }) =>
        void emulator.nextConnection(faults, { times, ...(number !== undefined && { number }) }),
    }),
    endpoint('POST /media/faults', {
      about:
        'Lets the next downloads (or uploads) go wrong, or those of one file: status, corrupt, cut, short, endless, drip, slow, silence.',
      body: z.strictObject({
        transfer: z.enum(['download', 'upload']).default('download'),
        fault: mediaFault,
        times,
        directPath: z.string().optional(),
      }),
      handle: ({ body: { transfer, fault, times, directPath } }) => {
        if (transfer === 'upload') emulator.media.onUploads(fault, { times })
        else emulator.media.onDownloads(fault, { times, ...(directPath !== undefined && { directPath }) })
      },
    }),
    endpoint('POST /media/expire', {
      about: 'Clients get 410 for a file from now on, or 404 or 403. Its phone still has it.',
      body: z.strictObject({
        directPath: z.string(),
        status: z.union([z.literal(403), z.literal(404), z.literal(410)]).default(410),
      }),
      handle: ({ body: { directPath, status } }) => emulator.media.expire(directPath, status),
    }),
    endpoint('GET /connections', {
      about: 'Open connections, those of clients that show a QR code included.',
      handle: () => emulator.connections().map(({ dial }) => dial),
    }),
    endpoint('GET /truth', {
      about: 'How much of each kind there was, and queries nobody could answer.',
      handle: () => ({
        totals: Object.fromEntries(logs.map((kind) => [kind, emulator.truth[kind].total])),
        unanswered: Object.fromEntries(emulator.truth.unanswered),
      }),
    }),
    endpoint('GET /truth/:kind', {
      about: `What really happened, oldest first. Kinds: ${logs.join(', ')}.`,
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(100_000).default(1000) }),
      handle: ({ params, query }) => {
        const kind = z.enum(logs).parse(params['kind'])
        const log: Log<unknown> = emulator.truth[kind]
        return [...log].slice(-query.limit)
      },
    }),
  ]
}
