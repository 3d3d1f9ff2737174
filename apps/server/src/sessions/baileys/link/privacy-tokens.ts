import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore, WASocket } from '../baileys.ts'
import {
  buildMergedTcTokenIndexWrite,
  resolveIssuanceJid,
  resolveTcTokenJid,
  shouldSendNewTcToken,
  storeTcTokensFromIqResult,
} from '../baileys.ts'

import { isPerson, type Jid } from '@inbox-hub/whatsapp'

/**
 * The tokens by which WhatsApp knows that we trust a contact: issued behind a message to them, again each week (WhatsApp Web's
 * `WAWebSendTcTokenChatAction`). baileys issues them too, but notes it in the transaction of the send, which is over when the answer comes:
 * the note is lost, and every message brought a query of its own (Socket/messages-send.js, `relayMessage`; a third of the frames of a
 * send, a tenth of our CPU and a quarter of the server's). So we issue them, outside of any transaction, and baileys is told that there is nothing to issue.
 */
export class PrivacyTokens {
  /** Contacts by the address their token is stored under, while we issue one: since when, Unix s. */
  readonly #issuing = new Map<string, number>()

  /** `keys` as baileys is to see them: a token that we are issuing is issued. */
  over(keys: SignalKeyStore): SignalKeyStore {
    return {
      get: async (type, ids) => {
        const values = await keys.get(type, ids)
        if (type !== 'tctoken' || this.#issuing.size === 0) return values
        const tokens = { ...values } as Record<string, SignalDataTypeMap['tctoken']> // of that type
        for (const id of ids) {
          const senderTimestamp = this.#issuing.get(id)
          if (senderTimestamp !== undefined) tokens[id] = { token: none, ...tokens[id], senderTimestamp }
        }
        return tokens as typeof values
      },
      set: (data: SignalDataSet) => keys.set(data),
    }
  }

  /** Runs `write`, which writes a message to `to`; behind it goes the contact's token, when one is due. */
  async behind(sock: WASocket, to: Jid, write: () => Promise<void>): Promise<void> {
    const jid = isPerson(to) ? await this.#due(sock, to) : undefined
    if (jid === undefined) return write()
    const now = Math.floor(Date.now() / 1000)
    this.#issuing.set(jid, now)
    try {
      await write()
    } catch (error) {
      this.#issuing.delete(jid)
      throw error
    }
    void this.#issue(sock, to, jid, now)
      // The next message to the contact tries again.
      .catch(() => {})
      .finally(() => this.#issuing.delete(jid))
  }

  async #due(sock: WASocket, to: Jid): Promise<string | undefined> {
    const jid = await resolveTcTokenJid(to, lidsOf(sock))
    const { [jid]: known } = await sock.authState.keys.get('tctoken', [jid])
    return shouldSendNewTcToken(known?.senderTimestamp) ? jid : undefined
  }

  async #issue(sock: WASocket, to: Jid, jid: string, now: number): Promise<void> {
    const { keys } = sock.authState
    const getLIDForPN = lidsOf(sock)
    const issuedTo = await resolveIssuanceJid(
      to,
      sock.serverProps.lidTrustedTokenIssueToLid,
      getLIDForPN,
      (lid) => sock.signalRepository.lidMapping.getPNForLID(lid),
    )
    const result: unknown = await sock.issuePrivacyTokens([issuedTo], now)
    // baileys answers nothing when nobody answered in time.
    if (result === undefined) return
    // What `query` answers otherwise is the stanza.
    await storeTcTokensFromIqResult({
      result: result as Parameters<typeof storeTcTokensFromIqResult>[0]['result'],
      fallbackJid: jid,
      keys,
      getLIDForPN,
    })
    const { [jid]: known } = await keys.get('tctoken', [jid])
    const index = await buildMergedTcTokenIndexWrite(keys, [jid])
    await keys.set({ tctoken: { [jid]: { token: none, ...known, senderTimestamp: now }, ...index } })
  }
}

const none = Buffer.alloc(0)

const lidsOf = (sock: WASocket) => (pn: string) => sock.signalRepository.lidMapping.getLIDForPN(pn)
