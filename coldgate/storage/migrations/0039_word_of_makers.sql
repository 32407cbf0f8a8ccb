-- What a manufacturer says of its goods counts under whichever article they travel, also once it
-- takes its word back; and no more comes than the gate let go.

-- 1. Rules of the goods under another's article ---------------------------------------------------

-- One row for each product of the consignment about which its owner stated something. Where a
-- manufacturer or the operator lists the same number, and stated something, that must allow the
-- profile as well; who withdrew all of it allows none for as long as the article carries the number.
-- What stands for a version stands for later ones as well, where its author answers for the goods or
-- for the house: who may choose the rules of a product may improve them. Earlier ones never count,
-- and a version that was withdrawn counts only where it was itself stated after that.
CREATE OR REPLACE FUNCTION allowed_profiles(consignment text)
RETURNS TABLE (product_id text, allowed boolean)
LANGUAGE sql STABLE AS $$
    SELECT word.product_id, bool_and(word.allowed)
    FROM (
        SELECT line.product_id, article.id AS article_id, coalesce(bool_or(
            taken_back.statement_id IS NULL AND said.profile_id = sent.profile_id
            AND ((said.profile_version = sent.profile_version
                  AND coalesce(said.stated_at > ended.withdrawn_at, true))
                 OR (said.profile_version < sent.profile_version AND ended.withdrawn_at IS NULL
                     AND (chosen.party_id IS NULL OR chosen.party_id = article.party_id
                          OR author.kind = 'operator')))), false) AS allowed
        FROM consignment AS sent
        CROSS JOIN (
            SELECT DISTINCT carried.product_id FROM consignment_line AS carried
            WHERE carried.consignment_id = $1
        ) AS line
        CROSS JOIN LATERAL same_article(line.product_id) AS same (id)
        JOIN product AS article ON article.id = same.id
        JOIN party AS owner ON owner.id = article.party_id
        JOIN product_profile AS said ON said.product_id = article.id
        LEFT JOIN product_profile_withdrawal AS taken_back ON taken_back.statement_id = said.id
        LEFT JOIN profile AS chosen
            ON (chosen.id, chosen.version) = (sent.profile_id, sent.profile_version)
        LEFT JOIN party AS author ON author.id = chosen.party_id
        CROSS JOIN LATERAL (
            SELECT max(gone.withdrawn_at) AS withdrawn_at
            FROM product_profile AS chosen_before
            JOIN product_profile_withdrawal AS gone ON gone.statement_id = chosen_before.id
            WHERE chosen_before.product_id = said.product_id
              AND (chosen_before.profile_id, chosen_before.profile_version)
                  = (sent.profile_id, sent.profile_version)) AS ended
        WHERE sent.id = $1
          AND (article.id = line.product_id OR owner.kind IN ('manufacturer', 'operator'))
        GROUP BY line.product_id, article.id
        HAVING bool_or(taken_back.statement_id IS NULL)
            OR (article.id <> line.product_id AND EXISTS (
                SELECT FROM product_number AS own
                WHERE own.product_id = line.product_id
                  AND (own.scheme, own.number)
                      IN (('gtin', article.gtin), ('hibc', article.hibc))))
    ) AS word
    GROUP BY word.product_id
    HAVING bool_or(word.article_id = word.product_id)
$$;

-- 2. The last day of use --------------------------------------------------------------------------

-- Of a lot: the earliest that its owner, a manufacturer or the operator registered under any article
-- of the number. In PL/pgSQL, which keeps its plan.
CREATE FUNCTION last_day_of_use(product text, lot text) RETURNS date
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT min(known.expires_on)
        FROM same_article($1) AS same (id)
        JOIN product AS article ON article.id = same.id
        JOIN party AS owner ON owner.id = article.party_id
        JOIN lot AS known ON known.product_id = article.id AND known.number = $2
        WHERE article.id = $1 OR owner.kind IN ('manufacturer', 'operator'));
END
$$;

-- 3. Units that come ------------------------------------------------------------------------------

