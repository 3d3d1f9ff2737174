-- People who log in, and the organizations they belong to. An organization is the owner of sessions, keys, media and webhooks: `owner_id`
-- elsewhere is its id. What came before people did belongs to the first one.
CREATE TABLE organization (
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,
  description  TEXT,
  plan         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,           -- Unix ms, as all times
  updated_at   BIGINT NOT NULL,
  deleted_at   BIGINT
) /*sqlite: STRICT*/;
INSERT INTO organization (id, name, description, plan, created_at, updated_at, deleted_at) VALUES (1, 'Inbox Hub', NULL, 'free', 0, 0, NULL);
INSERT INTO counter (name, value) VALUES ('organization', 1);
CREATE TABLE app_user (
  id              INTEGER PRIMARY KEY,
  username        TEXT NOT NULL,
  username_key    TEXT NOT NULL UNIQUE,   -- in small letters
  email           TEXT NOT NULL,
  email_key       TEXT NOT NULL UNIQUE,   -- in small letters
  first_name      TEXT,
  last_name       TEXT,
  phone           TEXT,
  password_hash   TEXT NOT NULL,          -- PHC string, argon2id
  totp_secret     TEXT,                   -- sealed; set while being set up too
  totp_since      BIGINT,                 -- null: not confirmed
  totp_last       BIGINT,                 -- the last step whose code was used
  recovery_codes  TEXT,                   -- JSON, hashes of those not used yet
  is_active       INTEGER NOT NULL,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL
) /*sqlite: STRICT*/;
CREATE TABLE member (
  organization_id  INTEGER NOT NULL,
  user_id          INTEGER NOT NULL,
  role             TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  PRIMARY KEY (organization_id, user_id)
) /*sqlite: STRICT, WITHOUT ROWID*/;
CREATE INDEX member_of ON member (user_id);
CREATE TABLE invitation (
  id               INTEGER PRIMARY KEY,
  organization_id  INTEGER NOT NULL,
  email            TEXT NOT NULL,
  role             TEXT NOT NULL,
  token_hash       TEXT NOT NULL UNIQUE,
  invited_by       INTEGER NOT NULL,
  created_at       BIGINT NOT NULL,
  expires_at       BIGINT NOT NULL,
  accepted_at      BIGINT
) /*sqlite: STRICT*/;
CREATE INDEX invitation_to ON invitation (organization_id);
CREATE TABLE login (
  id            TEXT PRIMARY KEY,
  user_id       INTEGER NOT NULL,
  refresh_hash  TEXT NOT NULL,            -- of the one refresh token that is good now
  created_at    BIGINT NOT NULL,
  expires_at    BIGINT NOT NULL
) /*sqlite: STRICT, WITHOUT ROWID*/;
CREATE INDEX login_of ON login (user_id);
CREATE TABLE password_reset (
  token_hash  TEXT PRIMARY KEY,
  user_id     INTEGER NOT NULL,
  expires_at  BIGINT NOT NULL
) /*sqlite: STRICT, WITHOUT ROWID*/;
