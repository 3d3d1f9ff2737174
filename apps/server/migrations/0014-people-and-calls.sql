-- Calls that were made to each session, and what WhatsApp tells of people: pictures, about, blocking, presence. Adds tables, changes none:
-- servers one release older keep working beside it.

CREATE TABLE call (
  seq          BIGINT PRIMARY KEY,         -- from counter 'call': the order in which we heard of them
  session_id   INTEGER NOT NULL,
  call_id      TEXT NOT NULL,              -- WhatsApp's
  creator      TEXT NOT NULL,              -- who called; canonical address
  creator_wire TEXT NOT NULL,              -- as WhatsApp named them: a refusal is addressed so
  group_jid    TEXT,
  is_video     INTEGER NOT NULL CHECK (is_video IN (0, 1)),
  is_group     INTEGER NOT NULL CHECK (is_group IN (0, 1)),
  while_away   INTEGER NOT NULL CHECK (while_away IN (0, 1)),
  status       TEXT NOT NULL CHECK (status IN ('ringing', 'accepted', 'ended', 'rejected', 'missed')),
  rejected_by  TEXT CHECK (rejected_by IN ('api', 'rule', 'phone')),
  started_at   BIGINT NOT NULL,            -- Unix ms, WhatsApp's clock
  answered_at  BIGINT,
  ended_at     BIGINT,
  heard_at     BIGINT NOT NULL             -- Unix ms, our clock: what never ends is settled by it
);
CREATE UNIQUE INDEX call_by_id ON call (session_id, call_id);
CREATE INDEX call_recent ON call (session_id, started_at, seq);
CREATE INDEX call_of_person ON call (session_id, creator);
CREATE INDEX call_ringing ON call (heard_at) WHERE status = 'ringing';

-- What WhatsApp told of people and groups when it was asked. A moment of 0: never asked, or no longer true.
CREATE TABLE person (
  session_id        INTEGER NOT NULL,
  jid               TEXT NOT NULL,         -- canonical address of somebody, or a group
  picture           TEXT NOT NULL CHECK (picture IN ('unknown', 'shown', 'none', 'hidden')),
  picture_id        TEXT,                  -- WhatsApp's: another picture has another
  picture_media     TEXT,                  -- id of the file in media, which retention may take
  picture_read_at   BIGINT NOT NULL,       -- Unix ms
  about             TEXT NOT NULL CHECK (about IN ('unknown', 'shown', 'none', 'hidden')),
  about_text        TEXT,
  about_set_at      BIGINT,                -- Unix ms
  about_read_at     BIGINT NOT NULL,       -- Unix ms
  business          TEXT,                  -- JSON; null: none, or never asked
  business_read_at  BIGINT NOT NULL,       -- Unix ms
  last_seen_at      BIGINT,                -- Unix ms
  watched_until     BIGINT,                -- Unix ms: their presence is told until then
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX person_watched ON person (session_id, watched_until) WHERE watched_until IS NOT NULL;

-- Whom an account blocks, as WhatsApp told it.
CREATE TABLE block_list (
  session_id  INTEGER PRIMARY KEY,
  read_at     BIGINT NOT NULL              -- Unix ms: when it was last read as a whole
);
CREATE TABLE blocked_person (
  session_id  INTEGER NOT NULL,
  jid         TEXT NOT NULL,               -- canonical
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;

-- Settings of an account that it shares with its phone.
CREATE TABLE account_setting (
  session_id    INTEGER PRIMARY KEY,
  privacy       TEXT NOT NULL,             -- JSON: WhatsApp's categories and values
  disappearing  INTEGER NOT NULL CHECK (disappearing >= 0), -- seconds
  read_at       BIGINT NOT NULL            -- Unix ms; 0: no longer true
);
