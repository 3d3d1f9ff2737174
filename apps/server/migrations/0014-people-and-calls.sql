-- Calls that were made to each session. Adds tables, changes none: servers one release older keep working beside it.

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
