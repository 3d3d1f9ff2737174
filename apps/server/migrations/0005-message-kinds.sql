-- What people do to messages: react, edit, take back, pin, keep, vote. Of each person and kind the last one counts, and it stands
-- beside its message, never as a message of its own. Adds a table, changes none: servers one release older keep working beside it.
CREATE TABLE message_change (
  session_id   INTEGER NOT NULL,
  target_id    TEXT NOT NULL,              -- WhatsApp's id of the message it is about
  chat_jid     TEXT NOT NULL,              -- canonical
  sender_jid   TEXT NOT NULL,              -- who did it, canonical; '' when we did
  kind         TEXT NOT NULL CHECK (kind IN ('reaction', 'edit', 'revoke', 'pin', 'keep', 'vote')),
  author_jid   TEXT,                       -- who wrote the message it is about, as told; '' when we did; null when not told
  by_admin     INTEGER NOT NULL,           -- of a group: may take back what others wrote
  whatsapp_id  TEXT NOT NULL,              -- of the message that said so
  value        TEXT NOT NULL,              -- JSON: what was done
  changed_at   BIGINT NOT NULL,            -- Unix ms, by its sender's clock where it told one
  message_id   BIGINT,                     -- message.id; null until that message arrives
  PRIMARY KEY (session_id, target_id, chat_jid, sender_jid, kind)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX message_change_shown ON message_change (message_id) WHERE message_id IS NOT NULL;
-- Looked into for every message that arrives: holds only what waits.
CREATE INDEX message_change_waiting ON message_change (session_id, target_id) WHERE message_id IS NULL;
-- Where a LID learnt late finds what it must re-key.
CREATE INDEX message_change_by_chat ON message_change (session_id, chat_jid);
CREATE INDEX message_change_by_sender ON message_change (session_id, sender_jid);
