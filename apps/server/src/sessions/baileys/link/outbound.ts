import type { proto, WAMessage } from '../baileys.ts'
import { generateWAMessage } from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { textOf } from '@inbox-hub/whatsapp'

import type { OutboundContent } from '../index.ts'
import { silentLogger } from '../runtime/index.ts'
import { isMissing } from '../missing.ts'

/** The protobuf of what we send, made by baileys' own generator so that it is what WhatsApp Web would write. */
export async function outboundMessage({
  id,
  to,
  content,
  self,
}: {
  id: string
  to: Jid
  content: OutboundContent
  self: Jid
}): Promise<proto.IMessage> {
  const { quoted } = content
  const made = await generateWAMessage(
    to,
    // No preview: baileys would fetch whatever address the text holds.
    { text: content.text, mentions: [...content.mentions], linkPreview: null },
    {
      userJid: self,
      messageId: id,
      logger: silentLogger,
      ...(quoted && { quoted: quotedMessage(quoted) }),
      upload: async () => {
        throw new Error('a text has nothing to upload')
      },
    },
  )
  if (isMissing(made.message)) throw new Error('baileys made a message without content')
  return made.message
}

/** The message that is answered, as far as a quote shows it. */
function quotedMessage(quoted: NonNullable<OutboundContent['quoted']>): WAMessage {
  const { id, chat, sender, fromMe, content } = quoted
  return {
    key: { id, remoteJid: chat, fromMe, participant: sender },
    message: { conversation: textOf(content) },
  }
}
