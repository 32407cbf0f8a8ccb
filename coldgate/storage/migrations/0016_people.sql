-- People: who they are, what they may do, what proves that they are it; keys that may do less.

CREATE TABLE app_user (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    -- 21 CFR 11.100(a): a login is of one person, and never given to another.
    login text NOT NULL UNIQUE CHECK (login ~ '^[a-z0-9][a-z0-9._@-]{2,63}$'),
    printed_name text NOT NULL CHECK (length(printed_name) BETWEEN 1 AND 200),
    email text CHECK (length(email) BETWEEN 3 AND 254),
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);
CREATE INDEX app_user_by_party ON app_user (party_id, id);

-- Every grant and removal of a role; the newest row of a user and role counts.
CREATE TABLE role_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES app_user,
    role text NOT NULL CHECK (role IN
        ('operator', 'qa', 'qa_approver', 'carrier', 'customer', 'integrator')),
    granted boolean NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX role_change_newest ON role_change (user_id, role, id DESC);

-- Roles that users have now.
CREATE VIEW user_role WITH (security_invoker = true) AS
SELECT user_id, role, changed_at AS granted_at, changed_by AS granted_by
FROM (
    SELECT DISTINCT ON (user_id, role) user_id, role, granted, changed_at, changed_by
    FROM role_change ORDER BY user_id, role, id DESC
) AS newest
WHERE granted;

-- What proves that somebody is the user; seen only while a request finds out who asks.
CREATE TABLE credential (
    user_id bigint PRIMARY KEY REFERENCES app_user,
    password_hash text,  -- argon2id with its parameters; NULL until the user chose one
    password_set_at timestamptz,
    invitation_sha256 bytea UNIQUE CHECK (length(invitation_sha256) = 32),
    invitation_until timestamptz,
    wrong_in_a_row integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    totp_sealed bytea,  -- AES-256-GCM, the key is derived from the signing key
    totp_confirmed_at timestamptz,
    totp_last_step bigint,  -- RFC 6238: no code of this step or an earlier one is accepted
    CHECK ((invitation_sha256 IS NULL) = (invitation_until IS NULL)),
    CHECK (totp_sealed IS NOT NULL OR totp_confirmed_at IS NULL)
);

-- Whom an identity provider means; an operator says so.
CREATE TABLE oidc_link (
    user_id bigint PRIMARY KEY REFERENCES app_user,
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    UNIQUE (issuer, subject)
);

CREATE TABLE session (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES app_user,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    method text NOT NULL CHECK (method IN ('password', 'password+totp', 'oidc')),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX session_in_force ON session (user_id) WHERE revoked_at IS NULL;
CREATE INDEX session_by_age ON session (created_at);

-- Attempts to log in that did not succeed, by keyed digest of the login and of the address.
CREATE TABLE login_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject bytea NOT NULL CHECK (length(subject) = 32),
    attempted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_attempt_by_subject ON login_attempt (subject, attempted_at);
CREATE INDEX login_attempt_by_age ON login_attempt (attempted_at);

-- One visit to the identity provider; nonce and verifier are derived from the state.
CREATE TABLE oidc_flow (
    state_sha256 bytea PRIMARY KEY CHECK (length(state_sha256) = 32),
    browser_sha256 bytea NOT NULL CHECK (length(browser_sha256) = 32),
    user_id bigint REFERENCES app_user,  -- NULL: to log in; else to prove oneself again
    record_digest bytea CHECK (length(record_digest) = 32),
    started_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((user_id IS NULL) = (record_digest IS NULL))
);
CREATE INDEX oidc_flow_by_age ON oidc_flow (started_at);

-- Proof, fresh from the identity provider, for one signature under one record.
CREATE TABLE signing_ticket (
    ticket_sha256 bytea PRIMARY KEY CHECK (length(ticket_sha256) = 32),
    user_id bigint NOT NULL REFERENCES app_user,
    record_digest bytea NOT NULL CHECK (length(record_digest) = 32),
    issued_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz
);
CREATE INDEX signing_ticket_by_age ON signing_ticket (issued_at);

SELECT make_append_only('role_change');

SELECT guard_rows('app_user', $$sees_party(party_id)$$);
SELECT guard_rows('role_change', $$EXISTS (SELECT FROM app_user AS u WHERE u.id = user_id)$$);
SELECT guard_rows('credential', $$acting_party() = '*'$$);
SELECT guard_rows('oidc_link', $$acting_party() = '*'$$);
SELECT guard_rows('session', $$acting_party() = '*'$$);
SELECT guard_rows('login_attempt', $$acting_party() = '*'$$);
SELECT guard_rows('oidc_flow', $$acting_party() = '*'$$);
SELECT guard_rows('signing_ticket', $$acting_party() = '*'$$);

GRANT SELECT, INSERT ON app_user, role_change TO coldgate_api;
GRANT UPDATE (disabled_at) ON app_user TO coldgate_api;
GRANT SELECT ON user_role TO coldgate_api;
GRANT SELECT, INSERT, UPDATE ON credential TO coldgate_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON oidc_link TO coldgate_api;
GRANT SELECT, INSERT, DELETE ON session, login_attempt, oidc_flow, signing_ticket TO coldgate_api;
GRANT UPDATE (last_used_at, revoked_at) ON session TO coldgate_api;
GRANT UPDATE (used_at) ON signing_ticket TO coldgate_api;

ALTER TABLE api_key ADD COLUMN scopes text[];  -- NULL: all that a key of its party may do
ALTER TABLE api_key ADD COLUMN expires_at timestamptz;
ALTER TABLE api_key ADD COLUMN last_used_on date;
GRANT UPDATE (last_used_on) ON api_key TO coldgate_api;

-- Requests may hold passwords: what is kept of them is a keyed digest.
ALTER TABLE idempotency RENAME COLUMN request_sha256 TO request_digest;
