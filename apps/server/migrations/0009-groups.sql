-- Groups as WhatsApp shows them to each session: read as a whole when first needed, and kept by what WhatsApp tells of them.
-- Adds tables, changes none: servers one release older keep working beside it.

-- When a session's list of groups was last read from WhatsApp as a whole.
CREATE TABLE group_list (
  session_id  INTEGER PRIMARY KEY,
  read_at     BIGINT NOT NULL              -- Unix ms
);

CREATE TABLE wa_group (
  session_id         INTEGER NOT NULL,
  jid                TEXT NOT NULL,
  subject            TEXT NOT NULL,
  description        TEXT,
  description_id     TEXT,                 -- WhatsApp wants it named when the description is changed
  owner              TEXT,                 -- who made it, as the group addresses people
  owner_alt          TEXT,                 -- the same person's other address, when it was told
  created_at         BIGINT,               -- Unix ms
  announcement       INTEGER NOT NULL,
  locked             INTEGER NOT NULL,
  member_add_mode    TEXT NOT NULL CHECK (member_add_mode IN ('admins', 'everyone')),
  join_approval      INTEGER NOT NULL,
  ephemeral_seconds  INTEGER NOT NULL CHECK (ephemeral_seconds >= 0),
  community          TEXT,                 -- the community it is a part of
  is_community       INTEGER NOT NULL,
  size               INTEGER NOT NULL CHECK (size >= 0),
  role               TEXT CHECK (role IN ('member', 'admin', 'superadmin')),  -- our own; null: no longer a member
  search             TEXT NOT NULL,        -- subject without accents and capitals
  read_at            BIGINT NOT NULL,      -- Unix ms: when it was last read as a whole
  PRIMARY KEY (session_id, jid)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX wa_group_recent ON wa_group (session_id, created_at, jid);

-- A member is the address that the group names them by, and so is never re-keyed.
CREATE TABLE wa_group_member (
  session_id  INTEGER NOT NULL,
  group_jid   TEXT NOT NULL,
  jid         TEXT NOT NULL,               -- without device
  alt         TEXT,                        -- the same person's other address, when it was told
  role        TEXT NOT NULL CHECK (role IN ('member', 'admin', 'superadmin')),
  PRIMARY KEY (session_id, group_jid, jid)
) /*sqlite: WITHOUT ROWID */;
