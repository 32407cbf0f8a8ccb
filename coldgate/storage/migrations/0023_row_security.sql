-- Which rows the api sees of the tables that were there before `guard_rows`: what belongs to the
-- party that asks, and what is said about the consignments that it takes part in. Also the last
-- rights that a process had and never used.

CREATE FUNCTION sees_everything() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(acting_party() = '*', false)
$$;

-- The plan of a plpgsql function is kept; one in SQL is planned again by every query that asks it,
-- which costs more than the answer. Names are written out instead of setting the search path.
CREATE OR REPLACE FUNCTION sees_consignment(consignment text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    party text := public.acting_party();
BEGIN
    RETURN party IS NOT NULL AND (party = '*' OR EXISTS (
        SELECT FROM public.consignment AS seen
        WHERE seen.id = $1
          AND (party IN (seen.consignor_id, seen.consignee_id)
               OR EXISTS (SELECT FROM public.leg
                          WHERE leg.consignment_id = seen.id AND leg.carrier_id = party))));
END
$$;
ALTER FUNCTION sees_consignment(text) RESET ALL;

-- A logger tells of the goods that it travels with, and whoever sees these sees it.
CREATE FUNCTION travels_where_seen(logger integer) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.placement
                   WHERE placement.logger_id = $1
                     AND public.sees_consignment(placement.consignment_id));
END
$$;

CREATE FUNCTION is_operator(party text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.party WHERE party.id = $1 AND party.kind = 'operator');
END
$$;

-- What a party is, decides whose word counts, and is asked about others as well.
CREATE OR REPLACE FUNCTION vouches_for(voucher text, consignor text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.party
        WHERE party.id = voucher
          AND (party.kind = 'operator' OR (party.kind = 'manufacturer' AND voucher = consignor)));
END
$$;

-- Belongings of one party.
SELECT guard_rows('party', $$sees_party(id)$$);
SELECT guard_rows('api_key', $$sees_party(party_id)$$);
SELECT guard_rows('idempotency', $$sees_party(party_id)$$);
SELECT guard_rows('product', $$sees_party(party_id)$$);
SELECT guard_rows('gateway', $$sees_party(party_id)$$);
SELECT guard_rows('logger', $$sees_party(party_id) OR travels_where_seen(id)$$);

-- What belongs to such a thing; the rows of the other table are behind its own policy.
SELECT guard_rows('lot', $$sees_everything()
    OR EXISTS (SELECT FROM product WHERE product.id = product_id)$$);
SELECT guard_rows('gateway_status', $$sees_everything()
    OR EXISTS (SELECT FROM gateway WHERE gateway.id = gateway_id)$$);
SELECT guard_rows('stream', $$sees_everything()
    OR EXISTS (SELECT FROM gateway WHERE gateway.id = gateway_id)$$);
SELECT guard_rows('quarantine', $$sees_everything()
    OR EXISTS (SELECT FROM gateway WHERE gateway.name = sender)$$);
SELECT guard_rows('channel', $$sees_everything()
    OR EXISTS (SELECT FROM logger WHERE logger.id = logger_id)$$);
SELECT guard_rows('clock_pair', $$sees_everything()
    OR EXISTS (SELECT FROM logger WHERE logger.id = logger_id)$$);
SELECT guard_rows('conflict', $$sees_everything()
    OR EXISTS (SELECT FROM channel WHERE channel.id = channel_id)$$);

-- The owner of a logger and who entered it know a calibration; the operator's is for all who see
-- the logger (decision 0080).
SELECT guard_rows('certificate', $$sees_party(entered_by)
    OR EXISTS (SELECT FROM logger WHERE logger.id = logger_id AND sees_party(logger.party_id))
    OR is_operator(entered_by) AND travels_where_seen(logger_id)$$);
SELECT guard_rows('sensor_range', $$sees_party(entered_by)
    OR EXISTS (SELECT FROM logger WHERE logger.id = logger_id AND sees_party(logger.party_id))
    OR is_operator(entered_by) AND travels_where_seen(logger_id)$$);

-- Consignments and what is said about them.
SELECT guard_rows('consignment', $$sees_party(consignor_id) OR sees_party(consignee_id)
    OR EXISTS (SELECT FROM leg WHERE leg.consignment_id = consignment.id
                                 AND leg.carrier_id = acting_party())$$);
SELECT guard_rows('leg', $$sees_party(carrier_id) OR sees_consignment(consignment_id)$$);
SELECT guard_rows(told, $$sees_everything() OR sees_consignment(consignment_id)$$)
FROM unnest(ARRAY['consignment_line', 'placement', 'custody_event', 'seal', 'evaluation',
                  'excursion', 'gate_decision', 'deviation', 'lot_spend', 'lane_record'
                 ]::regclass[]) AS told;
