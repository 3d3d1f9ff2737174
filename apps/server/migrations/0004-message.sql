-- Chats, contacts and messages as WhatsApp shows them, kept from what passes by.
-- An account has one canonical address here: its LID once we know it, its phone number until then. When a LID is learnt
-- later, everything kept under the number moves to it (docs/decisions/canonical-addresses.md).

CREATE TABLE lid_mapping (
  session_id  INTEGER NOT NULL,
  lid         TEXT NOT NULL,               -- the account, without device
  pn          TEXT NOT NULL,               -- the number it has now, as a JID without device
  PRIMARY KEY (session_id, lid)
) /*sqlite: WITHOUT ROWID */;
CREATE UNIQUE INDEX lid_mapping_by_pn ON lid_mapping (session_id, pn);

-- What WhatsApp answered when asked whether a number exists.
CREATE TABLE number_check (
  session_id  INTEGER NOT NULL,
  digits      TEXT NOT NULL,               -- as asked
  pn          TEXT,                        -- the JID to send to, which may spell the number in another way; null: not on WhatsApp
  checked_at  BIGINT NOT NULL,             -- Unix ms
  PRIMARY KEY (session_id, digits)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE contact (
  session_id     INTEGER NOT NULL,
  jid            TEXT NOT NULL,            -- canonical
  number         TEXT,                     -- digits; null while only the LID is known
  push_name      TEXT,                     -- what they call themselves
  saved_name     TEXT,                     -- from the phone's address book
  verified_name  TEXT,                     -- of a business, vouched for by WhatsApp
  hub_name       TEXT,                     -- given in the hub; never told to WhatsApp, like the three below
  tags           TEXT NOT NULL,            -- JSON string[]
  notes          TEXT,
  assigned_to    INTEGER,                  -- user id
  search         TEXT NOT NULL,            -- names and number without accents and capitals
  updated_at     BIGINT NOT NULL,
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX contact_by_number ON contact (session_id, number) WHERE number IS NOT NULL;
CREATE INDEX contact_recent ON contact (session_id, updated_at, jid);

CREATE TABLE chat (
  session_id       INTEGER NOT NULL,
  jid              TEXT NOT NULL,          -- canonical; a group, list or newsletter has only one address
  name             TEXT,                   -- of a group; people's names are their contact's
  unread_count     INTEGER NOT NULL CHECK (unread_count >= 0),
  message_count    INTEGER NOT NULL CHECK (message_count >= 0),
  archived         INTEGER NOT NULL,
  pinned           INTEGER NOT NULL,
  muted_until      BIGINT,
  last_message_id  BIGINT,                 -- message.id
  active_at        BIGINT NOT NULL,        -- Unix ms: of the last message, else when the chat was first seen
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX chat_recent ON chat (session_id, active_at, jid);
CREATE INDEX chat_unread ON chat (session_id, unread_count) WHERE unread_count > 0;

CREATE TABLE message (
  id           BIGINT PRIMARY KEY,         -- dbId on the wire, from counter 'message': also the order of arrival
  session_id   INTEGER NOT NULL,
  chat_jid     TEXT NOT NULL,              -- canonical
  sender_jid   TEXT NOT NULL,              -- canonical; '' when from_me: we are one, whichever address we had then
  from_me      INTEGER NOT NULL,
  in_group     INTEGER NOT NULL,           -- its author is not its chat
  whatsapp_id  TEXT NOT NULL,              -- chosen by the sender's device: unique only together with chat and sender
  type         TEXT NOT NULL,              -- the API's word (text, image, …); 'undecryptable' while only its envelope arrived
  body         TEXT NOT NULL,              -- text or caption, '' when none
  content      TEXT,                       -- JSON MessageContent; null for text that body says completely
  quoted_id    TEXT,
  push_name    TEXT,
  status       TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'delivered', 'read', 'failed', 'received')),
  via_hub      INTEGER NOT NULL,           -- sent by us, not by the account's phone or another device of it
  is_read      INTEGER NOT NULL,           -- incoming: by us, here or on the phone
  shown        INTEGER NOT NULL,           -- 0: deleted in the hub (body wiped), or undecryptable so far
  sent_at      BIGINT NOT NULL,            -- WhatsApp's clock, Unix ms
  stored_at    BIGINT NOT NULL
);
-- Leads with the id, so that it also finds a message by its id alone.
CREATE UNIQUE INDEX message_once ON message (session_id, whatsapp_id, chat_jid, sender_jid, from_me);
-- These two carry what lists filter by, so that paging reads the index alone.
CREATE INDEX message_page ON message (session_id, chat_jid, sent_at, id, shown, type, from_me);
CREATE INDEX message_recent ON message (session_id, sent_at, id, shown, type, from_me);
-- Who wrote in groups: where a LID learnt late finds what it must re-key.
CREATE INDEX message_by_participant ON message (session_id, sender_jid) WHERE in_group = 1 AND from_me = 0;
CREATE INDEX message_unread ON message (session_id, chat_jid, id) WHERE from_me = 0 AND is_read = 0 AND shown = 1;

-- How many shown messages there are, by UTC day of sent_at: totals of lists and statistics without counting rows.
CREATE TABLE message_tally (
  session_id  INTEGER NOT NULL,
  day         INTEGER NOT NULL,            -- days since 1970
  from_me     INTEGER NOT NULL,
  type        TEXT NOT NULL,
  status      TEXT NOT NULL,
  messages    BIGINT NOT NULL,
  PRIMARY KEY (session_id, day, from_me, type, status)
) /*sqlite: WITHOUT ROWID */;

-- What we send, until WhatsApp has it, and for 14 days more: what retry receipts and repeated calls are answered from.
CREATE TABLE outbound (
  message_id   BIGINT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  session_id   INTEGER NOT NULL,
  whatsapp_id  TEXT NOT NULL,              -- derived from session and idempotency key: sent again, it is the same message
  fingerprint  TEXT NOT NULL,              -- SHA-256 of recipient and content, hex
  proto        BYTEA,                      -- sealed encoded proto.Message, as sent
  state        TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'uncertain', 'acked', 'failed')),
  attempts     INTEGER NOT NULL,           -- relays since it was asked for
  retries      INTEGER NOT NULL,           -- times somebody asked for it again
  failure      TEXT,                       -- JSON SendFailure
  asked_at     BIGINT NOT NULL,            -- Unix ms
  settled_at   BIGINT                      -- null while it may still be sent (again)
);
CREATE UNIQUE INDEX outbound_once ON outbound (session_id, whatsapp_id);
CREATE INDEX outbound_owed ON outbound (message_id) WHERE settled_at IS NULL;
