-- Lists, counts and searches of the contacts of a session that has very many. All of it follows the table contact by triggers, in the
-- transaction that changes a contact: servers one release older keep it up too. What does not change a contact runs none of them.

-- The list, in its order, with what people look for: it is looked through without reading the rows. PostgreSQL's index entries hold no long names.
CREATE INDEX contact_listed ON contact (session_id, updated_at, jid, number /*sqlite:, search*/) WHERE number IS NOT NULL;

-- How many contacts have a number, and of those a name.
CREATE TABLE contact_tally (
  session_id  INTEGER PRIMARY KEY,
  people      BIGINT NOT NULL,
  named       BIGINT NOT NULL
);
INSERT INTO contact_tally (session_id, people, named)
  SELECT session_id, count(*), count(coalesce(hub_name, saved_name, verified_name, push_name))
  FROM contact WHERE number IS NOT NULL GROUP BY session_id;
/*sqlite:
CREATE TRIGGER contact_tally_made AFTER INSERT ON contact WHEN new.number IS NOT NULL
BEGIN
  INSERT INTO contact_tally (session_id, people, named)
    VALUES (new.session_id, 1, coalesce(new.hub_name, new.saved_name, new.verified_name, new.push_name) IS NOT NULL)
    ON CONFLICT (session_id) DO UPDATE SET people = people + 1, named = named + excluded.named;
END;
CREATE TRIGGER contact_tally_gone AFTER DELETE ON contact WHEN old.number IS NOT NULL
BEGIN
  UPDATE contact_tally SET people = people - 1,
    named = named - (coalesce(old.hub_name, old.saved_name, old.verified_name, old.push_name) IS NOT NULL)
    WHERE session_id = old.session_id;
END;
CREATE TRIGGER contact_tally_changed AFTER UPDATE ON contact WHEN
  (old.number IS NULL) <> (new.number IS NULL) OR (new.number IS NOT NULL AND
    (coalesce(old.hub_name, old.saved_name, old.verified_name, old.push_name) IS NULL) <>
    (coalesce(new.hub_name, new.saved_name, new.verified_name, new.push_name) IS NULL))
BEGIN
  INSERT INTO contact_tally (session_id, people, named) VALUES (new.session_id, (new.number IS NOT NULL) - (old.number IS NOT NULL),
    (new.number IS NOT NULL AND coalesce(new.hub_name, new.saved_name, new.verified_name, new.push_name) IS NOT NULL) -
    (old.number IS NOT NULL AND coalesce(old.hub_name, old.saved_name, old.verified_name, old.push_name) IS NOT NULL))
    ON CONFLICT (session_id) DO UPDATE SET people = people + excluded.people, named = named + excluded.named;
END;
*/
-- PostgreSQL's: once per statement, because a row that one transaction changes a thousand times is slow to find there.
/*sqlite:--*/ CREATE FUNCTION contact_tally_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO contact_tally AS t (session_id, people, named) SELECT session_id, count(*), count(coalesce(hub_name, saved_name, verified_name, push_name)) FROM made WHERE number IS NOT NULL GROUP BY session_id ORDER BY session_id ON CONFLICT (session_id) DO UPDATE SET people = t.people + excluded.people, named = t.named + excluded.named; RETURN NULL; END $$;
/*sqlite:--*/ CREATE FUNCTION contact_tally_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE contact_tally AS t SET people = t.people - lost.people, named = t.named - lost.named FROM (SELECT session_id, count(*) AS people, count(coalesce(hub_name, saved_name, verified_name, push_name)) AS named FROM gone WHERE number IS NOT NULL GROUP BY session_id) AS lost WHERE t.session_id = lost.session_id; RETURN NULL; END $$;
/*sqlite:--*/ CREATE FUNCTION contact_tally_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO contact_tally AS t (session_id, people, named) VALUES (new.session_id, num_nonnulls(new.number) - num_nonnulls(old.number), (new.number IS NOT NULL AND coalesce(new.hub_name, new.saved_name, new.verified_name, new.push_name) IS NOT NULL)::int - (old.number IS NOT NULL AND coalesce(old.hub_name, old.saved_name, old.verified_name, old.push_name) IS NOT NULL)::int) ON CONFLICT (session_id) DO UPDATE SET people = t.people + excluded.people, named = t.named + excluded.named; RETURN NULL; END $$;
/*sqlite:--*/ CREATE TRIGGER contact_tally_made AFTER INSERT ON contact REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION contact_tally_made();
/*sqlite:--*/ CREATE TRIGGER contact_tally_gone AFTER DELETE ON contact REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION contact_tally_gone();
/*sqlite:--*/ CREATE TRIGGER contact_tally_changed AFTER UPDATE ON contact FOR EACH ROW WHEN ((old.number IS NULL) <> (new.number IS NULL) OR (new.number IS NOT NULL AND (coalesce(old.hub_name, old.saved_name, old.verified_name, old.push_name) IS NULL) <> (coalesce(new.hub_name, new.saved_name, new.verified_name, new.push_name) IS NULL))) EXECUTE FUNCTION contact_tally_changed();

