-- Newsletters (channels) as WhatsApp shows them to each session, and their messages, which people do not answer.
-- Adds tables, changes none: servers one release older keep working beside it.

-- When a session's list of newsletters was last read from WhatsApp as a whole.
CREATE TABLE newsletter_list (
  session_id  INTEGER PRIMARY KEY,
  read_at     BIGINT NOT NULL              -- Unix ms
);

CREATE TABLE newsletter (
  session_id   INTEGER NOT NULL,
  jid          TEXT NOT NULL,
  name         TEXT NOT NULL,
  description  TEXT,
  invite       TEXT,
  picture      TEXT,                       -- on WhatsApp's servers, for a while
  created_at   BIGINT,                     -- Unix ms
  subscribers  BIGINT NOT NULL CHECK (subscribers >= 0),
  verified     INTEGER NOT NULL,
  state        TEXT NOT NULL,              -- WhatsApp's word
  role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'subscriber', 'guest')),  -- our own; guest: not followed
  muted        INTEGER NOT NULL,
  search       TEXT NOT NULL,              -- name without accents and capitals
  read_at      BIGINT NOT NULL,            -- Unix ms: when it was last read as a whole
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE newsletter_message (
  id           BIGINT PRIMARY KEY,         -- from counter 'newsletter_message'
  session_id   INTEGER NOT NULL,
  jid          TEXT NOT NULL,              -- the newsletter
  whatsapp_id  TEXT NOT NULL,
  server_id    BIGINT,                     -- the newsletter's number of it; null until WhatsApp gave one
  message_id   BIGINT,                     -- message.id, of those that the hub posts
  type         TEXT NOT NULL,              -- the API's word
  body         TEXT NOT NULL,
  content      TEXT,                       -- JSON MessageContent; null for text that body says completely
  sent_at      BIGINT NOT NULL,            -- WhatsApp's clock, Unix ms
  views        BIGINT NOT NULL CHECK (views >= 0),
  reactions    TEXT NOT NULL,              -- JSON {emoji, count}[]
  own_reaction TEXT,
  deleted_at   BIGINT                      -- Unix ms
);
CREATE UNIQUE INDEX newsletter_message_once ON newsletter_message (session_id, jid, whatsapp_id);
CREATE INDEX newsletter_message_number ON newsletter_message (session_id, jid, server_id);
CREATE INDEX newsletter_message_page ON newsletter_message (session_id, jid, sent_at, id);
