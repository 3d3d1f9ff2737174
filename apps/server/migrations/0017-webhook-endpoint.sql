-- Webhook endpoints of organisations beside each session's own and the server's Frappe, and the log of what was tried.
-- Rebuilds webhook_delivery: stop servers one release older first, they would not know its columns.
CREATE TABLE webhook_endpoint (
  id                INTEGER PRIMARY KEY,   -- from counter 'webhook_endpoint'; never used again
  owner_id          INTEGER NOT NULL,
  name              TEXT NOT NULL,
  url               TEXT NOT NULL,
  settings          TEXT NOT NULL,         -- JSON: events, sessions, chats, preset, check, order, time limit, retries
  headers           BYTEA NOT NULL,        -- sealed JSON: they may hold tokens
  secret            BYTEA NOT NULL,        -- sealed
  old_secret        BYTEA,                 -- sealed: signs beside the new one until old_secret_until
  old_secret_until  BIGINT,                -- Unix ms
  active            INTEGER NOT NULL CHECK (active IN (0, 1)),
  disabled_because  TEXT CHECK (disabled_because IN ('asked', 'gone', 'failing')),
  disabled_at       BIGINT,                -- Unix ms
  paused_until      BIGINT,                -- Unix ms; the largest safe integer: until somebody resumes it
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  CHECK ((active = 1) = (disabled_because IS NULL))
);
CREATE INDEX webhook_endpoint_of_owner ON webhook_endpoint (owner_id, id);

-- What became of the deliveries of each endpoint so far, written every few seconds.
CREATE TABLE webhook_tally (
  endpoint       INTEGER NOT NULL,         -- as in webhook_delivery
  session_id     INTEGER NOT NULL,         -- 0 for the endpoints of organisations, which have many
  attempts       BIGINT NOT NULL,
  delivered      BIGINT NOT NULL,
  given_up       BIGINT NOT NULL,
  took_ms        BIGINT NOT NULL,          -- of all attempts together
  last_at        BIGINT NOT NULL,          -- Unix ms: the last attempt
  last_status    INTEGER,
  last_error     TEXT,                     -- of the last attempt that failed
  last_error_at  BIGINT,
  failing_since  BIGINT,                   -- null after a success
  failures       INTEGER NOT NULL,         -- attempts since then
  PRIMARY KEY (endpoint, session_id)
);

ALTER TABLE webhook_delivery RENAME TO webhook_delivery_before;
DROP INDEX webhook_delivery_owed;
DROP INDEX webhook_delivery_retry;
CREATE TABLE webhook_delivery (
  event_seq     BIGINT NOT NULL,
  endpoint      INTEGER NOT NULL,          -- webhook_endpoint.id; 0: the server's Frappe; -n: the own webhook of session n
  lane          TEXT NOT NULL CHECK (lane IN ('main', 'statuses', 'acks')), -- what keeps its order
  session_id    INTEGER NOT NULL,
  id            TEXT NOT NULL,             -- sent as the webhook id; derived from the event's
  preset        TEXT NOT NULL,             -- what body is written in
  event_type    TEXT NOT NULL,             -- as this receiver is told it
  body          TEXT NOT NULL,             -- exactly what is signed and sent
  attempts      INTEGER NOT NULL CHECK (attempts >= 0),
  loose         INTEGER NOT NULL CHECK (loose IN (0, 1)), -- 1: goes when it is due, whatever stands before it in its lane
  created_at    BIGINT NOT NULL,           -- Unix ms
  due_at        BIGINT NOT NULL,           -- Unix ms
  last_status   INTEGER,                   -- HTTP status of the last attempt; null when there was no answer
  last_error    TEXT,                      -- why the last attempt failed, for people
  settled_at    BIGINT,                    -- Unix ms; null while still owed
  outcome       TEXT CHECK (outcome IN ('delivered', 'given_up')),
  PRIMARY KEY (event_seq, endpoint, lane), -- grows at its end: the ids are hashes, and an index on them would touch a page per row
  CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
INSERT INTO webhook_delivery
  SELECT event_seq, CASE target WHEN 'frappe' THEN 0 ELSE -session_id END, lane, session_id, id, preset, event_type, body, attempts,
         CASE WHEN preset = 'standard' AND attempts > 0 THEN 1 ELSE 0 END,
         created_at, due_at, last_status, last_error, settled_at, outcome
  FROM webhook_delivery_before;
DROP TABLE webhook_delivery_before;
CREATE INDEX webhook_delivery_owed ON webhook_delivery (session_id, endpoint, lane, event_seq) WHERE settled_at IS NULL;
CREATE INDEX webhook_delivery_loose ON webhook_delivery (session_id, endpoint, lane, due_at) WHERE settled_at IS NULL AND loose = 1;
-- The log of an organisation's endpoint; that of a session's own webhook is read along the events of the session, and so costs no index.
CREATE INDEX webhook_delivery_log ON webhook_delivery (endpoint, event_seq) WHERE endpoint > 0;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (endpoint, session_id, event_seq) WHERE outcome = 'given_up';

CREATE TABLE webhook_attempt (
  event_seq     BIGINT NOT NULL,
  endpoint      INTEGER NOT NULL,
  lane          TEXT NOT NULL,
  at            BIGINT NOT NULL,           -- Unix ms: when it ended
  took_ms       INTEGER NOT NULL,
  status        INTEGER,                   -- null when there was no answer
  error         TEXT,                      -- null when it was taken
  answer_type   TEXT,                      -- its content-type
  answer        TEXT,                      -- the beginning of its body
  PRIMARY KEY (event_seq, endpoint, lane, at)
) /*sqlite: WITHOUT ROWID */;
