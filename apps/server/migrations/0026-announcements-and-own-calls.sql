-- Which groups are those for announcements of their communities: there, reactions are sealed with the secret of their message.
-- Adds columns: servers one release older keep working beside it.
ALTER TABLE wa_group ADD COLUMN is_announcement_group INTEGER;  -- null: not read since it is asked
-- Read again when they are next needed.
UPDATE wa_group SET read_at = 0 WHERE community IS NOT NULL;

-- Calls that the account made itself, on its phone: `creator` is then one of its own addresses.
ALTER TABLE call ADD COLUMN outgoing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN callee TEXT;  -- whom it called; canonical; null: the account itself was called, or a group
CREATE INDEX call_to_person ON call (session_id, callee) WHERE callee IS NOT NULL;
