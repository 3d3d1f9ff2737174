-- Statuses: what people post for a day. Each is a message in status@broadcast that no list shows; here stands what is its own.
-- Adds tables, changes none: servers one release older keep working beside it.
CREATE TABLE status (
  message_id   BIGINT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  session_id   INTEGER NOT NULL,
  whatsapp_id  TEXT NOT NULL,
  posted_at    BIGINT NOT NULL,            -- WhatsApp's clock, Unix ms, as are the others
  expires_at   BIGINT NOT NULL,            -- a day later, or when its author took it back
  archived_at  BIGINT,                     -- kept beyond that; null: removed then
  viewed_at    BIGINT,                     -- of others: when we told its author that we saw it
  deleted_at   BIGINT,                     -- when its author took it back
  views        INTEGER NOT NULL CHECK (views >= 0),  -- rows of status_view
  audience     TEXT,                       -- JSON string[], of ours: whom it was sent to
  search       TEXT NOT NULL               -- text or caption without accents and capitals
);
CREATE INDEX status_recent ON status (session_id, posted_at, message_id);
CREATE INDEX status_by_id ON status (session_id, whatsapp_id);
CREATE INDEX status_expiring ON status (expires_at) WHERE archived_at IS NULL;

-- Who saw statuses of ours.
CREATE TABLE status_view (
  message_id  BIGINT NOT NULL REFERENCES status (message_id) ON DELETE CASCADE,
  viewer_jid  TEXT NOT NULL,               -- canonical when it was stored
  viewed_at   BIGINT NOT NULL,             -- WhatsApp's clock, Unix ms
  PRIMARY KEY (message_id, viewer_jid)
) /*sqlite: WITHOUT ROWID */;
