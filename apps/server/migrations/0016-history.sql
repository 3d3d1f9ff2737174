-- History that a phone tells the devices it links: how far it was read, and what of it its owner wants. Adds a table and columns that
-- have defaults: servers one release older keep working beside it.
CREATE TABLE session_sync (
  session_id   INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
  state        TEXT NOT NULL CHECK (state IN ('syncing', 'waiting', 'done', 'failed')),
  percent      INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
  parts        TEXT NOT NULL,              -- JSON: how far each kind of part has come, in percent
  part_hash    TEXT,                       -- inbox_journal.hash of the part that is being read
  part_items   BIGINT NOT NULL,            -- how much of it is stored: where reading goes on after a crash
  messages     BIGINT NOT NULL,            -- stored since started_at, that were not there before
  chats        BIGINT NOT NULL,
  contacts     BIGINT NOT NULL,
  failure      TEXT,                       -- why a part could not be read
  started_at   BIGINT NOT NULL,            -- Unix ms
  updated_at   BIGINT NOT NULL,
  finished_at  BIGINT
);
ALTER TABLE session ADD COLUMN history TEXT NOT NULL DEFAULT 'recent' CHECK (history IN ('none', 'recent', 'full'));
ALTER TABLE session ADD COLUMN history_days INTEGER;        -- older messages are left out; null: none are
-- What the phone said of a chat is taken once: later its own events and what is done in the hub count.
ALTER TABLE chat ADD COLUMN synced_at BIGINT;
ALTER TABLE chat ADD COLUMN history_end INTEGER NOT NULL DEFAULT 0; -- 1: the phone has nothing older
-- A name that WhatsApp keeps unique, instead of a number.
ALTER TABLE contact ADD COLUMN username TEXT;
CREATE INDEX contact_by_username ON contact (session_id, username) WHERE username IS NOT NULL;
-- Messages of which only the envelope could be read: few.
CREATE INDEX message_undecryptable ON message (session_id, sent_at, id) WHERE type = 'undecryptable';
-- How often a message that could not be opened was asked for again: WhatsApp gives up after five, also when we were restarted between.
CREATE TABLE retry_counter (
  session_id  INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,               -- baileys' key: the message and who asks or is asked
  count       INTEGER NOT NULL,
  counted_at  BIGINT NOT NULL,             -- Unix ms
  PRIMARY KEY (session_id, name)
) /*sqlite: WITHOUT ROWID */;
