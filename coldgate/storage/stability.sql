-- name: lot_lines
SELECT DISTINCT product_id, lot_number, zone, unit.serial
FROM consignment_line AS line
CROSS JOIN LATERAL unnest(coalesce(line.serials, ARRAY[''])) AS unit (serial)
WHERE consignment_id = %(id)s
ORDER BY product_id, lot_number, unit.serial, zone

-- name: lock_lots
-- One judge at a time for each lot, under whichever article it is listed, in one order for all.
SELECT pg_advisory_xact_lock(hashtextextended(lot.name, 0))
FROM (SELECT DISTINCT 'coldgate.lot ' || lot_number AS name
      FROM consignment_line WHERE consignment_id = %(id)s ORDER BY name) AS lot

-- name: lock_lane
SELECT pg_advisory_xact_lock(hashtextextended(
    concat_ws(E'\x1f', 'coldgate.lane', consignor_id, origin, destination), 0))
FROM lane WHERE consignment_id = %(id)s

-- name: told_ends
SELECT (SELECT max(changed_at)
        FROM line_transition
        JOIN consignment_line AS line ON line.id = line_transition.line_id
        WHERE line.consignment_id = %(id)s AND to_state = 'in_transit') AS dispatched_at,
       (SELECT min(happened_at) FROM custody_event
        WHERE consignment_id = %(id)s AND kind IN ('received', 'opened')) AS ended_at,
       (SELECT min(moment)
        FROM (
            SELECT happened_at FROM custody_event WHERE consignment_id = %(id)s
            UNION ALL
            SELECT changed_at
            FROM line_transition
            JOIN consignment_line AS line ON line.id = line_transition.line_id
            WHERE line.consignment_id = %(id)s AND to_state = 'in_transit'
        ) AS told (moment)) AS first_told_at

-- name: other_journeys
-- Whoever has the lot and sent it, under any article of its number, and began; what was rejected
-- goes nowhere until that is lifted.
WITH own (budget) AS (
    VALUES (%(budget)s::jsonb)
), other AS (
    SELECT DISTINCT lot.product_id, lot.lot_number, line.consignment_id, unit.serial,
        line.product_id AS article_id
    FROM (SELECT DISTINCT product_id, lot_number FROM consignment_line
          WHERE consignment_id = %(id)s) AS lot
    CROSS JOIN LATERAL counted_consignments(lot.product_id, lot.lot_number) AS counted (id)
    CROSS JOIN LATERAL same_article(lot.product_id) AS article (id)
    JOIN consignment_line AS line
        ON (line.product_id, line.lot_number, line.consignment_id)
            = (article.id, lot.lot_number, counted.id)
    CROSS JOIN LATERAL unnest(coalesce(line.serials, ARRAY[''])) AS unit (serial)
    WHERE line.consignment_id <> %(id)s
      AND NOT goes_nowhere(line.id)
)
SELECT other.product_id, other.lot_number, other.consignment_id, other.serial,
       coalesce(spend.began_at, told.ended_at, told.began_at) AS began_at,
       coalesce(spend.ended_at, told.ended_at, told.began_at) AS ended_at,
       spend.version,
       coalesce(spend.budget = own.budget, false) AS comparable,
       coalesce(spend.provisional, true) AS provisional,
       coalesce(spend.optimistic_ppb, 0) AS optimistic_ppb,
       coalesce(spend.measured_ppb, 0) AS measured_ppb,
       coalesce(spend.pessimistic_ppb, 0) AS pessimistic_ppb
