-- Integers that are never reused, small settings, and the keys that open the API. Runs on SQLite and PostgreSQL alike: how it is read
-- there is said in src/platform/database/migrations.ts.
CREATE TABLE counter (
  name   TEXT PRIMARY KEY,                -- 'session', 'message', 'event'
  value  BIGINT NOT NULL CHECK (value >= 0) -- the last one given out
) /*sqlite: STRICT, WITHOUT ROWID*/;
CREATE TABLE setting (
  name   TEXT PRIMARY KEY,
  value  TEXT NOT NULL                    -- JSON
) /*sqlite: STRICT*/;
CREATE TABLE api_key (
  id            TEXT PRIMARY KEY,         -- the public part of the key
  owner_id      INTEGER NOT NULL,         -- whose sessions it opens
  name          TEXT NOT NULL,
  hash          TEXT NOT NULL,            -- hex; the key itself is never stored
  created_at    BIGINT NOT NULL,          -- Unix ms
  last_used_at  BIGINT,
  revoked_at    BIGINT
) /*sqlite: STRICT*/;
