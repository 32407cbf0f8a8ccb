-- What the gate says is exact: certificates that follow one another, facts of other consignments of
-- a lot, and evidence that is looked at again.

-- 1. Calibration ----------------------------------------------------------------------------------

-- As in 0018, but that certificates are in force to the end of the second that they name: one that
-- ends at 23:59:59 and one that begins at 00:00 leave nothing between them.
CREATE OR REPLACE FUNCTION is_calibrated(
    logger integer, consignor text, wanted smallint[], from_at timestamptz, until_at timestamptz
) RETURNS boolean
LANGUAGE sql STABLE AS $$
    WITH counting AS (
        SELECT sensor, quantity,
            tstzrange(valid_from, date_trunc('second', valid_to) + interval '1 second') AS in_force
        FROM certificate
        WHERE logger_id = $1 AND quantity = ANY ($3) AND vouches_for(entered_by, $2)
          AND NOT EXISTS (SELECT FROM certificate AS later WHERE later.supersedes = certificate.id)
    ), measured AS (
        SELECT (SELECT range_agg(in_force) FROM counting
                WHERE counting.quantity = channel.quantity
                  AND coalesce(counting.sensor, channel.sensor) = channel.sensor) AS in_force
        FROM channel WHERE logger_id = $1 AND quantity = ANY ($3)
    )
    SELECT cardinality($3) = 0 OR coalesce(
        (SELECT bool_and(coalesce(in_force @> tstzrange($4, $5, '[]'), false)) FROM measured),
        (SELECT bool_or(in_force @> tstzrange($4, $5, '[]'))
         FROM (SELECT range_agg(in_force) AS in_force FROM counting GROUP BY quantity) AS either),
        false)
$$;

-- 2. What waits for the judge elsewhere -----------------------------------------------------------

-- How much later than true time a logger's stamps may be; the slack of placements is not in it.
CREATE FUNCTION clock_ahead(of_logger integer) RETURNS interval
LANGUAGE sql STABLE AS $$
    SELECT least(greatest(max(logger_ms - gateway_ms), 0), 632448000000) * interval '1 ms'
    FROM clock_pair
    WHERE logger_id = of_logger AND abs(logger_ms - gateway_ms) > 1800000
$$;

-- Other consignments of the lots of one that has a stability budget, with facts that the judge has
-- not looked at and that may be of the time before its goods came: units that it brought may have
-- spent their budget there. What loggers send of later hours is about other units. In PL/pgSQL,
-- which keeps its plan, and looks at nothing where nobody waits or no budget is.
CREATE FUNCTION unjudged_elsewhere(asked text)
RETURNS TABLE (product_id text, lot_number text, consignment_id text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    came_at timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM touched) OR NOT EXISTS (
        SELECT FROM consignment
        JOIN profile ON (profile.id, profile.version) = (profile_id, profile_version)
        WHERE consignment.id = asked AND jsonb_typeof(profile.body -> 'stability') = 'object')
    THEN
        RETURN;
    END IF;
    SELECT min(happened_at) INTO came_at FROM custody_event
    WHERE consignment_id = asked AND kind IN ('received', 'opened');
    RETURN QUERY
    WITH lot AS MATERIALIZED (
        SELECT DISTINCT own.product_id, own.lot_number
        FROM consignment_line AS own WHERE own.consignment_id = asked
    ), counted AS MATERIALIZED (
        -- A party that names a lot which it never had spends nothing of it.
        SELECT DISTINCT lot.product_id, lot.lot_number, journey.id
        FROM lot
        CROSS JOIN LATERAL counted_consignments(lot.product_id, lot.lot_number) AS journey (id)
        WHERE journey.id <> asked
    )
    SELECT counted.product_id, counted.lot_number, counted.id
    FROM counted
    WHERE (EXISTS (SELECT FROM touched WHERE touched.consignment_id = counted.id)
           OR EXISTS (
               SELECT FROM placement
               JOIN channel ON channel.logger_id = placement.logger_id
               JOIN touched ON touched.channel_id = channel.id
               WHERE placement.consignment_id = counted.id
                 AND touched.first_at <= came_at + interval '1 hour'
                     + coalesce(clock_ahead(channel.logger_id), interval '0')
                 AND counted.id IN (SELECT concerned_consignments(
                     touched.channel_id, touched.first_at, touched.last_at))))
      AND EXISTS (
          SELECT FROM consignment_line AS other
          WHERE other.consignment_id = counted.id
            AND other.product_id IN (SELECT same_article(counted.product_id))
            AND other.lot_number = counted.lot_number
            AND NOT goes_nowhere(other.id));  -- a function of 0035