FROM other
CROSS JOIN own
LEFT JOIN LATERAL (
    SELECT lot_spend.*, evaluation.version, profile.body -> 'stability' AS budget
    FROM lot_spend
    JOIN evaluation ON evaluation.id = lot_spend.evaluation_id
    JOIN profile ON (profile.id, profile.version) = (profile_id, profile_version)
    WHERE lot_spend.product_id = other.article_id AND lot_spend.lot_number = other.lot_number
      AND lot_spend.consignment_id = other.consignment_id AND lot_spend.serial = other.serial
    ORDER BY lot_spend.id DESC LIMIT 1
) AS spend ON true
LEFT JOIN LATERAL (
    SELECT min(happened_at) FILTER (WHERE kind IN ('received', 'opened')) AS ended_at,
           min(happened_at) AS began_at
    FROM (
        SELECT kind, happened_at FROM custody_event
        WHERE consignment_id = other.consignment_id
        UNION ALL
        SELECT 'departed', changed_at
        FROM line_transition
        JOIN consignment_line AS line ON line.id = line_transition.line_id
        WHERE line.consignment_id = other.consignment_id AND to_state = 'in_transit'
    ) AS event
) AS told ON true
WHERE coalesce(spend.began_at, told.began_at) IS NOT NULL

-- name: newest_spend
SELECT DISTINCT ON (product_id, lot_number, serial)
       product_id, lot_number, serial, began_at, ended_at, provisional,
       optimistic_ppb, measured_ppb, pessimistic_ppb,
       before_optimistic_ppb, before_measured_ppb, before_pessimistic_ppb
FROM lot_spend
WHERE consignment_id = %(id)s
ORDER BY product_id, lot_number, serial, id DESC

-- name: add_spend
INSERT INTO lot_spend (evaluation_id, consignment_id, product_id, lot_number, serial, began_at,
                       ended_at, provisional, optimistic_ppb, measured_ppb, pessimistic_ppb,
                       before_optimistic_ppb, before_measured_ppb, before_pessimistic_ppb)
SELECT id, %(consignment_id)s, %(product_id)s, %(lot_number)s, %(serial)s, %(began_at)s,
       %(ended_at)s, %(provisional)s, %(optimistic_ppb)s, %(measured_ppb)s, %(pessimistic_ppb)s,
       %(before_optimistic_ppb)s, %(before_measured_ppb)s, %(before_pessimistic_ppb)s
FROM evaluation
WHERE consignment_id = %(consignment_id)s ORDER BY version DESC LIMIT 1

-- name: touch_followers
-- Consignments with a budget that began when units of this one may have been free to join them.
WITH later AS (
    SELECT DISTINCT ON (lot_spend.consignment_id) lot_spend.consignment_id, began_at
    FROM same_lots(%(id)s) AS lot
    JOIN lot_spend USING (product_id, lot_number)
    WHERE lot_spend.consignment_id <> %(id)s
    ORDER BY lot_spend.consignment_id, lot_spend.id DESC
)
INSERT INTO touched (consignment_id)
SELECT consignment_id FROM later WHERE began_at >= %(since)s

-- name: touch_lots
-- Whoever has a budget and did not begin before; of whom nothing is written, a judge may be at it.
-- Journeys of a stranger, which do not count, have nobody judged again.
WITH lot AS MATERIALIZED (
    SELECT product_id, lot_number FROM same_lots(%(id)s)
), own AS MATERIALIZED (
    SELECT product_id, lot_number FROM lot
    WHERE %(id)s IN (SELECT counted_consignments(product_id, lot_number))
)
INSERT INTO touched (consignment_id)
SELECT other.id
FROM consignment AS other
JOIN profile ON (profile.id, profile.version) = (other.profile_id, other.profile_version)
WHERE other.id IN (
        SELECT line.consignment_id
        FROM own JOIN consignment_line AS line USING (product_id, lot_number))
  AND other.id <> %(id)s
  AND jsonb_typeof(profile.body -> 'stability') = 'object'
  AND coalesce((
      SELECT began_at >= date_trunc('milliseconds', %(since)s::timestamptz) FROM lot_spend
      WHERE lot_spend.consignment_id = other.id ORDER BY lot_spend.id DESC LIMIT 1), true)