-- Units of each line that are spoken for beside a permit: those that permits for a step name, of
-- lines that took the step those that were used since, and where one is named those that were given
-- after it. On receipt also those that no permit to dispatch ever named, for they have not come;
-- where there is none at all the goods left before permits were given. In PL/pgSQL, which keeps its
-- plan: the gate asks with every decision.
CREATE OR REPLACE FUNCTION taken_units(asked text, step text, beside bigint DEFAULT NULL)
RETURNS TABLE ("position" integer, quantity bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH let_go AS MATERIALIZED (
        SELECT named.position, sum(named.quantity) AS quantity
        FROM permit
        CROSS JOIN LATERAL jsonb_to_recordset(permit.lines)
            AS named (position integer, quantity integer)
        WHERE permit.consignment_id = asked AND permit.purpose = 'dispatch'
        GROUP BY named.position
    )
    SELECT spoken.position, sum(spoken.quantity)::bigint
    FROM (
        SELECT named.position, named.quantity::bigint AS quantity
        FROM permit
        LEFT JOIN permit_redemption AS used ON used.permit_id = permit.id
        CROSS JOIN LATERAL jsonb_to_recordset(permit.lines)
            AS named (position integer, quantity integer)
        JOIN consignment_line AS line
            ON line.consignment_id = asked AND line.position = named.position
            AND line.state = CASE step WHEN 'dispatch' THEN 'in_transit' ELSE 'released' END
        WHERE permit.consignment_id = asked AND permit.purpose = step
          AND permit.id IS DISTINCT FROM beside
          AND (permit.id > beside OR used.redeemed_at IS NOT NULL)
          AND (permit.id > beside OR used.redeemed_at > coalesce((
              SELECT max(changed_at) FROM line_transition
              WHERE line_id = line.id AND to_state = line.state), '-infinity'))
        UNION ALL
        SELECT line.position, line.quantity - coalesce(let_go.quantity, 0)
        FROM consignment_line AS line
        LEFT JOIN let_go ON let_go.position = line.position
        WHERE step <> 'dispatch' AND line.consignment_id = asked
          AND EXISTS (SELECT FROM let_go) AND line.quantity > coalesce(let_go.quantity, 0)
    ) AS spoken
    GROUP BY spoken.position;
END
$$;

-- 4. As in 0030, but for the last day of use ------------------------------------------------------

-- Holds the consignment to the end of the transaction, if the party `scope` takes part in it (NULL:
-- whoever asks for nobody), and tells everything that a decision about the step is made from; NULL
-- where it does not take part. Every list is a value of its own, so that one statement with one
-- snapshot, taken under the lock, has them all. It sees every row, whoever asks: a hidden one must
-- not make a check pass. Without policies in it the plan is half as long. It is kept while tables
-- grow, and so made for large ones from the first day.
CREATE OR REPLACE FUNCTION gate_facts(wanted text, step text, scope text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET coldgate.party = '*'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM consignment
    WHERE id = wanted
      AND (scope IS NULL OR scope IN (consignor_id, consignee_id)
           OR EXISTS (SELECT FROM leg WHERE consignment_id = consignment.id
                      AND carrier_id = scope))
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT row_to_json(facts) FROM (
        SELECT asked.id AS consignment, asked.consignor_id, asked.consignee_id, asked.release_policy,
            asked.planned_arrival_at, asked.profile_id, asked.profile_version, clock_timestamp() AS now,
            (SELECT valid_from FROM profile WHERE untouched
                AND (id, version) = (asked.profile_id, asked.profile_version)) AS profile_from,
            (SELECT valid_until FROM profile WHERE untouched
                AND (id, version) = (asked.profile_id, asked.profile_version)) AS profile_until,
            ARRAY(SELECT carrier_id FROM leg WHERE consignment_id = asked.id) AS carrier_ids,
            (SELECT min(recorded_at) FROM custody_event
             WHERE consignment_id = asked.id AND kind = 'received') AS received_at,
            -- By more than clocks of parties differ (0106).
            (SELECT row_to_json(item) FROM (
                SELECT later.kind, later.happened_at, ended.ended_at
                FROM (SELECT max(happened_at) AS ended_at FROM custody_event
                      WHERE consignment_id = asked.id AND kind = 'received') AS ended
                JOIN custody_event AS later
                    ON later.consignment_id = asked.id AND later.kind NOT IN ('received', 'opened')
                    AND later.happened_at > ended.ended_at + interval '5 minutes'
                ORDER BY later.happened_at DESC LIMIT 1) AS item) AS moved_on,
            EXISTS (SELECT FROM custody_event
                    WHERE consignment_id = asked.id AND kind <> 'packed') AS under_way,
            (SELECT coalesce(json_agg(item), '[]')
             FROM taken_units(asked.id, step) AS item) AS taken,
            (SELECT count(*) FROM permit WHERE consignment_id = asked.id) AS permits,
            accepts_unsigned(asked.consignor_id) AS accepts_unsigned,
            (SELECT coalesce(json_agg(item ORDER BY item.position), '[]') FROM (
                SELECT line.position, line.product_id, line.lot_number, line.quantity, line.zone,
                    line.serials, line.state, lot.id IS NOT NULL AS registered,
                    CASE WHEN lot.id IS NOT NULL
                         THEN last_day_of_use(line.product_id, line.lot_number) END AS expires_on,
                    agreed.min_days, agreed.agreement_id
                FROM consignment_line AS line
                LEFT JOIN product AS article ON article.id = line.product_id
                LEFT JOIN party AS owner ON owner.id = article.party_id
                -- The word of a party that sends nothing of a lot and has not sent it here says nothing.
                LEFT JOIN lot ON lot.product_id = line.product_id AND lot.number = line.lot_number
                    AND (owner.id = asked.consignor_id OR owner.kind = 'operator'
                         OR ((owner.kind = 'manufacturer' OR owner.id = asked.consignee_id)
                             AND has_come_to(asked.consignor_id, line.product_id, line.lot_number)))
                LEFT JOIN agreed_shelf_life(asked.id) AS agreed ON agreed.product_id = line.product_id
                WHERE line.consignment_id = asked.id) AS item) AS lines,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                -- Of what is on another party's article only that there is something is told.
                SELECT CASE WHEN own THEN restriction_id END AS id, kind, product_id, lot_number,
                    CASE WHEN own THEN reference ELSE '' END AS reference,
                    CASE WHEN own THEN placed_by END AS placed_by, positions, homeward
                FROM open_restrictions(asked.id)) AS item) AS restrictions,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT product_id, allowed FROM allowed_profiles(asked.id)) AS item) AS profiles,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT requirement_id, product_id, lot_number, carrier_id, kind, per, purpose, signed,
                    document_id, valid_until, expired, digest_matches, signed_by
                FROM demanded_documents(asked.id)) AS item) AS demands,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT carrier_id, standing, qualification_id, valid_until
                FROM carrier_standing(asked.id)) AS item) AS carriers,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT placed.id AS placement_id, placed.logger_id, placed.zone,
                    coalesce(placed.removed_at > clock_timestamp(), true) AS watches,
                    admitted.serial, admitted.admission_id, admitted.passed, admitted.kind,
                    -- On arrival the judge has looked at every reading.
                    step <> 'dispatch'
                        OR is_calibrated(placed.logger_id, asked.consignor_id,
                            certified_quantities(profile.body), clock_timestamp(),
                            greatest(clock_timestamp(), asked.planned_arrival_at)) AS calibrated
                FROM placement AS placed
                JOIN logger_admissions(asked.id) AS admitted ON admitted.placement_id = placed.id
                LEFT JOIN profile
                    ON (profile.id, profile.version) = (asked.profile_id, asked.profile_version)
                WHERE placed.consignment_id = asked.id AND placed.role = 'goods') AS item) AS loggers,
            CASE WHEN EXISTS (SELECT FROM scan WHERE consignment_id = asked.id)
                      OR EXISTS (SELECT FROM consignment_line AS line
                                 JOIN product ON product.id = line.product_id
                                 WHERE line.consignment_id = asked.id AND product.scan_required)
                 THEN scan_facts(asked.id) END AS scans,
            (SELECT count(*) FROM touched
             WHERE touched.consignment_id = asked.id
                OR (touched.channel_id IN (
                        SELECT channel.id FROM placement
                        JOIN channel ON channel.logger_id = placement.logger_id
                        WHERE placement.consignment_id = asked.id)
                    AND asked.id IN (SELECT concerned_consignments(
                        touched.channel_id, touched.first_at, touched.last_at)))) AS unjudged,
            CASE WHEN step = 'dispatch' THEN '[]' ELSE (
                SELECT coalesce(json_agg(item ORDER BY item.consignment_id), '[]')
                FROM unjudged_elsewhere(asked.id) AS item) END AS elsewhere,
            (SELECT row_to_json(item) FROM (
                SELECT id, version, verdict, provisional, with_excursions, profile_id, profile_version,
                    reason_codes, zones
                FROM evaluation WHERE consignment_id = asked.id ORDER BY version DESC LIMIT 1) AS item)
                AS judgement,
            -- Older ones that failed, of those that say the same of each zone the first (0106).
            CASE WHEN step = 'dispatch' THEN '[]' ELSE (
                SELECT coalesce(json_agg(item ORDER BY item.version), '[]') FROM (
                    SELECT DISTINCT ON (zones) id, version, verdict, provisional, with_excursions,
                        profile_id, profile_version, reason_codes, zones
                    FROM evaluation
                    WHERE consignment_id = asked.id AND verdict = 'FAIL'
                      AND version < (SELECT max(version) FROM evaluation
                                     WHERE consignment_id = asked.id)
                    ORDER BY zones, version) AS item) END AS failures,
            (SELECT row_to_json(item) FROM (
                SELECT audited.evaluation_id, audited.messages, audited.unsigned, audited.problems,
                    audited.broken + (SELECT count(*) FROM evidence_relapse AS relapse
                                      WHERE relapse.evaluation_id = audited.evaluation_id) AS broken
                FROM evidence_audit AS audited
                WHERE audited.evaluation_id = (
                    SELECT id FROM evaluation WHERE consignment_id = asked.id AND NOT provisional
                    ORDER BY version DESC LIMIT 1)) AS item) AS audit,
            (SELECT row_to_json(item) FROM (
                SELECT verified_upto, broken FROM ledger_state) AS item) AS ledger,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT id, positions, evaluation_id, approval_id FROM disposition
                WHERE consignment_id = asked.id AND decision = 'release' AND state = 'granted'
                ORDER BY id) AS item) AS dispositions
        FROM (
            SELECT consignment.*, NOT EXISTS (
                SELECT FROM consignment_line
                WHERE consignment_id = consignment.id AND state <> 'planned') AS untouched
            FROM consignment WHERE id = wanted
        ) AS asked
    ) AS facts);
END
$$;
