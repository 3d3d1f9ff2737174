import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { WAMessageAddressingMode } from '../baileys.ts'
import { namingIn } from './naming.ts'

const group = parseJid('120363000000000001@g.us')
const { LID, PN } = WAMessageAddressingMode

test('people are named as their chat is addressed, and ourselves by LID in groups for announcements', () => {
  expect([
    namingIn(group, { addressingMode: LID }),
    namingIn(group, { addressingMode: PN }),
    namingIn(group, {}),
    namingIn(group, { addressingMode: PN, isCommunityAnnounce: true }),
    namingIn(parseJid('198765432101234@lid'), undefined),
    namingIn(parseJid('12025550123@s.whatsapp.net'), undefined),
  ]).toEqual([
    { author: 'lid', doer: 'lid' },
    { author: 'pn', doer: 'pn' },
    // As baileys addresses the stanza.
    { author: 'lid', doer: 'lid' },
    { author: 'pn', doer: 'lid' },
    { author: 'lid', doer: 'lid' },
    { author: 'pn', doer: 'pn' },
  ])
})
