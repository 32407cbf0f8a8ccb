-- What the gate looks up beside the goods themselves: restrictions of lots, documents, standing of
-- carriers, agreements and the admission of loggers.

-- A lot is named in a consignment by who has it. The word of whoever else says so opens nothing:
-- the lot has to have come to the consignor, by consignments that begin at the product's owner.
CREATE FUNCTION has_come_to(holder text, product text, lot text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE journey AS (
        SELECT DISTINCT sent.consignor_id, sent.consignee_id
        FROM consignment_line AS line
        JOIN consignment AS sent ON sent.id = line.consignment_id
        WHERE line.product_id = $2 AND line.lot_number = $3
    ), held (party_id) AS (
        SELECT article.party_id FROM product AS article WHERE article.id = $2
        UNION
        SELECT journey.consignee_id FROM journey JOIN held ON journey.consignor_id = held.party_id
    )
    SELECT EXISTS (SELECT FROM held WHERE held.party_id = $1)
$$;

-- Whether the acting party owns the product or has a part in moving the lot; NULL: any lot of it.
-- The plan of a plpgsql function is kept: a policy asks this of every row.
CREATE FUNCTION sees_goods(product text, lot text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    party text := acting_party();
    owner text;
BEGIN
    IF party IS NULL OR party = '*' THEN
        RETURN party IS NOT NULL;
    END IF;
    SELECT article.party_id INTO owner FROM product AS article WHERE article.id = $1;
    IF owner = party THEN
        RETURN true;
    ELSIF $2 IS NULL THEN
        RETURN EXISTS (
            SELECT FROM consignment_line AS line
            JOIN consignment AS sent ON sent.id = line.consignment_id
            WHERE line.product_id = $1
              AND (party IN (sent.consignor_id, sent.consignee_id)
                   OR EXISTS (SELECT FROM leg WHERE leg.consignment_id = sent.id
                                                       AND leg.carrier_id = party))
              AND (sent.consignor_id = owner
                   OR has_come_to(sent.consignor_id, $1, line.lot_number)));
    END IF;
    RETURN EXISTS (
        SELECT FROM consignment_line AS line
        JOIN consignment AS sent ON sent.id = line.consignment_id
        WHERE line.product_id = $1 AND line.lot_number = $2
          AND (party IN (sent.consignor_id, sent.consignee_id)
               OR EXISTS (SELECT FROM leg WHERE leg.consignment_id = sent.id
                                                   AND leg.carrier_id = party))
          AND (sent.consignor_id = owner OR has_come_to(sent.consignor_id, $1, $2)));
END
$$;

CREATE FUNCTION owns_product(product text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false)
        OR EXISTS (SELECT FROM product AS article
                   WHERE article.id = $1 AND article.party_id = acting_party())
$$;

-- Whoever sends goods with a carrier may know its papers.
CREATE FUNCTION employs_carrier(carrier text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(acting_party() = '*', false)
        OR EXISTS (SELECT FROM leg JOIN consignment AS sent ON sent.id = leg.consignment_id
                   WHERE leg.carrier_id = $1 AND sent.consignor_id = acting_party())
$$;

-- `guard_rows` says what is seen; this adds that nobody enters a row in the name of another.
CREATE FUNCTION guard_entries(target regclass, predicate text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY entered_by_party ON %s AS RESTRICTIVE FOR INSERT TO coldgate_api
                    WITH CHECK (%s)', target, predicate);
END
$$;

-- Restrictions of a lot. Nothing is taken back: a lift is a row of its own.
CREATE TABLE restriction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('hold', 'recall', 'capa')),
    product_id text NOT NULL REFERENCES product,
    lot_number text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    reference text NOT NULL DEFAULT '',  -- of the recall or CAPA that it serves
    placed_by text NOT NULL REFERENCES party,
    actor text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX restriction_by_lot ON restriction (product_id, lot_number);

CREATE TABLE restriction_lift (
    restriction_id bigint PRIMARY KEY REFERENCES restriction,
    lifted_by text NOT NULL,  -- actor
    reason text NOT NULL,
    approval_id bigint,  -- NULL: lifted by the recall or CAPA that it served
    lifted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- That a hold be lifted, and why; it is lifted once that is signed.
CREATE TABLE restriction_lift_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    restriction_id bigint NOT NULL REFERENCES restriction,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    requested_by text NOT NULL,  -- actor
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX restriction_lift_request_by_restriction ON restriction_lift_request (restriction_id);

-- Who names a lot in a consignment and who restricts the lot wait for each other: whoever restricts
-- finds every consignment that the gate decided about without knowing of it. The lock stands for a
-- 64th of all lots, so that a consignment of a thousand lines takes no thousand locks.
CREATE FUNCTION lot_lock(product text, lot text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtext('coldgate.lot')::bigint << 32 | (hashtextextended($1 || '/' || $2, 0) & 63)
$$;

CREATE FUNCTION share_lot_lock() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(lot_lock(NEW.product_id, NEW.lot_number));
    RETURN NEW;
END
$$;
CREATE TRIGGER line_waits_for_restrictions BEFORE INSERT ON consignment_line
    FOR EACH ROW EXECUTE FUNCTION share_lot_lock();

-- Documents, byte for byte.
CREATE TABLE document (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,  -- who entered it
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{2,39}$'),
    product_id text REFERENCES product,
    lot_number text,  -- with a product only
    consignment_id text REFERENCES consignment,
    carrier_id text REFERENCES party,
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    media_type text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    size integer NOT NULL CHECK (size > 0),
    content bytea NOT NULL,
    valid_until date,  -- included; NULL: no end
    signature bytea CHECK (length(signature) = 64),  -- Ed25519 over the content
    signing_key text,  -- public key, base64url
    uploaded_by text NOT NULL,  -- actor
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(product_id, consignment_id, carrier_id) = 1),
    CHECK (lot_number IS NULL OR product_id IS NOT NULL),
    CHECK (num_nonnulls(signature, signing_key) IN (0, 2))
);
ALTER TABLE document ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX document_by_product ON document (product_id, lot_number, kind)
    WHERE product_id IS NOT NULL;
CREATE INDEX document_by_consignment ON document (consignment_id, kind)
    WHERE consignment_id IS NOT NULL;
CREATE INDEX document_by_carrier ON document (carrier_id, kind) WHERE carrier_id IS NOT NULL;

CREATE TABLE document_withdrawal (
    document_id bigint PRIMARY KEY REFERENCES document,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    withdrawn_by text NOT NULL,  -- actor
    withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A carrier's document counts once somebody else signed it in.
CREATE TABLE document_vouch (
    document_id bigint NOT NULL REFERENCES document,
    party_id text NOT NULL REFERENCES party,
    vouched_by text NOT NULL,  -- actor
    vouched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (document_id, party_id)
);

CREATE TABLE document_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    public_key text NOT NULL,  -- Ed25519, base64url
    label text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    UNIQUE (party_id, public_key)
);

CREATE TABLE document_requirement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL REFERENCES product,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{2,39}$'),
    per text NOT NULL CHECK (per IN ('product', 'lot', 'consignment', 'carrier')),
    purpose text NOT NULL CHECK (purpose IN ('dispatch', 'receipt_release', 'both')),
    signed boolean NOT NULL DEFAULT false,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE UNIQUE INDEX document_requirement_once
    ON document_requirement (product_id, kind, per, purpose) WHERE removed_at IS NULL;

-- Who may carry by which profile; the newest row of a party about a carrier and profile counts.
CREATE TABLE carrier_qualification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,  -- who qualifies
    carrier_id text NOT NULL REFERENCES party,
    profile_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('approved', 'suspended', 'withdrawn')),
    valid_from date NOT NULL,
    valid_until date NOT NULL,  -- included
    note text NOT NULL DEFAULT '',
    entered_by text NOT NULL,  -- actor
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (valid_from <= valid_until)
);
CREATE INDEX carrier_qualification_by_carrier
    ON carrier_qualification (carrier_id, profile_id, party_id, id);

-- Days that must be left of a lot's life; the newest row counts, that of the product first.
CREATE TABLE shelf_life_agreement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consignor_id text NOT NULL REFERENCES party,
    consignee_id text NOT NULL REFERENCES party,
    product_id text REFERENCES product,  -- NULL: whatever is sent
    min_days integer NOT NULL CHECK (min_days BETWEEN 0 AND 36500),
    party_id text NOT NULL REFERENCES party,  -- who entered it
    entered_by text NOT NULL,  -- actor
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX shelf_life_agreement_by_parties
    ON shelf_life_agreement (consignor_id, consignee_id, id);

-- Conformance of a logger; the newest row of who vouches counts.
CREATE TABLE admission (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logger_id integer NOT NULL REFERENCES logger,
    kind text NOT NULL CHECK (kind IN ('tested', 'declared', 'revoked')),
    passed boolean NOT NULL,
    checks jsonb NOT NULL,
    reason text NOT NULL DEFAULT '',
    party_id text NOT NULL REFERENCES party,
    recorded_by text NOT NULL,  -- actor
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (kind <> 'revoked' OR NOT passed)
);
CREATE INDEX admission_by_logger ON admission (logger_id, id);

SELECT make_append_only('restriction');
SELECT make_append_only('restriction_lift');
SELECT make_append_only('restriction_lift_request');
SELECT make_append_only('document');
SELECT make_append_only('document_withdrawal');
SELECT make_append_only('document_vouch');
SELECT make_append_only('carrier_qualification');
SELECT make_append_only('shelf_life_agreement');
SELECT make_append_only('admission');

SELECT guard_rows('restriction', $$sees_party(placed_by) OR sees_goods(product_id, lot_number)$$);
SELECT guard_entries('restriction', $$sees_party(placed_by) AND owns_product(product_id)$$);
-- Seen with the restriction: a subquery is held to the policies of what it reads.
SELECT guard_rows('restriction_lift',
                  $$EXISTS (SELECT FROM restriction WHERE restriction.id = restriction_id)$$);
SELECT guard_rows('restriction_lift_request',
                  $$EXISTS (SELECT FROM restriction WHERE restriction.id = restriction_id)$$);
SELECT guard_rows('document', $$sees_party(party_id) OR sees_party(carrier_id)
    OR (carrier_id IS NOT NULL AND employs_carrier(carrier_id))
    OR (consignment_id IS NOT NULL AND sees_consignment(consignment_id))
    OR (product_id IS NOT NULL AND sees_goods(product_id, lot_number))$$);
SELECT guard_entries('document', $$sees_party(party_id)
    AND (consignment_id IS NULL OR sees_consignment(consignment_id))
    AND (product_id IS NULL OR owns_product(product_id))$$);
SELECT guard_rows('document_withdrawal',
                  $$EXISTS (SELECT FROM document WHERE document.id = document_id)$$);
SELECT guard_rows('document_vouch',
                  $$EXISTS (SELECT FROM document WHERE document.id = document_id)$$);
SELECT guard_entries('document_vouch', $$sees_party(party_id)$$);
SELECT guard_rows('document_key', $$sees_party(party_id)$$);
SELECT guard_rows('document_requirement', $$sees_goods(product_id, NULL)$$);
SELECT guard_entries('document_requirement', $$owns_product(product_id)$$);
SELECT guard_rows('carrier_qualification', $$sees_party(party_id) OR sees_party(carrier_id)$$);
SELECT guard_entries('carrier_qualification', $$sees_party(party_id)$$);
SELECT guard_rows('shelf_life_agreement', $$sees_party(consignor_id) OR sees_party(consignee_id)$$);
SELECT guard_entries('shelf_life_agreement', $$sees_party(consignor_id)$$);

-- What the acting party may see some of, found from its own consignments. A list that begins here
-- asks the policies about these rows, and not about every row that others have.
CREATE FUNCTION lots_in_reach() RETURNS TABLE (product_id text, lot_number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT line.product_id, line.lot_number
    FROM consignment AS sent JOIN consignment_line AS line ON line.consignment_id = sent.id
    WHERE acting_party() IN (sent.consignor_id, sent.consignee_id)
    UNION
    SELECT line.product_id, line.lot_number
    FROM leg JOIN consignment_line AS line ON line.consignment_id = leg.consignment_id
    WHERE leg.carrier_id = acting_party()
$$;

CREATE FUNCTION restrictions_in_reach() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT placed.id FROM restriction AS placed
    WHERE acting_party() IN ('*', placed.placed_by)
       OR placed.product_id IN (SELECT own.id FROM product AS own
                                WHERE own.party_id = acting_party())
       OR (placed.product_id, placed.lot_number) IN (SELECT * FROM lots_in_reach())
$$;

CREATE FUNCTION documents_in_reach() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT entered.id FROM document AS entered
    WHERE acting_party() IN ('*', entered.party_id, entered.carrier_id)
       OR entered.carrier_id IN (
            SELECT leg.carrier_id FROM leg JOIN consignment AS sent ON sent.id = leg.consignment_id
            WHERE sent.consignor_id = acting_party())
       OR entered.consignment_id IN (
            SELECT sent.id FROM consignment AS sent
            WHERE acting_party() IN (sent.consignor_id, sent.consignee_id)
            UNION
            SELECT leg.consignment_id FROM leg WHERE leg.carrier_id = acting_party())
       OR entered.product_id IN (SELECT own.id FROM product AS own
                                 WHERE own.party_id = acting_party())
       OR entered.product_id IN (SELECT reach.product_id FROM lots_in_reach() AS reach)
$$;

CREATE FUNCTION owns_logger(logger integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM logger AS unit
                   WHERE unit.id = $1 AND unit.party_id = acting_party())
$$;
SELECT guard_rows('admission', $$sees_party(party_id) OR owns_logger(logger_id)$$);
SELECT guard_entries('admission', $$sees_party(party_id)$$);

GRANT SELECT, INSERT ON restriction, restriction_lift, restriction_lift_request, document, document_withdrawal,
    document_vouch, document_key, document_requirement, carrier_qualification,
    shelf_life_agreement, admission TO coldgate_api;
GRANT UPDATE (revoked_at) ON document_key TO coldgate_api;
GRANT UPDATE (removed_at) ON document_requirement TO coldgate_api;

-- As they are shown, with what became of them; a view asks with the rights of who asks it.
CREATE VIEW restriction_shown WITH (security_invoker = true) AS
SELECT placed.id, placed.kind, placed.product_id, placed.lot_number, placed.reason,
    placed.reference, placed.placed_by, placed.actor, placed.placed_at,
    lift.lifted_by, lift.reason AS lift_reason, lift.approval_id, lift.lifted_at
FROM restriction AS placed
LEFT JOIN restriction_lift AS lift ON lift.restriction_id = placed.id;

CREATE VIEW document_shown WITH (security_invoker = true) AS
SELECT entered.id, entered.party_id, entered.kind, entered.product_id, entered.lot_number,
    entered.consignment_id, entered.carrier_id, entered.title, entered.media_type,
    encode(entered.sha256, 'hex') AS sha256, entered.size, entered.valid_until,
    entered.signing_key, entered.uploaded_by, entered.uploaded_at,
    gone.reason AS withdrawal_reason, gone.withdrawn_by, gone.withdrawn_at,
    ARRAY(SELECT word.party_id FROM document_vouch AS word WHERE word.document_id = entered.id
          ORDER BY word.party_id) AS vouched_by
FROM document AS entered
LEFT JOIN document_withdrawal AS gone ON gone.document_id = entered.id;

GRANT SELECT ON restriction_shown, document_shown TO coldgate_api;

-- What the gate asks, each about one consignment. They see what their caller sees: the gate asks
-- where it sees everything.

CREATE FUNCTION open_restrictions(consignment text) RETURNS TABLE (
    restriction_id bigint, kind text, product_id text, lot_number text, reason text,
    reference text, placed_by text, placed_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT placed.id, placed.kind, placed.product_id, placed.lot_number, placed.reason,
        placed.reference, placed.placed_by, placed.placed_at
    FROM restriction AS placed
    WHERE (placed.product_id, placed.lot_number) IN (
            SELECT line.product_id, line.lot_number FROM consignment_line AS line
            WHERE line.consignment_id = $1)
      AND NOT EXISTS (SELECT FROM restriction_lift AS lift WHERE lift.restriction_id = placed.id)
    ORDER BY placed.id
$$;

-- Whose word makes a document count in a consignment: the operator's, and the consignor's unless
-- it carries the goods itself.
CREATE FUNCTION signs_in_for(voucher text, consignment text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM party WHERE party.id = $1 AND party.kind = 'operator')
        OR EXISTS (SELECT FROM consignment AS sent
                   WHERE sent.id = $2 AND sent.consignor_id = $1
                     AND NOT EXISTS (SELECT FROM leg WHERE leg.consignment_id = $2
                                                       AND leg.carrier_id = $1))
$$;

-- Of a product speaks who owns it. A row handed over whole would bring its bytes along, so only
-- what is asked about is.
CREATE FUNCTION document_counts(entered bigint, by_party text, product text, consignment text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM document_withdrawal AS gone WHERE gone.document_id = $1)
            THEN false
        WHEN $3 IS NOT NULL THEN
            EXISTS (SELECT FROM party WHERE party.id = $2 AND party.kind = 'operator')
            OR EXISTS (SELECT FROM product AS article
                       WHERE article.id = $3 AND article.party_id = $2)
        ELSE signs_in_for($2, $4)
            OR EXISTS (SELECT FROM document_vouch AS word
                       WHERE word.document_id = $1 AND signs_in_for(word.party_id, $4))
    END
$$;

-- One row for each thing that a product of the consignment demands, with the best document there
-- is for it: in date before lapsed, signed before unsigned, newer before older. `digest_matches`
-- is computed from the bytes as they are now. What is demanded of carriers, each carrier owes.
CREATE FUNCTION demanded_documents(consignment text) RETURNS TABLE (
    requirement_id bigint, product_id text, lot_number text, carrier_id text, kind text, per text,
    purpose text, signed boolean, document_id bigint, valid_until date, expired boolean,
    digest_matches boolean, signed_by text)
LANGUAGE sql STABLE AS $$
    SELECT demand.id, demand.product_id, demand.lot_number, demand.carrier_id, demand.kind,
        demand.per, demand.purpose, demand.signed, found.id, found.valid_until, found.expired,
        found.digest_matches, found.signing_key
    FROM (
        SELECT DISTINCT demanded.id, demanded.product_id,
            CASE WHEN demanded.per = 'lot' THEN line.lot_number END AS lot_number,
            leg.carrier_id, demanded.kind, demanded.per, demanded.purpose, demanded.signed
        FROM consignment_line AS line
        JOIN document_requirement AS demanded
            ON demanded.product_id = line.product_id AND demanded.removed_at IS NULL
        LEFT JOIN leg ON leg.consignment_id = line.consignment_id AND demanded.per = 'carrier'
        WHERE line.consignment_id = $1 AND (demanded.per <> 'carrier' OR leg.carrier_id IS NOT NULL)
    ) AS demand
    LEFT JOIN LATERAL (
        SELECT best.id, best.valid_until, best.expired, best.signing_key,
            sha256(document.content) = document.sha256 AS digest_matches
        FROM (
            SELECT entered.id, entered.valid_until, entered.signing_key,
                coalesce(entered.valid_until < (clock_timestamp() AT TIME ZONE 'UTC')::date, false)
                    AS expired
            FROM document AS entered
            WHERE entered.kind = demand.kind
              AND CASE demand.per
                      WHEN 'product' THEN entered.product_id = demand.product_id
                                          AND entered.lot_number IS NULL
                      WHEN 'lot' THEN entered.product_id = demand.product_id
                                      AND entered.lot_number = demand.lot_number
                      WHEN 'carrier' THEN entered.carrier_id = demand.carrier_id
                      ELSE entered.consignment_id = $1
                  END
              AND document_counts(entered.id, entered.party_id, entered.product_id, $1)
            ORDER BY expired, entered.signing_key IS NULL, entered.id DESC
            LIMIT 1
        ) AS best
        JOIN document ON document.id = best.id
    ) AS found ON true
    ORDER BY demand.id, demand.lot_number, demand.carrier_id
$$;

-- One row for each carrier of a leg. Somebody who vouches for the goods must have approved it for
-- the profile, with today between the dates, and nobody of them have suspended or withdrawn it.
CREATE FUNCTION carrier_standing(consignment text) RETURNS TABLE (
    carrier_id text, standing text, qualification_id bigint, party_id text, valid_from date,
    valid_until date)
LANGUAGE sql STABLE AS $$
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
          AND vouches_for(said.party_id, sent.consignor_id)
        ORDER BY said.party_id, said.id DESC
    ) AS word ON true
    WHERE sent.id = $1
    ORDER BY leg.carrier_id, word.state <> 'approved' DESC,
        today.day BETWEEN word.valid_from AND word.valid_until DESC, word.id DESC
$$;

-- One row for each product of the consignment that an agreement speaks of.
CREATE FUNCTION agreed_shelf_life(consignment text) RETURNS TABLE (
    product_id text, min_days integer, agreement_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (line.product_id) line.product_id, agreed.min_days, agreed.id
    FROM consignment AS sent
    JOIN consignment_line AS line ON line.consignment_id = sent.id
    JOIN shelf_life_agreement AS agreed
        ON agreed.consignor_id = sent.consignor_id AND agreed.consignee_id = sent.consignee_id
        AND (agreed.product_id IS NULL OR agreed.product_id = line.product_id)
        AND vouches_for(agreed.party_id, sent.consignor_id)
    WHERE sent.id = $1
    ORDER BY line.product_id, agreed.product_id IS NULL, agreed.id DESC
$$;

-- One row for each placement; `admission_id` NULL where nobody who vouches admitted the logger.
CREATE FUNCTION logger_admissions(consignment text) RETURNS TABLE (
    placement_id bigint, logger_id integer, serial text, zone text, role text,
    admission_id bigint, passed boolean, kind text, party_id text, recorded_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT placed.id, unit.id, unit.serial, placed.zone, placed.role, newest.id,
        coalesce(newest.passed, false), newest.kind, newest.party_id, newest.recorded_at
    FROM placement AS placed
    JOIN consignment AS sent ON sent.id = placed.consignment_id
    JOIN logger AS unit ON unit.id = placed.logger_id
    LEFT JOIN LATERAL (
        SELECT told.* FROM admission AS told
        WHERE told.logger_id = placed.logger_id AND vouches_for(told.party_id, sent.consignor_id)
        ORDER BY told.id DESC LIMIT 1
    ) AS newest ON true
    WHERE placed.consignment_id = $1
    ORDER BY placed.id
$$;

-- What the readings of a logger say of it: its clock beside the gateway's when they were compared
-- last, and the newest readings of each of its temperature channels, at most as many as asked for.
-- With the rights of its owner, for readings are reached through consignments only.
CREATE FUNCTION logger_conduct(logger integer, wanted integer) RETURNS TABLE (
    clock_off_ms bigint, readings bigint, longest_ms bigint, holes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT
        (SELECT pair.logger_ms - pair.gateway_ms FROM clock_pair AS pair
         WHERE pair.logger_id = $1 ORDER BY pair.gateway_ms DESC LIMIT 1),
        coalesce(min(series.readings), 0), max(series.longest_ms), sum(series.holes)::bigint
    FROM channel
    CROSS JOIN LATERAL (
        SELECT count(*) AS readings,
            (extract(epoch FROM max(recent.step)) * 1000)::bigint AS longest_ms,
            count(*) FILTER (WHERE recent.skipped > 1) AS holes
        FROM (
            SELECT newest.taken_at - lag(newest.taken_at) OVER by_time AS step,
                newest.sequence - lag(newest.sequence) OVER by_time AS skipped
            FROM (SELECT stored.taken_at, stored.sequence FROM reading AS stored
                  WHERE stored.channel_id = channel.id AND stored.flags & 16 = 0
                  ORDER BY stored.taken_at DESC LIMIT $2) AS newest
            WINDOW by_time AS (ORDER BY newest.taken_at)
        ) AS recent
    ) AS series
    WHERE channel.logger_id = $1 AND channel.quantity = 1
$$;
REVOKE EXECUTE ON FUNCTION logger_conduct(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION logger_conduct(integer, integer) TO coldgate_api;
