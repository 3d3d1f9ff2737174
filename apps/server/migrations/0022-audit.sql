-- Who did what: rows are only ever added, and each carries the hash of the one before it.
CREATE TABLE audit_log (
  seq            BIGINT PRIMARY KEY,       -- without holes
  at             BIGINT NOT NULL,          -- Unix ms
  owner_id       INTEGER NOT NULL,         -- the organization; 0 = of none
  user_id        INTEGER,
  key_id         TEXT,                     -- of an API key
  session_id     BIGINT,                   -- its number, when there was one
  session        TEXT,                     -- as the request called it
  action         TEXT NOT NULL,            -- the operation's id in the contract
  status         INTEGER NOT NULL,         -- HTTP
  code           TEXT,                     -- of the error
  ip             TEXT NOT NULL,
  request_id     TEXT NOT NULL,
  previous_hash  TEXT NOT NULL,            -- '' for the first
  hash           TEXT NOT NULL             -- HMAC-SHA256, hex; its form is in apps/server/src/audit/chain.ts
) /*sqlite: STRICT*/;
CREATE INDEX audit_log_owner ON audit_log (owner_id, seq);
CREATE INDEX audit_log_user ON audit_log (user_id, seq) WHERE user_id IS NOT NULL;
-- Where the chain ends, so that rows taken off its end are missed. One row, locked by whoever adds to the chain.
CREATE TABLE audit_head (
  id    INTEGER PRIMARY KEY,
  seq   BIGINT NOT NULL,
  hash  TEXT NOT NULL,
  mac   TEXT NOT NULL                      -- '' while the chain is empty
) /*sqlite: STRICT*/;
INSERT INTO audit_head (id, seq, hash, mac) VALUES (1, 0, '', '');