SELECT guard_rows('line_transition', $$sees_everything()
    OR EXISTS (SELECT FROM consignment_line AS line WHERE line.id = line_id)$$);
SELECT guard_rows('placement_removal', $$sees_everything()
    OR EXISTS (SELECT FROM placement WHERE placement.id = placement_id)$$);
SELECT guard_rows('touched', $$sees_everything() OR sees_consignment(consignment_id)
    OR EXISTS (SELECT FROM channel WHERE channel.id = channel_id)$$);
SELECT guard_rows('outbox', $$sees_party(party_id) OR sees_consignment(consignment_id)$$);

-- Packaged profiles and the operator's are for all; a party's own for who has goods judged by it.
CREATE INDEX consignment_by_profile ON consignment (profile_id, profile_version);
SELECT guard_rows('profile', $$sees_party(party_id)
    OR acting_party() IS NOT NULL AND (
        party_id IS NULL OR is_operator(party_id)
        OR EXISTS (SELECT FROM consignment
                   WHERE (profile_id, profile_version) = (profile.id, profile.version)))$$);

-- Nobody enters a row in the name of another, nor becomes a carrier by saying so.
SELECT guard_entries('consignment', $$sees_party(consignor_id)$$);
SELECT guard_entries('leg', $$sees_consignment(consignment_id)$$);
SELECT guard_entries('logger', $$sees_party(party_id)$$);
SELECT guard_entries('placement', $$EXISTS (
    SELECT FROM logger WHERE logger.id = logger_id AND sees_party(logger.party_id))$$);
SELECT guard_entries('custody_event', $$sees_party(party_id)$$);
SELECT guard_entries('seal', $$sees_party(declared_by)$$);
SELECT guard_entries('certificate', $$sees_party(entered_by)$$);
SELECT guard_entries('sensor_range', $$sees_party(entered_by)$$);
SELECT guard_entries('profile', $$sees_party(party_id)$$);
CREATE POLICY changed_by_owner ON logger AS RESTRICTIVE FOR UPDATE TO coldgate_api
    USING (sees_party(party_id));

-- Who has not said for whom it asks sees not even what is for all.
SELECT guard_rows('signing_key', $$acting_party() IS NOT NULL$$);
ALTER POLICY seen_by_party ON approval_flow
    USING (acting_party() IS NOT NULL AND (party_id IS NULL OR sees_party(party_id)));

-- Ledger entries are shown to the party that their actor begins with; these are no parties.
ALTER TABLE party ADD CONSTRAINT party_is_no_process
    CHECK (id NOT IN ('coldgate', 'database', 'analytics', 'ingest', 'api'));

-- Work that is done for all, and days of readings that only the judge looks at.
SELECT guard_rows('reaction', $$sees_everything()$$);
SELECT guard_rows('reaction_due', $$sees_everything()$$);
SELECT guard_rows('summary_page', $$sees_everything()$$);

-- A view asks with the rights of its owner unless it is told otherwise.
ALTER VIEW lane SET (security_invoker = true);

-- Messages and readings have no policies: compression does without them. The api gets readings by
-- this function, and those only that were taken while the logger was in a consignment that it sees.
CREATE FUNCTION readings_in(
    consignment text, channel integer, from_at timestamptz, to_at timestamptz, after timestamptz,
    most integer
) RETURNS TABLE (taken_at timestamptz, value integer, flags smallint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT sees_consignment($1) THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT reading.taken_at, reading.value, reading.flags
        FROM reading
        WHERE reading.channel_id = $2
          AND reading.taken_at >= coalesce($3, '-infinity')
          AND reading.taken_at < coalesce($4, 'infinity')
          AND reading.taken_at > coalesce($5, '-infinity')
          AND EXISTS (
              SELECT FROM placement
              JOIN channel AS own ON own.logger_id = placement.logger_id
              WHERE own.id = $2 AND placement.consignment_id = $1
                AND tstzrange(placement.placed_at, placement.removed_at) @> reading.taken_at)
        ORDER BY reading.taken_at
        LIMIT $6;
END
$$;
REVOKE EXECUTE ON FUNCTION readings_in(text, integer, timestamptz, timestamptz, timestamptz, integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readings_in(text, integer, timestamptz, timestamptz, timestamptz, integer)
    TO coldgate_api;

-- Transitions are written by the guard of the states and by nobody else.
ALTER FUNCTION guard_line_state() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE INSERT ON line_transition FROM coldgate_api;

REVOKE SELECT ON message, reading, conflict, stream FROM coldgate_api;
REVOKE INSERT ON channel FROM coldgate_api;
-- The judge has no use for what opens the broker.
REVOKE SELECT ON gateway FROM coldgate_analytics;
GRANT SELECT (id, name, party_id, partition, public_key, created_at, revoked_at)
    ON gateway TO coldgate_analytics;
