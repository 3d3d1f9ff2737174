-- What files become before they are sent, and where WhatsApp keeps them then. Adds tables, changes none: servers one release older keep
-- working beside it.

-- The file to send in place of another, so that nothing is converted twice; often it is that file itself.
CREATE TABLE media_rendition (
  owner_id  INTEGER NOT NULL,
  hash      TEXT NOT NULL,                 -- SHA-256, hex, of the file that was to be sent
  sent_as   TEXT NOT NULL,                 -- image, video, gif, video_note, audio, voice or sticker
  media_id  TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
  facts     TEXT NOT NULL,                 -- JSON: what its message says about it (duration, size, waveform, preview)
  PRIMARY KEY (owner_id, hash, sent_as)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX media_rendition_media ON media_rendition (media_id);

-- Uploads that further messages can refer to: one file to fifty recipients is uploaded once.
CREATE TABLE media_upload (
  session_id   INTEGER NOT NULL,
  hash         TEXT NOT NULL,              -- SHA-256, hex, of the plain file
  sealed_as    TEXT NOT NULL,              -- the kind that WhatsApp derives the keys for: image, video, audio, document
  source       TEXT NOT NULL,              -- JSON: where it lies, and the key to it
  uploaded_at  BIGINT NOT NULL,            -- Unix ms
  PRIMARY KEY (session_id, hash, sealed_as)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX media_upload_age ON media_upload (uploaded_at);
