-- Messages written beforehand, which somebody approves before they are sent.
CREATE TABLE message_template (
  id                INTEGER PRIMARY KEY,
  owner_id          INTEGER NOT NULL,      -- the organization
  name              TEXT NOT NULL,
  name_key          TEXT NOT NULL,         -- in small letters, without accents
  category          TEXT,
  content           TEXT NOT NULL,         -- with {{names}}
  variables         TEXT NOT NULL,         -- JSON, as the contract's Template has them; so the next two
  attachments       TEXT NOT NULL,
  options           TEXT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN ('draft', 'pending', 'approved', 'rejected')),
  is_active         INTEGER NOT NULL,
  rejection_reason  TEXT,
  decided_by        INTEGER,               -- the user who approved or rejected it
  decided_at        BIGINT,                -- Unix ms, as all times
  search            TEXT NOT NULL,         -- name and text, in small letters, without accents
  uses              INTEGER NOT NULL,
  last_used_at      BIGINT,
  created_by        INTEGER,
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  UNIQUE (owner_id, name_key)
) /*sqlite: STRICT*/;
