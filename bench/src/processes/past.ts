import type { Phone } from '@inbox-hub/emulator'

/** A history as phones send it: chats of people, newest message first, in parts of some thousand messages. */
export interface Past {
  messages: number
  perPart: number
  perChat: number
}

const words =
  'the order of last week came without its invoice could you send it again please thank you'.split(' ')

/** The parts of it, made one after another: as many as it takes. */
export function* partsOf({
  messages,
  perPart,
  perChat,
}: Past): Generator<Parameters<Phone['tellsHistory']>[0]> {
  const parts = Math.ceil(messages / perPart)
  const newest = Math.floor(Date.now() / 1000)
  for (let part = 0; part < parts; part += 1) {
    const chats = Math.ceil(perPart / perChat)
    const people = Array.from({ length: chats }, (_, chat) => {
      const number = 1_000_000 + part * chats + chat
      return { pnJid: `447700${number}@s.whatsapp.net`, lidJid: `7770${number}@lid` }
    })
    yield {
      syncType: 3,
      chunkOrder: part + 1,
      progress: Math.floor(((part + 1) * 100) / parts),
      phoneNumberToLidMappings: people,
      conversations: people.map(({ lidJid, pnJid }, chat) => ({
        id: lidJid,
        pnJid,
        messages: Array.from({ length: perChat }, (_unused, index) => ({
          message: {
            key: { id: `H${part}.${chat}.${index}`, remoteJid: lidJid, fromMe: index % 3 === 0 },
            message: { conversation: textOf(part * perPart + chat * perChat + index) },
            messageTimestamp: newest - part * 86_400 - index * 60,
            pushName: `Person ${chat}`,
            status: 3,
          },
        })),
      })),
    }
  }
}

function textOf(seed: number): string {
  const length = 5 + (seed % 12)
  return Array.from({ length }, (_, index) => words[(seed * 7 + index * 13) % words.length]).join(' ')
}
