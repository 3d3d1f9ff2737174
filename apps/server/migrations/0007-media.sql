-- Files that were uploaded, imported, sent or received. Adds tables, changes none: servers one release older keep working beside it.

-- What lies in the blob store, once for all that have it. A row is written before the file is, and removed after it.
CREATE TABLE media_blob (
  hash         TEXT PRIMARY KEY,           -- SHA-256, hex: also its name in the store
  size         BIGINT NOT NULL CHECK (size >= 0),
  check_at     BIGINT,                     -- Unix ms: when to look whether anything still uses it; null: something does
  deleting_at  BIGINT                      -- Unix ms since when it is being removed; nobody may count on it any more
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX media_blob_check ON media_blob (check_at) WHERE check_at IS NOT NULL;

CREATE TABLE media (
  seq            BIGINT PRIMARY KEY,       -- from counter 'media': the order of arrival
  id             TEXT NOT NULL,            -- mediaId on the wire: 128 random bits, base64url
  owner_id       INTEGER NOT NULL,
  session_id     INTEGER,                  -- null: of the owner, of no session
  hash           TEXT NOT NULL REFERENCES media_blob (hash),
  size           BIGINT NOT NULL,          -- as in media_blob, for lists and the quota
  kind           TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document', 'sticker')),
  mimetype       TEXT NOT NULL,            -- as its bytes say; else as declared; else application/octet-stream
  declared_type  TEXT,                     -- as whoever gave it said
  file_name      TEXT NOT NULL,            -- without path and control characters; '' when it had none
  search         TEXT NOT NULL,            -- the name without accents and capitals
  source         TEXT NOT NULL CHECK (source IN ('upload', 'url', 'base64', 'whatsapp')),
  created_at     BIGINT NOT NULL,          -- Unix ms
  used_at        BIGINT NOT NULL,          -- Unix ms, exact to an hour: retention counts from it
  keep           INTEGER NOT NULL CHECK (keep IN (0, 1)) -- 1: retention passes it over
);
CREATE UNIQUE INDEX media_by_id ON media (id);
CREATE INDEX media_of_owner ON media (owner_id, seq);
CREATE INDEX media_of_session ON media (session_id, seq) WHERE session_id IS NOT NULL;
CREATE INDEX media_of_hash ON media (hash);
CREATE INDEX media_unused ON media (used_at) WHERE keep = 0;

-- What each owner has, kept in step with media: the quota is checked where it is changed.
CREATE TABLE media_usage (
  owner_id  INTEGER PRIMARY KEY,
  files     BIGINT NOT NULL CHECK (files >= 0),
  bytes     BIGINT NOT NULL CHECK (bytes >= 0)
);
