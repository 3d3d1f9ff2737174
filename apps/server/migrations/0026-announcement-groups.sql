-- Which groups are those for announcements of their communities: there, reactions are sealed with the secret of their message.
-- Adds a column: servers one release older keep working beside it.
ALTER TABLE wa_group ADD COLUMN is_announcement_group INTEGER;  -- null: not read since it is asked
-- Read again when they are next needed.
UPDATE wa_group SET read_at = 0 WHERE community IS NOT NULL;
