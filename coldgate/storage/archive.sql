-- name: frozen_profile
SELECT profile_id, profile_version FROM consignment WHERE id = %(consignment)s

-- name: evaluation
SELECT version, verdict, provisional, with_excursions, profile_id, profile_version, engine,
       input_digest, body, snapshot::text, evaluated_at,
       (SELECT encode(digest, 'hex') FROM ledger_entry
        WHERE ledger_entry.kind = 'evaluation'
          AND ledger_entry.subject = concat('consignment/', evaluation.consignment_id,
                                            '/evaluation/', version)
        ORDER BY ledger_entry.id LIMIT 1) AS entered_sha256
FROM evaluation
WHERE consignment_id = %(consignment)s
  AND version = coalesce(%(version)s::integer, version)
  AND evaluated_at <= coalesce(%(as_of)s::timestamptz, 'infinity')
ORDER BY version DESC LIMIT 1
