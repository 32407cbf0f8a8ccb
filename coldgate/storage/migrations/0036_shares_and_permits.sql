-- A permit says how many units were let go: the ledger keeps its row, and those that are there.
SELECT keep_in_ledger('permit');

-- What a gateway can have us keep for ever of what it sent in vain: of each day a share.
ALTER TABLE quarantine
    ADD COLUMN cut_from integer;  -- bytes that came, where the payload is only their beginning

CREATE TABLE quarantine_share (
    sender text PRIMARY KEY,  -- as in quarantine
    day date NOT NULL,  -- in UTC; of the newest refusal
    kept_bytes bigint NOT NULL,  -- of that day
    cut integer NOT NULL  -- refusals of that day of which only the beginning was kept
);
SELECT guard_rows('quarantine_share', $$sees_everything()
    OR EXISTS (SELECT FROM gateway WHERE gateway.name = sender)$$);
GRANT SELECT, INSERT, UPDATE ON quarantine_share TO coldgate_ingest;
GRANT SELECT ON quarantine_share TO coldgate_api;