-- Every three characters that stand together in `search`, and three that only contacts of this session have (src/chats/contact-trigrams.ts).
/*sqlite:
CREATE TABLE contact_key (
  id          INTEGER PRIMARY KEY,
  session_id  INTEGER NOT NULL,
  jid         TEXT NOT NULL
);
CREATE UNIQUE INDEX contact_key_of ON contact_key (session_id, jid);
CREATE VIRTUAL TABLE contact_trigram USING fts5(
  search, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO contact_key (session_id, jid) SELECT session_id, jid FROM contact;
INSERT INTO contact_trigram (rowid, search)
  SELECT id, search || char(57345, 983040 + session_id / 32768, 983040 + session_id % 32768)
  FROM contact JOIN contact_key USING (session_id, jid);
CREATE TRIGGER contact_trigram_made AFTER INSERT ON contact
BEGIN
  INSERT INTO contact_key (session_id, jid) VALUES (new.session_id, new.jid);
  INSERT INTO contact_trigram (rowid, search)
    SELECT id, new.search || char(57345, 983040 + new.session_id / 32768, 983040 + new.session_id % 32768)
    FROM contact_key WHERE session_id = new.session_id AND jid = new.jid;
END;
CREATE TRIGGER contact_trigram_gone AFTER DELETE ON contact
BEGIN
  DELETE FROM contact_trigram WHERE rowid = (SELECT id FROM contact_key WHERE session_id = old.session_id AND jid = old.jid);
  DELETE FROM contact_key WHERE session_id = old.session_id AND jid = old.jid;
END;
CREATE TRIGGER contact_trigram_changed AFTER UPDATE ON contact WHEN old.search <> new.search OR old.jid <> new.jid
BEGIN
  UPDATE contact_key SET jid = new.jid WHERE session_id = old.session_id AND jid = old.jid;
  UPDATE contact_trigram
    SET search = new.search || char(57345, 983040 + new.session_id / 32768, 983040 + new.session_id % 32768)
    WHERE rowid = (SELECT id FROM contact_key WHERE session_id = new.session_id AND jid = new.jid);
END;
*/
-- PostgreSQL's, without an extension. Dear, so that the planner does not compute it row by row.
/*sqlite:--*/ CREATE FUNCTION contact_trigrams(session_id INTEGER, search TEXT) RETURNS TEXT[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 100000 AS $$ SELECT coalesce(array_agg(DISTINCT $1 || ' ' || substr($2, n, 3)), '{}') FROM generate_series(1, length($2) - 2) AS n $$;
/*sqlite:--*/ CREATE INDEX contact_trigram ON contact USING gin (contact_trigrams(session_id, search)) WITH (gin_pending_list_limit = 512);
