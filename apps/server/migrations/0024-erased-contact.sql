-- People whose data was erased, so that the history and the address book of the phone do not bring it back. Adds a table, changes none: servers
-- one release older keep working beside it.
CREATE TABLE erased_contact (
  session_id  INTEGER NOT NULL,
  address     TEXT NOT NULL,               -- HMAC of an address, base64url: whoever reads the table does not learn whose it was
  erased_at   BIGINT NOT NULL,             -- Unix ms; what is older stays out
  PRIMARY KEY (session_id, address)
) /*sqlite: WITHOUT ROWID */;
