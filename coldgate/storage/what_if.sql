-- name: finished
-- Journeys by their ends: the last word of receipt, else the last opening. The evaluation is the
-- newest one where that is final.
SELECT ended.consignment_id, newest.version, ARRAY(
        SELECT state FROM consignment_line
        WHERE consignment_line.consignment_id = ended.consignment_id ORDER BY position
    ) AS states
FROM (
    SELECT consignment_id, coalesce(
            max(happened_at) FILTER (WHERE kind = 'received'), max(happened_at)) AS ended_at
    FROM custody_event WHERE kind IN ('received', 'opened')
    GROUP BY consignment_id
) AS ended
LEFT JOIN LATERAL (
    SELECT version, provisional FROM evaluation
    WHERE evaluation.consignment_id = ended.consignment_id
    ORDER BY version DESC LIMIT 1
) AS newest ON NOT newest.provisional
WHERE ended.ended_at >= %(since)s AND ended.ended_at < coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY ended.ended_at, ended.consignment_id

-- name: said
SELECT verdict, with_excursions, profile_id, profile_version, engine, input_digest, snapshot::text,
    EXISTS (SELECT FROM evaluation AS later
            WHERE later.consignment_id = said.consignment_id AND later.version > said.version)
    OR EXISTS (SELECT FROM touched WHERE touched.consignment_id = said.consignment_id)
    OR EXISTS (
        SELECT FROM placement
        JOIN channel ON channel.logger_id = placement.logger_id
        JOIN touched ON touched.channel_id = channel.id
        WHERE placement.consignment_id = said.consignment_id
          AND said.consignment_id IN (SELECT concerned_consignments(
                  touched.channel_id, touched.first_at, touched.last_at))
    ) AS overtaken
FROM evaluation AS said
WHERE consignment_id = %(consignment)s AND version = %(version)s

-- name: identity
SELECT encode(sha256(convert_to(concat_ws(' ', entered_at, encode(digest, 'hex')), 'UTF8')), 'hex')
FROM ledger_entry ORDER BY id LIMIT 1
