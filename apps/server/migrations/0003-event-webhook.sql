-- The append-only log of what happened, and what is owed to webhook receivers, written in the transaction of the change.
CREATE TABLE event (
  seq          BIGINT PRIMARY KEY,         -- from counter 'event': without holes, in the order of commits
  id           TEXT NOT NULL,              -- deterministic where the cause is (a re-projection cannot double it)
  session_id   INTEGER NOT NULL,
  session_seq  BIGINT NOT NULL,            -- the same, per session
  type         TEXT NOT NULL,              -- 'message.received', 'session.connected', …
  data         TEXT NOT NULL,              -- JSON, schema in packages/contract
  at           BIGINT NOT NULL             -- Unix ms
);
-- A message is told with the row it is stored in, and message_once lets that happen once: no second index touches a random page for it.
CREATE UNIQUE INDEX event_once ON event (id) WHERE type <> 'message.received';
CREATE UNIQUE INDEX event_of_session ON event (session_id, session_seq);
CREATE TABLE webhook_delivery (
  event_seq     BIGINT NOT NULL,
  target        TEXT NOT NULL CHECK (target IN ('session', 'frappe')), -- where URL and secret are read at each attempt
  lane          TEXT NOT NULL CHECK (lane IN ('main', 'statuses', 'acks')), -- what keeps its order
  session_id    INTEGER NOT NULL,
  id            TEXT NOT NULL,             -- sent as the webhook id; derived from the event's
  preset        TEXT NOT NULL CHECK (preset IN ('legacy', 'standard')),
  event_type    TEXT NOT NULL,             -- as this receiver is told it
  body          TEXT NOT NULL,             -- exactly what is signed and sent
  attempts      INTEGER NOT NULL CHECK (attempts >= 0),
  created_at    BIGINT NOT NULL,           -- Unix ms
  due_at        BIGINT NOT NULL,           -- Unix ms
  last_status   INTEGER,                   -- HTTP status of the last attempt; null when there was no answer
  last_error    TEXT,                      -- why the last attempt failed, for people
  settled_at    BIGINT,                    -- Unix ms; null while still owed
  outcome       TEXT CHECK (outcome IN ('delivered', 'given_up')),
  PRIMARY KEY (event_seq, target, lane),   -- grows at its end: the ids are hashes, and an index on them would touch a page per row
  CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX webhook_delivery_owed ON webhook_delivery (session_id, target, lane, event_seq) WHERE settled_at IS NULL;
CREATE INDEX webhook_delivery_retry ON webhook_delivery (due_at) WHERE settled_at IS NULL AND attempts > 0;
