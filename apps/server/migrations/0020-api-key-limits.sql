-- What an API key is limited to; NULL = not.
ALTER TABLE api_key ADD COLUMN scopes TEXT;      -- JSON, as in packages/contract/src/scopes.ts
ALTER TABLE api_key ADD COLUMN sessions TEXT;    -- JSON, numbers
ALTER TABLE api_key ADD COLUMN networks TEXT;    -- JSON, CIDR
ALTER TABLE api_key ADD COLUMN expires_at BIGINT; -- Unix ms
