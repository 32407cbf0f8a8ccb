-- What loggers send once the goods are there keeps nobody waiting.

-- How many facts of a consignment the judge has yet to look at. Not those that are of later hours
-- than it reads: it goes an hour beyond the last `received`, by the logger's clock as far as that is
-- known to be ahead, and what ingest entered begins an hour before the first reading or comparison
-- of clocks that it is about. While nobody told `received`, all count. Ask seeing everything. In
-- PL/pgSQL, which keeps its plan.
CREATE FUNCTION unjudged_facts(asked text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ended_at timestamptz := (
        SELECT max(happened_at) FROM custody_event
        WHERE consignment_id = asked AND kind = 'received');
BEGIN
    RETURN (
        SELECT count(*) FROM touched WHERE touched.consignment_id = asked
    ) + (
        SELECT count(*)
        FROM (
            SELECT DISTINCT channel.id, channel.logger_id
            FROM placement JOIN channel ON channel.logger_id = placement.logger_id
            WHERE placement.consignment_id = asked
        ) AS own
        JOIN touched ON touched.channel_id = own.id
        WHERE NOT coalesce(
                touched.first_at > ended_at
                AND touched.first_at > ended_at + coalesce(clock_ahead(own.logger_id), interval '0'),
                false)
            AND asked IN (SELECT concerned_consignments(
                touched.channel_id, touched.first_at, touched.last_at)));
END
$$;

-- As in 0044, but for the facts that wait: everything that a decision about the step is made from.
-- It is STABLE, so that all of its statements read the one snapshot that it was called with.
CREATE OR REPLACE FUNCTION facts_of(wanted text, step text) RETURNS json
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
        unjudged := unjudged_facts(wanted);
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
