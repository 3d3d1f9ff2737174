-- Messages that wait for their time. Adds a table and two columns of its own: servers one release older keep working beside it.
CREATE TABLE scheduled_message (
  message_id    BIGINT PRIMARY KEY,        -- from counter 'message': the number it keeps when it becomes a message
  session_id    INTEGER NOT NULL,
  whatsapp_id   TEXT NOT NULL,             -- derived from session and idempotency key, as in outbound
  fingerprint   TEXT NOT NULL,             -- as in outbound
  chat_jid      TEXT NOT NULL,             -- canonical when it was asked for; looked up again when it is due
  type          TEXT NOT NULL,             -- these four as in message
  body          TEXT NOT NULL,
  content       TEXT,
  quoted_id     TEXT,
  send_at       BIGINT NOT NULL,           -- Unix ms
  asked_at      BIGINT NOT NULL,           -- Unix ms
  cancelled_at  BIGINT                     -- Unix ms; kept for a while so that a repeated call finds it. What went out is not in here any more
) /*sqlite: STRICT*/;
CREATE UNIQUE INDEX scheduled_message_once ON scheduled_message (session_id, whatsapp_id);
CREATE INDEX scheduled_message_due ON scheduled_message (session_id, send_at, message_id) WHERE cancelled_at IS NULL;
CREATE INDEX scheduled_message_cancelled ON scheduled_message (cancelled_at) WHERE cancelled_at IS NOT NULL;

-- Where a message stands in its chat's line when that is not told by its number: one that was scheduled got its number long before its turn.
ALTER TABLE outbound ADD COLUMN place BIGINT;
