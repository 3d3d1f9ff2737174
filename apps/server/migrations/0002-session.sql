-- Linked devices: what their owners wish, where they stand, their keys, and what they received and owe to the projector.
CREATE TABLE session (
  id                INTEGER PRIMARY KEY,   -- from counter 'session'; a CRM stores it in an Int column
  owner_id          INTEGER NOT NULL,
  session_id        TEXT NOT NULL,         -- the name the client chose
  name              TEXT NOT NULL,
  wish              TEXT NOT NULL CHECK (wish IN ('run', 'stop', 'unlink')),
  state             TEXT NOT NULL,         -- JSON: the part of Standing that outlives a process; the live actor decides
  last_error        TEXT,                  -- JSON {code, details?, at}
  me_pn             TEXT,                  -- own JID with device, once paired
  me_lid            TEXT,
  push_name         TEXT,
  data_key          BYTEA NOT NULL,        -- this session's key, wrapped under the master key
  proxy             BYTEA,                 -- sealed URL
  webhook_url       TEXT,
  webhook_secret    BYTEA,                 -- sealed
  webhook_events    TEXT NOT NULL,         -- JSON string[]
  webhook_preset    TEXT NOT NULL,         -- 'legacy' | 'standard'
  send_to_frappe    INTEGER NOT NULL CHECK (send_to_frappe IN (0, 1)),
  timeline_seq      BIGINT NOT NULL DEFAULT 0, -- the last number given out in session_timeline
  last_activity_at  BIGINT NOT NULL,       -- never null: an old client crashes on null
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  deleted_at        BIGINT                 -- a tombstone, kept 30 days: creating or connecting it again revives it under the same id
);
CREATE UNIQUE INDEX session_by_name ON session (owner_id, session_id);
CREATE TABLE session_timeline (
  session_id  INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  seq         BIGINT NOT NULL,             -- counts from 1 per session
  at          BIGINT NOT NULL,
  generation  INTEGER NOT NULL,            -- which dial it belongs to
  kind        TEXT NOT NULL,               -- 'state', 'told', 'qr', 'end', …, or a step of a dial: dns, tcp, tls, upgrade, …
  detail      TEXT NOT NULL,               -- JSON
  PRIMARY KEY (session_id, seq)
);
CREATE TABLE session_lease (
  session_id  INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
  owner       TEXT,                        -- node id; null when free
  epoch       BIGINT NOT NULL,             -- grows with each change of owner; every ratchet commit checks it
  expires_at  BIGINT NOT NULL,
  address     TEXT,
  draining    INTEGER NOT NULL
);
CREATE TABLE session_credentials (
  session_id   INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
  sealed       BYTEA NOT NULL,
  updated_at   BIGINT NOT NULL
);
CREATE TABLE session_credentials_archive (
  session_id   INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  archived_at  BIGINT NOT NULL,
  cause        TEXT NOT NULL,
  sealed       BYTEA NOT NULL,
  PRIMARY KEY (session_id, archived_at)
);
CREATE TABLE signal_key (
  session_id  INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  type        TEXT NOT NULL,               -- baileys' SignalDataTypeMap key
  id          TEXT NOT NULL,
  sealed      BYTEA NOT NULL,
  PRIMARY KEY (session_id, type, id)
);
CREATE TABLE inbox_journal (
  session_id   INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  hash         TEXT NOT NULL,              -- base64url SHA-256 of author, group, type and ciphertext
  seq          BIGINT NOT NULL,            -- order of arrival per session
  kind         TEXT NOT NULL,              -- 'message' | 'undecryptable' | 'receipt'
  sealed       BYTEA,                      -- stanza attributes and plaintext while they are owed, or may be asked for again
  state        TEXT NOT NULL CHECK (state IN ('new', 'done')),
  received_at  BIGINT NOT NULL,
  PRIMARY KEY (session_id, hash)
);
CREATE INDEX inbox_journal_owed ON inbox_journal (session_id, seq) WHERE state = 'new';
