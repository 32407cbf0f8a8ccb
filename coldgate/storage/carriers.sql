-- name: insert
INSERT INTO carrier_qualification
    (party_id, carrier_id, profile_id, state, valid_from, valid_until, note, entered_by)
VALUES (%(party)s, %(carrier)s, %(profile)s, %(state)s, %(valid_from)s, %(valid_until)s,
        %(note)s, %(entered_by)s)
RETURNING id, party_id, carrier_id, profile_id, state, valid_from, valid_until, note, entered_by,
    recorded_at

-- name: history
SELECT id, party_id, carrier_id, profile_id, state, valid_from, valid_until, note, entered_by,
    recorded_at
FROM carrier_qualification
WHERE (%(carrier)s::text IS NULL OR carrier_id = %(carrier)s) AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- name: newest
SELECT id, party_id, carrier_id, profile_id, state, valid_from, valid_until, note, entered_by,
    recorded_at
FROM carrier_qualification
WHERE carrier_id = %(carrier)s AND profile_id = %(profile)s AND party_id = %(party)s
ORDER BY id DESC LIMIT 1

-- name: standing
SELECT * FROM carrier_standing(%(consignment)s)
