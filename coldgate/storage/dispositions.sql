-- name: insert
INSERT INTO disposition (consignment_id, positions, decision, evaluation_id, verdict, rationale,
    statement_document_id, author)
VALUES (%(consignment)s, %(positions)s, %(decision)s, %(evaluation_id)s, %(verdict)s,
    %(rationale)s, %(statement_document_id)s, %(author)s)
RETURNING id

-- name: attach
UPDATE disposition SET approval_id = %(approval)s WHERE id = %(id)s

-- name: close
UPDATE disposition SET state = %(state)s,
    granted_at = CASE WHEN %(state)s = 'granted' THEN clock_timestamp() END
WHERE id = %(id)s

-- name: dispositions
SELECT d.id, d.consignment_id, d.positions, d.decision, d.evaluation_id,
    evaluation.version AS evaluation_version, d.verdict, d.rationale, d.statement_document_id,
    d.author, d.approval_id, d.state, d.created_at, d.granted_at
FROM disposition d JOIN evaluation ON evaluation.id = d.evaluation_id
WHERE d.id > %(after)s
  AND (%(id)s::bigint IS NULL OR d.id = %(id)s)
  AND (%(consignment)s::text IS NULL OR d.consignment_id = %(consignment)s)
  AND (%(state)s::text IS NULL OR d.state = %(state)s)
ORDER BY d.id LIMIT %(limit)s

-- name: evaluation
SELECT e.id, e.version, e.verdict, e.provisional, e.with_excursions, e.engine, e.input_digest,
    e.reason_codes, e.zones, e.body, e.profile_id, e.profile_version, profile.digest AS profile_digest,
    NOT EXISTS (SELECT FROM evaluation AS later
                WHERE later.consignment_id = e.consignment_id AND later.version > e.version)
        AS newest
FROM evaluation e
JOIN profile ON (profile.id, profile.version) = (e.profile_id, e.profile_version)
WHERE e.consignment_id = %(consignment)s AND e.version = %(version)s

-- name: statement
-- What is said of an article is said of the goods under every article of its number.
SELECT document.id, document.party_id, document.kind, document.lot_number, document.consignment_id,
    document.title, document.sha256,
    ARRAY(SELECT article.id FROM same_article(document.product_id) AS article (id)
          WHERE article.id IS NOT NULL) AS articles,
    coalesce(document.valid_until < (clock_timestamp() AT TIME ZONE 'UTC')::date, false)
        OR EXISTS (SELECT FROM document_withdrawal WHERE document_id = document.id) AS void
FROM document WHERE document.id = %(id)s

-- name: makers
-- The manufacturer that sends the goods, and who answers for each of these lines: the owner of the
-- article if it is one, else the manufacturers that list the number, else the owner.
SELECT sent.consignor_id FROM consignment AS sent
JOIN party ON party.id = sent.consignor_id AND party.kind = 'manufacturer'
WHERE sent.id = %(consignment)s
UNION
SELECT answering.party_id
FROM consignment_line AS line
CROSS JOIN LATERAL (
    SELECT owner.party_id,
        rank() OVER (ORDER BY owner.kind <> 'manufacturer', NOT owner.is_listed) AS place
    FROM lot_owners(line.product_id) AS owner
) AS answering
WHERE line.consignment_id = %(consignment)s AND line.position = ANY (%(positions)s)
  AND answering.place = 1
GROUP BY answering.party_id
HAVING count(DISTINCT line.position) = cardinality(%(positions)s)
