-- What people set on chats beyond what 0004 has, labels, and texts to answer with: kept in step with the account's phone.
-- Adds columns with defaults and tables: servers one release older keep working beside it.
-- A chat that is known by its settings alone has active_at 0, and is not listed until it has a message.
ALTER TABLE chat ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chat ADD COLUMN disappearing_seconds INTEGER NOT NULL DEFAULT 0; -- messages disappear after so long; 0: they stay

-- A label of WhatsApp Business, or a list: the account's own, the same on all its devices.
CREATE TABLE label (
  session_id     INTEGER NOT NULL,
  id             TEXT NOT NULL,              -- chosen by the device that made it: digits
  name           TEXT NOT NULL,
  color          INTEGER NOT NULL,           -- WhatsApp's number of it
  predefined_id  INTEGER,                    -- of a label that WhatsApp made
  updated_at     BIGINT NOT NULL,            -- Unix ms
  PRIMARY KEY (session_id, id)
) /*sqlite: WITHOUT ROWID */;

-- What a label is on: a chat, or a message in it. It may be known before its label is.
CREATE TABLE label_use (
  session_id   INTEGER NOT NULL,
  label_id     TEXT NOT NULL,
  chat_jid     TEXT NOT NULL,                -- canonical
  whatsapp_id  TEXT NOT NULL,                -- of the message; '': the label is on the chat
  used_at      BIGINT NOT NULL,
  PRIMARY KEY (session_id, label_id, chat_jid, whatsapp_id)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX label_use_by_chat ON label_use (session_id, chat_jid, whatsapp_id);

CREATE TABLE quick_reply (
  session_id  INTEGER NOT NULL,
  id          TEXT NOT NULL,                 -- chosen by the device that made it: Unix seconds
  shortcut    TEXT NOT NULL,
  text        TEXT NOT NULL,
  keywords    TEXT NOT NULL,                 -- JSON string[]
  updated_at  BIGINT NOT NULL,
  PRIMARY KEY (session_id, id)
) /*sqlite: WITHOUT ROWID */;
