-- What the search index has read. The index itself is derived from messages and made by the program (src/search/), which may drop it and
-- make it again; a hub one release older keeps working beside it, and what it stores is indexed later.
CREATE TABLE search_progress (
  name        TEXT PRIMARY KEY,            -- 'message'
  format      INTEGER NOT NULL,            -- of the index; another than the program's: it is made anew
  message_id  BIGINT NOT NULL              -- the last message.id that was read
) /*sqlite: STRICT*/;
INSERT INTO search_progress (name, format, message_id) VALUES ('message', 0, 0);
-- Messages that changed or went after they may have been read. Receiving a message writes nothing here.
CREATE TABLE search_change (
  message_id  BIGINT PRIMARY KEY,
  sent_at     BIGINT NOT NULL              -- of the message, which may be gone
) /*sqlite: STRICT*/;
/*sqlite:
CREATE TRIGGER search_message_changed AFTER UPDATE OF body, type, shown ON message
BEGIN
  INSERT OR IGNORE INTO search_change (message_id, sent_at) VALUES (old.id, old.sent_at);
END;
CREATE TRIGGER search_message_gone AFTER DELETE ON message
BEGIN
  INSERT OR IGNORE INTO search_change (message_id, sent_at) VALUES (old.id, old.sent_at);
END;
*/
-- PostgreSQL's: touching the row, so that the indexer, which takes it away before it reads the message, waits for this transaction.
/*sqlite:--*/ CREATE FUNCTION search_note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO search_change (message_id, sent_at) VALUES (old.id, old.sent_at) ON CONFLICT (message_id) DO UPDATE SET sent_at = excluded.sent_at; RETURN NULL; END $$;
/*sqlite:--*/ CREATE TRIGGER search_message_changed AFTER UPDATE OF body, type, shown ON message FOR EACH ROW EXECUTE FUNCTION search_note_change();
/*sqlite:--*/ CREATE TRIGGER search_message_gone AFTER DELETE ON message FOR EACH ROW EXECUTE FUNCTION search_note_change();
-- Groups by name: few, and people's chats have no name of their own.
CREATE INDEX chat_named ON chat (session_id, active_at, jid, name) WHERE name IS NOT NULL;
