-- The facts of a decision, by need: what nobody told of these goods is not looked for. To set up a
-- plan costs by its length whatever comes out of it, and most goods have no hold, no demanded
-- document, no agreement and no failure.

-- Whose word counts for goods of a consignor, to be asked once and compared with many.
CREATE INDEX party_operators ON party (id) WHERE kind = 'operator';
CREATE FUNCTION vouchers_of(consignor text) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM party WHERE kind = 'operator'
                 UNION ALL
                 SELECT id FROM party WHERE id = consignor AND kind = 'manufacturer');
END
$$;
REVOKE EXECUTE ON FUNCTION vouchers_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vouchers_of(text) TO coldgate_analytics, coldgate_api;

CREATE OR REPLACE FUNCTION vouches_for(voucher text, consignor text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN voucher = ANY (vouchers_of(consignor));
END
$$;

CREATE OR REPLACE FUNCTION carrier_standing(consignment text) RETURNS TABLE (
    carrier_id text, standing text, qualification_id bigint, party_id text, valid_from date,
    valid_until date
) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (leg.carrier_id) leg.carrier_id,
        CASE WHEN word.id IS NULL THEN 'none'
             WHEN word.state <> 'approved' THEN word.state
             WHEN word.valid_from > today.day THEN 'not_yet'
             WHEN word.valid_until < today.day THEN 'lapsed'
             ELSE 'approved' END,
        word.id, word.party_id, word.valid_from, word.valid_until
    FROM consignment AS sent
    JOIN leg ON leg.consignment_id = sent.id
    CROSS JOIN (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) AS today
    LEFT JOIN LATERAL (
        SELECT DISTINCT ON (said.party_id) said.*
        FROM carrier_qualification AS said
        WHERE said.carrier_id = leg.carrier_id AND said.profile_id = sent.profile_id
          AND said.party_id <> said.carrier_id
          AND said.party_id = ANY (
              (SELECT vouchers_of(consignor_id) FROM consignment WHERE id = $1)::text[])
        ORDER BY said.party_id, said.id DESC
    ) AS word ON true
    WHERE sent.id = $1
    ORDER BY leg.carrier_id, word.state <> 'approved' DESC,
        today.day BETWEEN word.valid_from AND word.valid_until DESC, word.id DESC
$$;

-- With when the logger came and was taken away, so that nobody looks at its placement again.
DROP FUNCTION logger_admissions(text);
CREATE FUNCTION logger_admissions(consignment text) RETURNS TABLE (
    placement_id bigint, logger_id integer, serial text, zone text, role text,
    placed_at timestamptz, removed_at timestamptz, admission_id bigint, passed boolean,
    kind text, party_id text, recorded_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT placed.id, unit.id, unit.serial, placed.zone, placed.role, placed.placed_at,
        placed.removed_at, newest.id, coalesce(newest.passed, false), newest.kind,
        newest.party_id, newest.recorded_at
    FROM placement AS placed
    JOIN logger AS unit ON unit.id = placed.logger_id
    LEFT JOIN LATERAL (
        SELECT told.* FROM admission AS told
        WHERE told.logger_id = placed.logger_id
          AND told.party_id = ANY (
              (SELECT vouchers_of(consignor_id) FROM consignment WHERE id = $1)::text[])
        ORDER BY told.id DESC LIMIT 1
    ) AS newest ON true
    WHERE placed.consignment_id = $1
    ORDER BY placed.id
$$;

-- One row for each of `products` about which its owner stated something. `articles` are, place by
-- place, those that carry the same number, itself included: where a manufacturer or the operator
-- lists one, and stated something, that must allow the profile as well; who withdrew all of it allows
-- none for as long as the article carries the number. What stands for a version stands for later ones
-- as well, where the author of the `chosen` one answers for the goods or for the house: who may choose
-- the rules of a product may improve them. Earlier ones never count, and a version that was withdrawn
-- counts only where it was itself stated after that.
DROP FUNCTION allowed_profiles(text);
CREATE FUNCTION allowed_profiles(products text[], articles text[], chosen text, version integer,
    author text) RETURNS TABLE (product_id text, allowed boolean)
LANGUAGE sql STABLE AS $$
    SELECT word.product_id, bool_and(word.allowed)
    FROM (
        SELECT same.product_id, article.id AS article_id, coalesce(bool_or(
            taken_back.statement_id IS NULL AND said.profile_id = $3
            AND ((said.profile_version = $4 AND coalesce(said.stated_at > ended.withdrawn_at, true))
                 OR (said.profile_version < $4 AND ended.withdrawn_at IS NULL
                     AND ($5 IS NULL OR $5 = article.party_id OR is_operator($5))))), false)
            AS allowed
        FROM unnest($1, $2) AS same (product_id, article_id)
        JOIN product AS article ON article.id = same.article_id
        JOIN party AS owner ON owner.id = article.party_id
        JOIN product_profile AS said ON said.product_id = article.id
        LEFT JOIN product_profile_withdrawal AS taken_back ON taken_back.statement_id = said.id
        CROSS JOIN LATERAL (
            SELECT max(gone.withdrawn_at) AS withdrawn_at
            FROM product_profile AS before
            JOIN product_profile_withdrawal AS gone ON gone.statement_id = before.id
            WHERE before.product_id = said.product_id
              AND (before.profile_id, before.profile_version) = ($3, $4)) AS ended
        WHERE article.id = same.product_id OR owner.kind IN ('manufacturer', 'operator')
        GROUP BY same.product_id, article.id
        HAVING bool_or(taken_back.statement_id IS NULL)
            OR (article.id <> same.product_id AND EXISTS (
                SELECT FROM product_number AS own
                WHERE own.product_id = same.product_id
                  AND (own.scheme, own.number)
                      IN (('gtin', article.gtin), ('hibc', article.hibc))))
    ) AS word
    GROUP BY word.product_id
    HAVING bool_or(word.article_id = word.product_id)
$$;

-- Everything that a decision about the step is made from. It is STABLE, so that all of its
-- statements read the one snapshot that it was called with.
CREATE FUNCTION facts_of(wanted text, step text) RETURNS json
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    asked consignment%ROWTYPE;
    told record;
    chosen profile%ROWTYPE;
    agreed json := '[]';
    restrictions json := '[]';
    demands json := '[]';
    taken json := '[]';
    elsewhere json := '[]';
    failures json := '[]';
    scans jsonb;
    unjudged bigint := 0;
BEGIN
    SELECT * INTO asked FROM consignment WHERE id = wanted;
    SELECT * INTO chosen FROM profile
    WHERE (id, version) = (asked.profile_id, asked.profile_version);
    -- What there is of each kind; only that is looked at.
    SELECT goods.products, goods.articles,
        NOT EXISTS (SELECT FROM consignment_line AS line
                    WHERE line.consignment_id = wanted AND line.state <> 'planned') AS untouched,
        given.permits, given.dispatched, given.used,
        EXISTS (SELECT FROM shelf_life_agreement
                WHERE (consignor_id, consignee_id) = (asked.consignor_id, asked.consignee_id))
            AS agreed,
        EXISTS (SELECT FROM restriction WHERE product_id = ANY (goods.articles)) AS restricted,
        EXISTS (SELECT FROM document_requirement WHERE product_id = ANY (goods.products))
            AS demanding,
        EXISTS (SELECT FROM product WHERE id = ANY (goods.products) AND scan_required)
            OR EXISTS (SELECT FROM scan WHERE consignment_id = wanted) AS scanned,
        EXISTS (SELECT FROM touched) AS waiting,
        (SELECT max(version) FROM evaluation WHERE consignment_id = wanted) AS version
    INTO told
    FROM (
        SELECT array_agg(line.product_id) AS products, array_agg(same.id) AS articles
        FROM (SELECT DISTINCT product_id FROM consignment_line WHERE consignment_id = wanted) AS line
        CROSS JOIN LATERAL same_article(line.product_id) AS same (id)
    ) AS goods
    CROSS JOIN (
        SELECT count(*) AS permits, coalesce(bool_or(permit.purpose = 'dispatch'), false) AS dispatched,
            count(redemption.permit_id) > 0 AS used
        FROM permit
        LEFT JOIN permit_redemption AS redemption ON redemption.permit_id = permit.id
        WHERE permit.consignment_id = wanted
    ) AS given;
    IF told.agreed THEN
        agreed := (SELECT coalesce(json_agg(item), '[]') FROM agreed_shelf_life(wanted) AS item);
    END IF;
    IF told.restricted THEN
        -- Of what is on another party's article only that there is something is told.
        restrictions := (SELECT coalesce(json_agg(item), '[]') FROM (
            SELECT CASE WHEN own THEN restriction_id END AS id, kind, product_id, lot_number,
                CASE WHEN own THEN reference ELSE '' END AS reference,
                CASE WHEN own THEN placed_by END AS placed_by, positions, homeward
            FROM open_restrictions(wanted)) AS item);
    END IF;
    IF told.demanding THEN
        demands := (SELECT coalesce(json_agg(item), '[]') FROM demanded_documents(wanted) AS item);
    END IF;
    IF told.used OR (told.dispatched AND step <> 'dispatch') THEN
        taken := (SELECT coalesce(json_agg(item), '[]') FROM taken_units(wanted, step) AS item);
    END IF;
    IF told.scanned THEN
        scans := scan_facts(wanted);
    END IF;
    IF told.waiting THEN
        unjudged := (
            SELECT count(*) FROM touched
            WHERE touched.consignment_id = wanted
               OR (touched.channel_id IN (
                       SELECT channel.id FROM placement
                       JOIN channel ON channel.logger_id = placement.logger_id
                       WHERE placement.consignment_id = wanted)
                   AND wanted IN (SELECT concerned_consignments(
                       touched.channel_id, touched.first_at, touched.last_at))));
    END IF;
    IF told.waiting AND step <> 'dispatch' THEN
        elsewhere := (SELECT coalesce(json_agg(item ORDER BY item.consignment_id), '[]')
                      FROM unjudged_elsewhere(wanted) AS item);
    END IF;
    IF told.version > 1 AND step <> 'dispatch' THEN
        -- Older ones that failed, of those that say the same of each zone the first (0106).
        failures := (SELECT coalesce(json_agg(item ORDER BY item.version), '[]') FROM (
            SELECT DISTINCT ON (zones) id, version, verdict, provisional, with_excursions,
                profile_id, profile_version, reason_codes, zones
            FROM evaluation
            WHERE consignment_id = wanted AND verdict = 'FAIL' AND version < told.version
            ORDER BY zones, version) AS item);
    END IF;
    RETURN (SELECT row_to_json(facts) FROM (
        SELECT asked.id AS consignment, asked.consignor_id, asked.consignee_id,
            asked.release_policy, asked.planned_arrival_at, asked.profile_id,
            asked.profile_version, clock_timestamp() AS now,
            CASE WHEN told.untouched THEN chosen.valid_from END AS profile_from,
            CASE WHEN told.untouched THEN chosen.valid_until END AS profile_until,
            ARRAY(SELECT carrier_id FROM leg WHERE consignment_id = wanted) AS carrier_ids,
            arrival.received_at,
            -- By more than clocks of parties differ (0106).
            (SELECT row_to_json(item) FROM (
                SELECT later.kind, later.happened_at, arrival.ended_at
                FROM custody_event AS later
                WHERE later.consignment_id = wanted AND later.kind NOT IN ('received', 'opened')
                  AND later.happened_at > arrival.ended_at + interval '5 minutes'
                ORDER BY later.happened_at DESC LIMIT 1) AS item) AS moved_on,
            EXISTS (SELECT FROM custody_event
                    WHERE consignment_id = wanted AND kind <> 'packed') AS under_way,
            taken, told.permits,
            accepts_unsigned(asked.consignor_id) AS accepts_unsigned,
            (SELECT coalesce(json_agg(item ORDER BY item.position), '[]') FROM (
                SELECT line.position, line.product_id, line.lot_number, line.quantity, line.zone,
                    line.serials, line.state, lot.id IS NOT NULL AS registered,
                    CASE WHEN lot.id IS NOT NULL
                         THEN last_day_of_use(line.product_id, line.lot_number) END AS expires_on,
                    term.min_days, term.agreement_id
                FROM consignment_line AS line
                LEFT JOIN product AS article ON article.id = line.product_id
                LEFT JOIN party AS owner ON owner.id = article.party_id
                -- The word of a party that sends nothing of a lot and has not sent it here says nothing.
                LEFT JOIN lot ON lot.product_id = line.product_id AND lot.number = line.lot_number
                    AND (owner.id = asked.consignor_id OR owner.kind = 'operator'
                         OR ((owner.kind = 'manufacturer' OR owner.id = asked.consignee_id)
                             AND has_come_to(asked.consignor_id, line.product_id, line.lot_number)))
                LEFT JOIN json_to_recordset(agreed)
                    AS term (product_id text, min_days integer, agreement_id bigint)
                    ON term.product_id = line.product_id
                WHERE line.consignment_id = wanted) AS item) AS lines,
            restrictions,
            (SELECT coalesce(json_agg(item), '[]')
             FROM allowed_profiles(told.products, told.articles, asked.profile_id,
                 asked.profile_version, chosen.party_id) AS item) AS profiles,
            demands,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT carrier_id, standing, qualification_id, valid_until
                FROM carrier_standing(wanted)) AS item) AS carriers,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT placement_id, logger_id, zone,
                    -- One that is to come watches nothing yet; clocks of parties differ (0106).
                    placed_at <= clock_timestamp() + interval '5 minutes'
                        AND coalesce(removed_at > clock_timestamp(), true) AS watches,
                    serial, admission_id, passed, kind,
                    -- On arrival the judge has looked at every reading.
                    step <> 'dispatch'
                        OR is_calibrated(logger_id, asked.consignor_id,
                            certified_quantities(chosen.body), clock_timestamp(),
                            greatest(clock_timestamp(), asked.planned_arrival_at)) AS calibrated
                FROM logger_admissions(wanted) WHERE role = 'goods') AS item) AS loggers,
            scans, unjudged, elsewhere,
            (SELECT row_to_json(item) FROM (
                SELECT id, version, verdict, provisional, with_excursions, profile_id,
                    profile_version, reason_codes, zones
                FROM evaluation WHERE consignment_id = wanted AND version = told.version) AS item)
                AS judgement,
            failures,
            (SELECT row_to_json(item) FROM (
                SELECT audited.evaluation_id, audited.messages, audited.unsigned, audited.problems,
                    audited.broken + (SELECT count(*) FROM evidence_relapse AS relapse
                                      WHERE relapse.evaluation_id = audited.evaluation_id) AS broken
                FROM evidence_audit AS audited
                WHERE audited.evaluation_id = (
                    SELECT id FROM evaluation WHERE consignment_id = wanted AND NOT provisional
                    ORDER BY version DESC LIMIT 1)) AS item) AS audit,
            (SELECT row_to_json(item) FROM (
                SELECT verified_upto, broken FROM ledger_state) AS item) AS ledger,
            (SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT id, positions, evaluation_id, approval_id FROM disposition
                WHERE consignment_id = wanted AND decision = 'release' AND state = 'granted'
                ORDER BY id) AS item) AS dispositions
        FROM (SELECT min(recorded_at) AS received_at, max(happened_at) AS ended_at
              FROM custody_event
              WHERE consignment_id = wanted AND kind = 'received') AS arrival
    ) AS facts);
END
$$;

-- Holds the consignment to the end of the transaction, if the party `scope` takes part in it (NULL:
-- whoever asks for nobody), and tells its facts; NULL where it does not take part. The facts have
-- one snapshot, taken under the lock. It sees every row, whoever asks: a hidden one must not make a
-- check pass. Plans are kept while tables grow, and so made for large ones from the first day.
CREATE OR REPLACE FUNCTION gate_facts(wanted text, step text, scope text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET coldgate.party = '*'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
BEGIN
    PERFORM FROM consignment
    WHERE id = wanted
      AND (scope IS NULL OR scope IN (consignor_id, consignee_id)
           OR EXISTS (SELECT FROM leg WHERE consignment_id = consignment.id
                      AND carrier_id = scope))
    FOR NO KEY UPDATE;
    RETURN CASE WHEN FOUND THEN facts_of(wanted, step) END;
END
$$;
REVOKE EXECUTE ON FUNCTION facts_of(text, text) FROM PUBLIC;
