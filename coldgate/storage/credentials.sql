-- name: begin
-- Counted before anybody looks at the password: guesses at once are counted as guesses in a row.
WITH asked AS (
    SELECT c.user_id, c.password_hash,
        CASE WHEN c.totp_confirmed_at IS NOT NULL THEN c.totp_sealed END AS totp_sealed
    FROM credential c JOIN app_user u ON u.id = c.user_id
    WHERE c.user_id = %(user_id)s AND u.disabled_at IS NULL
      AND NOT EXISTS (SELECT FROM guess
                      WHERE guess.user_id = c.user_id AND (guess.known OR NOT %(known)s)
                        AND locked_until > now())
), counted AS (
    INSERT INTO guess (user_id, known, wrong_in_a_row)
    SELECT user_id, %(known)s, 1 FROM asked
    ON CONFLICT (user_id, known) DO UPDATE
    SET wrong_in_a_row =
            CASE WHEN guess.locked_until IS NULL THEN guess.wrong_in_a_row + 1 ELSE 1 END,
        locked_until =
            CASE WHEN guess.locked_until IS NULL AND guess.wrong_in_a_row + 1 >= %(most)s
                 THEN now() + %(lock)s END
    WHERE guess.locked_until IS NULL OR guess.locked_until <= now()
    RETURNING locked_until
)
SELECT asked.user_id, %(known)s AS known, asked.password_hash, counted.locked_until,
    asked.totp_sealed, now() AS at
FROM asked CROSS JOIN counted

-- name: succeed
WITH proven AS (
    SELECT c.user_id
    FROM credential c JOIN app_user u ON u.id = c.user_id
    WHERE c.user_id = %(user_id)s AND c.password_hash = %(password_hash)s
      AND (c.totp_confirmed_at IS NOT NULL) = (%(step)s::bigint IS NOT NULL)
      AND (%(step)s::bigint IS NULL OR c.totp_last_step IS NULL OR c.totp_last_step < %(step)s)
      AND u.disabled_at IS NULL
    FOR NO KEY UPDATE OF c
), stepped AS (
    UPDATE credential SET totp_last_step = %(step)s
    FROM proven WHERE credential.user_id = proven.user_id AND %(step)s::bigint IS NOT NULL
), forgiven AS (
    DELETE FROM guess USING proven
    -- Who knows the password is no stranger; but strangers go on guessing while somebody signs.
    WHERE guess.user_id = proven.user_id AND (guess.known OR NOT %(known)s)
)
SELECT now() FROM proven

-- name: clear
DELETE FROM guess
WHERE user_id = %(user_id)s AND (%(known)s::boolean IS NULL OR known = %(known)s)

-- name: is_known
UPDATE known_device SET last_used_at = now()
WHERE token_sha256 = %(sha256)s AND user_id = %(user_id)s

-- name: know
INSERT INTO known_device (user_id, token_sha256) VALUES (%(user_id)s, %(sha256)s)

-- name: forget_devices
DELETE FROM known_device WHERE user_id = %(user_id)s

-- name: forget_oldest_devices
DELETE FROM known_device
WHERE id IN (SELECT id FROM known_device WHERE user_id = %(user_id)s
             ORDER BY last_used_at DESC, id DESC OFFSET %(most)s)

-- name: rehash
UPDATE credential SET password_hash = %(new)s
WHERE user_id = %(user_id)s AND password_hash = %(old)s

-- name: invited
SELECT c.user_id FROM credential c JOIN app_user u ON u.id = c.user_id
WHERE c.invitation_sha256 = %(sha256)s AND c.invitation_until > now() AND u.disabled_at IS NULL

-- name: invite
UPDATE credential SET invitation_sha256 = %(sha256)s, invitation_until = now() + %(lifetime)s
WHERE user_id = %(user_id)s
RETURNING invitation_until

-- name: accept
UPDATE credential
SET password_hash = %(password_hash)s, password_set_at = now(), invitation_sha256 = NULL,
    invitation_until = NULL, totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL
WHERE invitation_sha256 = %(sha256)s AND invitation_until > now()
RETURNING password_set_at

-- name: change
UPDATE credential SET password_hash = %(new)s, password_set_at = now()
WHERE user_id = %(user_id)s AND password_hash = %(old)s
RETURNING password_set_at

-- name: enrol
UPDATE credential SET totp_sealed = %(sealed)s, totp_last_step = NULL
WHERE user_id = %(user_id)s AND totp_confirmed_at IS NULL

-- name: enrolled
SELECT totp_sealed, now() AS at FROM credential
WHERE user_id = %(user_id)s AND totp_confirmed_at IS NULL AND totp_sealed IS NOT NULL
FOR UPDATE

-- name: confirm
UPDATE credential SET totp_confirmed_at = now(), totp_last_step = %(step)s
WHERE user_id = %(user_id)s

-- name: remove_totp
UPDATE credential SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL
WHERE user_id = %(user_id)s

-- name: lock_subject
SELECT pg_advisory_xact_lock(hashtextextended(encode(%(subject)s, 'hex'), 0))

-- name: attempts
SELECT count(*), max(attempted_at) FROM login_attempt
WHERE subject = %(subject)s AND attempted_at > now() - %(window)s

-- name: add_attempt
INSERT INTO login_attempt (subject) VALUES (%(subject)s) RETURNING id

-- name: forget_attempts
DELETE FROM login_attempt WHERE id = ANY (%(ids)s)

-- name: purge_attempts
DELETE FROM login_attempt WHERE attempted_at < %(before)s

-- name: purge_devices
DELETE FROM known_device WHERE last_used_at < %(before)s

-- name: purge_flows
DELETE FROM oidc_flow WHERE started_at < %(before)s

-- name: purge_tickets
DELETE FROM signing_ticket WHERE issued_at < %(before)s

-- name: start_flow
INSERT INTO oidc_flow (state_sha256, browser_sha256, user_id, record_digest)
VALUES (%(state_sha256)s, %(browser_sha256)s, %(user_id)s, %(record_digest)s)

-- name: end_flow
-- Deleted, so that a state serves once; one from the future was made before a clock was set back.
DELETE FROM oidc_flow
WHERE state_sha256 = %(state_sha256)s AND browser_sha256 = %(browser_sha256)s
  AND started_at BETWEEN now() - %(lifetime)s AND now()
RETURNING user_id, record_digest, started_at, now() AS at

-- name: issue_ticket
INSERT INTO signing_ticket (ticket_sha256, user_id, record_digest)
VALUES (%(sha256)s, %(user_id)s, %(record_digest)s)

-- name: use_ticket
UPDATE signing_ticket SET used_at = now()
WHERE ticket_sha256 = %(sha256)s AND user_id = %(user_id)s AND record_digest = %(record_digest)s
  AND used_at IS NULL AND issued_at BETWEEN now() - %(lifetime)s AND now()
RETURNING now()
