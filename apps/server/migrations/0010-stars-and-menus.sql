-- Messages that the account starred, and menus sent as numbered text that still wait for a choice.
-- Adds a column with a default and a table: servers one release older keep working beside it.
ALTER TABLE message ADD COLUMN is_starred INTEGER NOT NULL DEFAULT 0;

-- The newest menu of a chat: what its customer writes next may be the number of an option.
CREATE TABLE open_menu (
  session_id   INTEGER NOT NULL,
  chat_jid     TEXT NOT NULL,              -- canonical
  whatsapp_id  TEXT NOT NULL,              -- of the message that is the menu
  options      TEXT NOT NULL,              -- JSON, as in the message
  kind         TEXT NOT NULL CHECK (kind IN ('buttons', 'list')),
  sent_at      BIGINT NOT NULL,            -- Unix ms
  PRIMARY KEY (session_id, chat_jid)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX open_menu_sent ON open_menu (sent_at);
