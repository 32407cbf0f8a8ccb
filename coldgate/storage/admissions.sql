-- name: insert
INSERT INTO admission (logger_id, kind, passed, checks, reason, party_id, recorded_by)
VALUES (%(logger)s, %(kind)s, %(passed)s, %(checks)s, %(reason)s, %(party)s, %(recorded_by)s)
RETURNING id, logger_id, kind, passed, checks, reason, party_id, recorded_by, recorded_at

-- name: admissions
SELECT id, logger_id, kind, passed, checks, reason, party_id, recorded_by, recorded_at
FROM admission WHERE logger_id = %(logger)s ORDER BY id

-- name: conduct
SELECT clock_off_ms, readings, longest_ms, holes, certified
FROM logger_conduct(%(logger)s, %(readings)s) CROSS JOIN (
    SELECT EXISTS (
        SELECT FROM certificate AS valid
        WHERE valid.logger_id = %(logger)s AND valid.quantity = 1
          AND clock_timestamp() BETWEEN valid.valid_from AND valid.valid_to
          AND vouches_for(valid.entered_by, %(voucher)s)
          AND NOT EXISTS (SELECT FROM certificate AS later WHERE later.supersedes = valid.id)
    ) AS certified
) AS calibration

-- name: admitted
SELECT placement_id, logger_id, serial, zone, role, admission_id, passed, kind, party_id,
    recorded_at
FROM logger_admissions(%(consignment)s)
