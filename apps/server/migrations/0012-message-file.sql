-- What we know of the files that messages lead to: which are here, which are still to be fetched. Adds a table, changes none:
-- servers one release older keep working beside it. A message without a row is one whose file nobody asked for.

CREATE TABLE message_file (
  message_id   BIGINT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  session_id   INTEGER NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('known', 'wanted', 'here', 'failed')),
  media_id     TEXT,                       -- media.id once it is here; retention may have taken that since
  attempts     INTEGER NOT NULL,           -- that failed, since it was last asked for
  due_at       BIGINT,                     -- Unix ms of the next attempt, while wanted
  failure      TEXT CHECK (failure IN ('expired', 'unreachable', 'corrupt', 'too_large', 'no_room')),
  direct_path  TEXT,                       -- where the phone put it when it was asked for it; null: where the message says
  thumbnail    BYTEA,                      -- small JPEG that came in the message
  updated_at   BIGINT NOT NULL,            -- Unix ms
  CHECK ((state = 'wanted') = (due_at IS NOT NULL)),
  CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX message_file_due ON message_file (session_id, due_at) WHERE state = 'wanted';
-- Whether another message leads to the same file.
CREATE INDEX message_file_of_media ON message_file (media_id) WHERE media_id IS NOT NULL;
