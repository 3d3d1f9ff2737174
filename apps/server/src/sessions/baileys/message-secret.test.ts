import { randomBytes } from 'node:crypto'

import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { decryptEventResponse, decryptPollVote, proto } from './baileys.ts'
import { openUnder, sealUnder } from './message-secret.ts'

const secret = randomBytes(32)
const people = { author: parseJid('99:3@lid'), doer: parseJid('98@lid') }
const of = { messageId: 'A1', secret, ...people }

test('votes and answers are sealed as baileys opens them', () => {
  const vote = proto.Message.PollVoteMessage.encode({ selectedOptions: [randomBytes(32)] }).finish()
  const voted = decryptPollVote(sealUnder({ ...of, use: 'Poll Vote' }, vote), {
    pollMsgId: 'A1',
    pollEncKey: secret,
    pollCreatorJid: '99@lid',
    voterJid: '98@lid',
  })
  expect(Buffer.from(proto.Message.PollVoteMessage.encode(voted).finish())).toEqual(Buffer.from(vote))
  const answer = proto.Message.EventResponseMessage.encode({ extraGuestCount: 2 }).finish()
  const answered = decryptEventResponse(sealUnder({ ...of, use: 'Event Response' }, answer), {
    eventMsgId: 'A1',
    eventEncKey: secret,
    eventCreatorJid: '99@lid',
    responderJid: '98@lid',
  })
  expect(answered.extraGuestCount).toBe(2)
})

test('a seal opens for its own message, people and use alone', () => {
  const reaction = { ...of, use: 'Enc Reaction' as const }
  const sealed = sealUnder(reaction, Buffer.from('👍'))
  expect(openUnder(reaction, sealed).toString()).toBe('👍')
  for (const other of [
    { messageId: 'A2' },
    { secret: randomBytes(32) },
    { author: people.doer },
    { doer: people.author },
    { use: 'Poll Vote' as const },
  ])
    expect(() => openUnder({ ...reaction, ...other }, sealed)).toThrow('authenticate')
  expect(() => openUnder(reaction, { ...sealed, encPayload: sealed.encPayload.subarray(0, 8) })).toThrow(
    'tag length',
  )
})
