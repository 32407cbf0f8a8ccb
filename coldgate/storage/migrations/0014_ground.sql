-- Ground for people and signatures: who sees which rows, the keys that sign, announcements to a
-- party.

-- The party that this transaction answers to; '*' sees every row, and nobody sees none.
CREATE FUNCTION acting_party() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('coldgate.party', true), '')
$$;

CREATE FUNCTION sees_party(owner text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(acting_party() IN ('*', owner), false)
$$;

-- Whoever takes part in a consignment sees it. With the rights of its owner: the rows that it asks
-- stand behind policies that ask it in their turn.
CREATE FUNCTION sees_consignment(consignment text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false) OR EXISTS (
        SELECT FROM consignment AS seen
        WHERE seen.id = $1
          AND (acting_party() IN (seen.consignor_id, seen.consignee_id)
               OR EXISTS (SELECT FROM leg
                          WHERE leg.consignment_id = seen.id
                            AND leg.carrier_id = acting_party())))
$$;

-- Rows of `target` for the api only as far as `predicate` holds; ingest and analytics, which answer
-- to no party, keep what they are granted.
CREATE FUNCTION guard_rows(target regclass, predicate text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY seen_by_party ON %s TO coldgate_api
                    USING (%s) WITH CHECK (%s)', target, predicate, predicate);
    EXECUTE format('CREATE POLICY seen_by_services ON %s
                    TO coldgate_ingest, coldgate_analytics USING (true) WITH CHECK (true)', target);
END
$$;

-- Public halves of the keys that Coldgate signs with; old ones stay, so that what they signed can
-- be verified for ever.
CREATE TABLE signing_key (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    public_key text NOT NULL UNIQUE,  -- Ed25519, base64url
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT make_append_only('signing_key');
GRANT SELECT, INSERT ON signing_key TO coldgate_api;
GRANT SELECT ON signing_key TO coldgate_analytics;

-- Not everything that a party must hear is about a consignment.
ALTER TABLE outbox ALTER COLUMN consignment_id DROP NOT NULL;
ALTER TABLE outbox ADD COLUMN party_id text REFERENCES party;
ALTER TABLE outbox ADD CHECK (num_nonnulls(consignment_id, party_id) > 0);
