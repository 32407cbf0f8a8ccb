-- Nobody keeps others from what is theirs: whose guesses lock whom out, and how much of the
-- installation a party may use up in a day. And what proves who somebody is, on record.

-- 1. Guesses ------------------------------------------------------------------------------------

-- What somebody showed a right password from; whoever has such a token is no stranger.
CREATE TABLE known_device (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES app_user,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    known_since timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX known_device_by_user ON known_device (user_id, last_used_at);
CREATE INDEX known_device_by_age ON known_device (last_used_at);

-- Wrong proofs in a row, of strangers and of who is known apart: those of strangers lock strangers
-- out, those of somebody known lock everybody.
CREATE TABLE guess (
    user_id bigint NOT NULL REFERENCES app_user,
    known boolean NOT NULL,
    wrong_in_a_row integer NOT NULL,
    locked_until timestamptz,
    PRIMARY KEY (user_id, known)
);
INSERT INTO guess (user_id, known, wrong_in_a_row, locked_until)
SELECT user_id, known, wrong_in_a_row, locked_until
FROM credential CROSS JOIN (VALUES (false), (true)) AS kind (known)
WHERE wrong_in_a_row > 0;
ALTER TABLE credential DROP COLUMN wrong_in_a_row;
ALTER TABLE credential DROP COLUMN locked_until;

-- 2. Credentials on record, without what opens anything -------------------------------------------

SELECT keep_in_ledger('credential', 'password_hash', 'invitation_sha256', 'totp_sealed',
                      'totp_last_step');

-- 3. What a party used up in a day ----------------------------------------------------------------

CREATE TABLE daily_use (
    party_id text NOT NULL REFERENCES party,
    day date NOT NULL DEFAULT current_date,
    kind text NOT NULL CHECK (kind IN ('upload', 'scan', 'refusal')),
    uses integer NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (party_id, day, kind)
);
CREATE INDEX daily_use_by_day ON daily_use (day);

-- 4. Who may what ---------------------------------------------------------------------------------

SELECT guard_rows('known_device', $$acting_party() = '*'$$);
SELECT guard_rows('guess', $$acting_party() = '*'$$);
SELECT guard_rows('daily_use', $$sees_party(party_id)$$);
GRANT SELECT, INSERT, DELETE ON known_device TO coldgate_api;
GRANT UPDATE (last_used_at) ON known_device TO coldgate_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON guess TO coldgate_api;
GRANT SELECT, INSERT, DELETE ON daily_use TO coldgate_api;
GRANT UPDATE (uses, bytes) ON daily_use TO coldgate_api;