END
$$;

-- 3. Evidence that is looked at again -------------------------------------------------------------

-- What did not verify any more after an audit had found it whole; of the evaluation that counted.
CREATE TABLE evidence_relapse (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id bigint NOT NULL REFERENCES evidence_audit,
    message_id bigint,  -- NULL: it is not about one message
    problem text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (evaluation_id, message_id, problem)
);
CREATE INDEX evidence_relapse_by_message ON evidence_relapse (message_id);

-- Audited consignments whose goods may still be used, and when their evidence is looked at again.
CREATE TABLE evidence_watch (
    consignment_id text PRIMARY KEY REFERENCES consignment,
    audited_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX evidence_watch_by_time ON evidence_watch (due_at);

-- Consignments whose evidence was found broken, for the releases that stood on it.
CREATE TABLE relapse_due (consignment_id text PRIMARY KEY REFERENCES consignment);

CREATE FUNCTION queue_relapse() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    concerned text;
BEGIN
    SELECT consignment_id INTO concerned FROM evaluation WHERE id = NEW.evaluation_id;
    INSERT INTO relapse_due (consignment_id) VALUES (concerned) ON CONFLICT DO NOTHING;
    PERFORM pg_notify('coldgate_evaluation', concerned);
    RETURN NEW;
END
$$;
CREATE TRIGGER relapse_wants_a_reaction AFTER INSERT ON evidence_relapse
    FOR EACH ROW EXECUTE FUNCTION queue_relapse();
-- What came after a release may be broken from the first.
CREATE TRIGGER broken_audit_wants_a_reaction AFTER INSERT ON evidence_audit
    FOR EACH ROW WHEN (NEW.broken > 0) EXECUTE FUNCTION queue_relapse();

CREATE FUNCTION watch_evidence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO evidence_watch (consignment_id, audited_at, due_at)
    SELECT consignment_id, NEW.audited_at, NEW.audited_at + interval '1 day'
    FROM evaluation WHERE id = NEW.evaluation_id
    ON CONFLICT (consignment_id)
        DO UPDATE SET audited_at = EXCLUDED.audited_at, due_at = EXCLUDED.due_at;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_is_watched AFTER INSERT ON evidence_audit
    FOR EACH ROW EXECUTE FUNCTION watch_evidence();

INSERT INTO evidence_watch (consignment_id, audited_at, due_at)
SELECT consignment_id, max(audited_at), clock_timestamp()
FROM evidence_audit JOIN evaluation ON evaluation.id = evaluation_id
GROUP BY consignment_id;

SELECT make_append_only('evidence_relapse');
SELECT keep_in_ledger('evidence_relapse');
SELECT guard_rows('evidence_relapse', $$EXISTS (SELECT FROM evaluation WHERE id = evaluation_id)$$);
SELECT guard_rows('relapse_due', $$acting_party() = '*'$$);

GRANT SELECT, INSERT ON evidence_relapse TO coldgate_analytics;
GRANT SELECT, UPDATE, DELETE ON evidence_watch TO coldgate_analytics;
GRANT SELECT ON evidence_relapse TO coldgate_api;
GRANT SELECT, DELETE ON relapse_due TO coldgate_api;
