-- Who has received, read and played the messages of ours, and which messages were played.
-- Adds a table, and a column with a default: servers one release older keep working beside it.
CREATE TABLE message_receipt (
  message_id    BIGINT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  session_id    INTEGER NOT NULL,
  jid           TEXT NOT NULL,             -- whose receipt it is; canonical when it was stored
  delivered_at  BIGINT,                    -- WhatsApp's clock, Unix ms, as are the others; the first that was told
  read_at       BIGINT,
  played_at     BIGINT,
  PRIMARY KEY (message_id, jid)
) /*sqlite: WITHOUT ROWID */;
-- Of ours: by somebody; of others': by us, here or on another device.
ALTER TABLE message ADD COLUMN played INTEGER NOT NULL DEFAULT 0;