-- name: touch_reached
-- A lot has come to somebody who had sent it on before: its journeys from there count from now on.
-- Step by step, so that each lot is looked at once, however many lines name it, and only where
-- whoever sends it has it: a stranger has nobody judged again.
WITH made AS MATERIALIZED (
    SELECT consignor_id, consignee_id FROM consignment WHERE id = %(id)s
), lot AS MATERIALIZED (
    SELECT product_id, lot_number FROM same_lots(%(id)s)
), journey AS MATERIALIZED (
    SELECT DISTINCT line.product_id, line.lot_number, line.consignment_id
    FROM lot JOIN consignment_line AS line USING (product_id, lot_number)
    WHERE line.consignment_id <> %(id)s
), sent_on AS MATERIALIZED (
    SELECT DISTINCT made.consignor_id, journey.lot_number
    FROM made
    CROSS JOIN journey
    JOIN consignment AS onward ON onward.id = journey.consignment_id
    WHERE onward.consignor_id = made.consignee_id
), reached AS MATERIALIZED (
    SELECT lot.product_id, lot.lot_number FROM sent_on JOIN lot USING (lot_number)
    WHERE sent_on.consignor_id IN (SELECT lot_holders(lot.product_id, lot.lot_number))
)
INSERT INTO touched (consignment_id)
SELECT DISTINCT other.id
FROM reached
JOIN journey USING (product_id, lot_number)
JOIN consignment AS other ON other.id = journey.consignment_id
JOIN profile ON (profile.id, profile.version) = (other.profile_id, other.profile_version)
WHERE jsonb_typeof(profile.body -> 'stability') = 'object'

-- name: earlier_on_lane
SELECT count(*)
FROM lane AS own
JOIN LATERAL (
    SELECT DISTINCT ON (lane_record.consignment_id) lane_record.began_at, with_excursions
    FROM lane_record
    WHERE (consignor_id, origin, destination)
        = (own.consignor_id, own.origin, own.destination)
      AND lane_record.consignment_id <> %(id)s
    ORDER BY lane_record.consignment_id, evaluation_id DESC
) AS other ON true
WHERE own.consignment_id = %(id)s AND other.with_excursions
  AND other.began_at <= %(began_at)s AND other.began_at >= %(began_at)s - interval '12 months'

-- name: newest_lane_record
SELECT began_at, with_excursions FROM lane_record
WHERE consignment_id = %(id)s ORDER BY evaluation_id DESC LIMIT 1

-- name: add_lane_record
INSERT INTO lane_record (evaluation_id, consignment_id, consignor_id, origin, destination,
                         began_at, with_excursions)
SELECT evaluation.id, consignment_id, consignor_id, origin, destination,
       %(began_at)s, %(with_excursions)s
FROM lane
JOIN evaluation USING (consignment_id)
WHERE consignment_id = %(id)s ORDER BY version DESC LIMIT 1

-- name: touch_lane
-- Consignments with excursions of their own that count those of this one.
INSERT INTO touched (consignment_id)
SELECT other.consignment_id
FROM lane AS own
JOIN LATERAL (
    SELECT DISTINCT ON (lane_record.consignment_id)
           lane_record.consignment_id, lane_record.began_at, with_excursions
    FROM lane_record
    WHERE (consignor_id, origin, destination)
        = (own.consignor_id, own.origin, own.destination)
      AND lane_record.consignment_id <> %(id)s
    ORDER BY lane_record.consignment_id, evaluation_id DESC
) AS other ON true
JOIN consignment ON consignment.id = other.consignment_id
JOIN profile ON (profile.id, profile.version) = (profile_id, profile_version)
WHERE own.consignment_id = %(id)s AND other.with_excursions
  AND profile.body -> 'repeats' ->> 'lane' IS NOT NULL
  AND other.began_at >= %(first)s AND other.began_at - interval '12 months' <= %(last)s

-- name: wake_judge
NOTIFY coldgate_touched

-- name: ledger
SELECT DISTINCT ON (lot_spend.serial, lot_spend.consignment_id)
       lot_spend.serial, lot_spend.consignment_id, version, lot_spend.provisional,
       began_at, ended_at, optimistic_ppb, measured_ppb, pessimistic_ppb,
       before_optimistic_ppb, before_measured_ppb, before_pessimistic_ppb, recorded_at
FROM lot_spend
JOIN evaluation ON evaluation.id = evaluation_id
WHERE product_id = %(product)s AND lot_number = %(lot)s
  AND lot_spend.consignment_id IN (SELECT counted_consignments(%(product)s, %(lot)s))
ORDER BY lot_spend.serial, lot_spend.consignment_id, lot_spend.id DESC
