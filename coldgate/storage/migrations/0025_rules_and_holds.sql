-- Goods are judged by rules that were stated for them; what holds a lot holds it under every
-- article, and goods that were rejected do not leave again unnoticed; a stranger spends no budget.

-- 1. By which profiles goods of a product may travel ----------------------------------------------

CREATE TABLE product_profile (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL REFERENCES product,
    profile_id text NOT NULL,
    profile_version integer NOT NULL,
    stated_by text NOT NULL,  -- actor
    stated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (profile_id, profile_version) REFERENCES profile (id, version)
);
CREATE INDEX product_profile_by_product ON product_profile (product_id);

CREATE TABLE product_profile_withdrawal (
    statement_id bigint PRIMARY KEY REFERENCES product_profile,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    withdrawn_by text NOT NULL,  -- actor
    withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

SELECT make_append_only('product_profile');
SELECT make_append_only('product_profile_withdrawal');
SELECT keep_in_ledger('product_profile');
SELECT keep_in_ledger('product_profile_withdrawal');
SELECT guard_rows('product_profile', $$sees_goods(product_id, NULL)$$);
SELECT guard_entries('product_profile', $$owns_product(product_id)$$);
-- Seen with the statement: a subquery is held to the policies of what it reads.
SELECT guard_rows('product_profile_withdrawal',
                  $$EXISTS (SELECT FROM product_profile WHERE id = statement_id)$$);
SELECT guard_entries('product_profile_withdrawal', $$EXISTS (
    SELECT FROM product_profile WHERE id = statement_id AND owns_product(product_id))$$);
GRANT SELECT, INSERT ON product_profile, product_profile_withdrawal TO coldgate_api;

CREATE VIEW product_profile_shown WITH (security_invoker = true) AS
SELECT said.id, said.product_id, said.profile_id, said.profile_version, said.stated_at,
    gone.reason AS withdrawal_reason, gone.withdrawn_at
FROM product_profile AS said
LEFT JOIN product_profile_withdrawal AS gone ON gone.statement_id = said.id;
GRANT SELECT ON product_profile_shown TO coldgate_api;

-- One row for each product of the consignment about which somebody stated something. What stands
-- for a version stands for later ones as well, where its author answers for the goods or for the
-- house: who may choose the rules of a product may improve them. Earlier ones never count, and a
-- version that was withdrawn counts only where it was itself stated after that.
CREATE FUNCTION allowed_profiles(consignment text) RETURNS TABLE (product_id text, allowed boolean)
LANGUAGE sql STABLE AS $$
    SELECT said.product_id, coalesce(bool_or(
        said.profile_id = sent.profile_id
        AND ((said.profile_version = sent.profile_version
              AND coalesce(said.stated_at > ended.withdrawn_at, true))
             OR (said.profile_version < sent.profile_version AND ended.withdrawn_at IS NULL
                 AND (chosen.party_id IS NULL OR chosen.party_id = article.party_id
                      OR author.kind = 'operator')))), false)
    FROM consignment AS sent
    JOIN product_profile AS said ON said.product_id IN (
        SELECT line.product_id FROM consignment_line AS line WHERE line.consignment_id = sent.id)
    JOIN product AS article ON article.id = said.product_id
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
      AND NOT EXISTS (SELECT FROM product_profile_withdrawal AS gone
                      WHERE gone.statement_id = said.id)
    GROUP BY said.product_id
$$;

-- 2. What a restriction meets ---------------------------------------------------------------------

-- Goods that a signature rejected or returned: `serials` names them, or NULL where the line did
-- not; lines that left before `since` carry other units.
ALTER TABLE restriction
    DROP CONSTRAINT restriction_kind_check,
    ADD CONSTRAINT restriction_kind_check
        CHECK (kind IN ('hold', 'recall', 'capa', 'refusal')),
    ADD COLUMN consignment_id text REFERENCES consignment,
    ADD COLUMN serials text[],
    ADD COLUMN since timestamptz,
    ADD CONSTRAINT restriction_says_what_was_refused
        CHECK ((kind = 'refusal') = (consignment_id IS NOT NULL AND since IS NOT NULL)
               AND (kind = 'refusal' OR num_nonnulls(consignment_id, serials, since) = 0));

CREATE OR REPLACE VIEW restriction_shown WITH (security_invoker = true) AS
SELECT placed.id, placed.kind, placed.product_id, placed.lot_number, placed.reason,
    placed.reference, placed.placed_by, placed.actor, placed.placed_at,
    lift.lifted_by, lift.reason AS lift_reason, lift.approval_id, lift.lifted_at,
    -- Named to who takes part in it only.
    (SELECT own.id FROM consignment AS own WHERE own.id = placed.consignment_id) AS consignment_id,
    placed.serials
FROM restriction AS placed
LEFT JOIN restriction_lift AS lift ON lift.restriction_id = placed.id;

-- The same goods may be listed by several parties, as articles of their own.
CREATE INDEX product_by_gtin ON product (gtin) WHERE gtin IS NOT NULL;
CREATE INDEX product_by_hibc ON product (hibc) WHERE hibc IS NOT NULL;

-- A product and those that carry the same number on their labels.
CREATE FUNCTION same_article(product text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT $1
    UNION
    SELECT twin.id FROM product AS article JOIN product AS twin ON twin.gtin = article.gtin
    WHERE article.id = $1
    UNION
    SELECT twin.id FROM product AS article JOIN product AS twin ON twin.hibc = article.hibc
    WHERE article.id = $1
$$;

-- Whether a restriction of the same lot meets a line. Under another article counts the word of
-- manufacturers and of the operator, else anybody could stop the goods of others by listing them.
CREATE FUNCTION meets_line(restriction_id bigint, line_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    placed restriction%ROWTYPE;
    carried consignment_line%ROWTYPE;
BEGIN
    SELECT * INTO placed FROM restriction AS found WHERE found.id = $1;
    SELECT * INTO carried FROM consignment_line AS found WHERE found.id = $2;
    IF placed.kind = 'refusal' THEN
        RETURN may_be_refused_units(placed, carried);
    END IF;
    RETURN placed.product_id = carried.product_id
        OR EXISTS (SELECT FROM party
                   WHERE party.id = placed.placed_by AND party.kind IN ('manufacturer', 'operator'))
        OR EXISTS (SELECT FROM product AS article
                   WHERE article.id = carried.product_id AND article.party_id = placed.placed_by);
END
$$;

-- A unit is in one place at a time: what had left before the refused goods arrived are others, and
-- so are units that both lines name. All others may be the same ones where whoever sends them is
-- the party that the goods went back to or stayed with, or one that the lot came to from there.
CREATE FUNCTION may_be_refused_units(placed restriction, carried consignment_line) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF carried.consignment_id = placed.consignment_id
        OR NOT coalesce(carried.serials && placed.serials, true)
        OR EXISTS (SELECT FROM line_transition AS moved
                   WHERE moved.line_id = carried.id AND moved.to_state = 'in_transit'
                     AND moved.changed_at < placed.since) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        WITH RECURSIVE sent AS (
            SELECT DISTINCT journey.consignor_id, journey.consignee_id
            FROM consignment_line AS line
            JOIN consignment AS journey ON journey.id = line.consignment_id
            WHERE line.lot_number = placed.lot_number
              AND line.product_id IN (placed.product_id, carried.product_id)
        ), held (party_id) AS (
            SELECT unnest(ARRAY[refused.consignor_id, refused.consignee_id])
            FROM consignment AS refused WHERE refused.id = placed.consignment_id
            UNION
            SELECT sent.consignee_id FROM sent JOIN held ON sent.consignor_id = held.party_id
        )
        SELECT FROM held JOIN consignment AS journey ON journey.consignor_id = held.party_id
        WHERE journey.id = carried.consignment_id);
END
$$;

-- Whether a consignment brings refused units back to the party that sent them and settles it: from
-- another party, and with all that was let go there before no more units than were refused.
CREATE FUNCTION goes_home(placed restriction, asked consignment) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF placed.kind <> 'refusal' OR placed.placed_by <> asked.consignee_id
        OR asked.consignor_id = asked.consignee_id THEN
        RETURN false;
    END IF;
    RETURN (
        SELECT sum(line.quantity)
        FROM consignment_line AS line
        JOIN consignment AS journey ON journey.id = line.consignment_id
        WHERE line.lot_number = placed.lot_number
          AND line.product_id IN (SELECT same_article(placed.product_id))
          AND journey.consignee_id = placed.placed_by AND journey.consignor_id <> placed.placed_by
          AND (journey.id = asked.id OR line.state <> 'planned')
          AND may_be_refused_units(placed, line)
    ) <= (
        SELECT sum(refused.quantity)
        FROM consignment_line AS refused
        WHERE refused.lot_number = placed.lot_number
          AND refused.product_id IN (SELECT same_article(placed.product_id))
          AND refused.state IN ('rejected', 'returned')
          -- Units of several refusals may travel together.
          AND refused.consignment_id IN (
              SELECT beside.consignment_id FROM restriction AS beside
              WHERE beside.kind = 'refusal' AND beside.placed_by = placed.placed_by));
END
$$;

-- One row for each restriction and lot of the consignment, with the lines that it meets. `own`: it
-- is on this very product. `homeward`: see above.
DROP FUNCTION open_restrictions(text);
CREATE FUNCTION open_restrictions(consignment text) RETURNS TABLE (
    restriction_id bigint, kind text, product_id text, lot_number text, reason text,
    reference text, placed_by text, placed_at timestamptz, positions integer[], own boolean,
    homeward boolean)
LANGUAGE sql STABLE AS $$
    SELECT placed.id, placed.kind, line.product_id, line.lot_number, placed.reason,
        placed.reference, placed.placed_by, placed.placed_at,
        array_agg(line.position ORDER BY line.position), placed.product_id = line.product_id,
        goes_home(placed, sent)
    FROM consignment AS sent
    JOIN consignment_line AS line ON line.consignment_id = sent.id
    CROSS JOIN LATERAL same_article(line.product_id) AS article (id)
    JOIN restriction AS placed
        ON placed.product_id = article.id AND placed.lot_number = line.lot_number
    WHERE sent.id = $1
      AND NOT EXISTS (SELECT FROM restriction_lift AS lift WHERE lift.restriction_id = placed.id)
      AND meets_line(placed.id, line.id)
    GROUP BY placed.id, line.product_id, line.lot_number, sent.id
    ORDER BY placed.id, line.product_id
$$;

-- The lock is that of a number, whichever article it is listed under.
CREATE OR REPLACE FUNCTION lot_lock(product text, lot text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtext('coldgate.lot')::bigint << 32 | (hashtextextended($2, 0) & 63)
$$;

-- 3. Whose journeys spend a lot's budget ----------------------------------------------------------

ALTER TABLE consignment ADD COLUMN transaction xid8;
ALTER TABLE consignment ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE VIEW past.consignment AS SELECT * FROM consignment WHERE past.knows(transaction);
GRANT SELECT ON past.consignment TO coldgate_analytics;

-- Consignments of a lot by those who have it, as the gate sees it: its owner, and those that it
-- came to from there. Of an article that nobody listed nobody knows who has it, and all count. Names
-- are those of the caller's search path, so that a replay asks the past.
CREATE FUNCTION counted_consignments(product text, lot text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE sent AS (
        SELECT DISTINCT journey.id, journey.consignor_id, journey.consignee_id
        FROM consignment_line AS line
        JOIN consignment AS journey ON journey.id = line.consignment_id
        WHERE line.product_id = $1 AND line.lot_number = $2
    ), owner AS (
        SELECT party.id, party.kind
        FROM product AS article JOIN party ON party.id = article.party_id WHERE article.id = $1
    ), held (party_id) AS (
        SELECT owner.id FROM owner
        UNION
        SELECT sent.consignee_id FROM sent JOIN held ON sent.consignor_id = held.party_id
    )
    SELECT sent.id
    FROM sent LEFT JOIN owner ON true
    WHERE owner.id IS NULL OR owner.kind = 'operator' OR owner.id = sent.consignor_id
       OR ((owner.kind = 'manufacturer' OR owner.id = sent.consignee_id)
           AND sent.consignor_id IN (SELECT held.party_id FROM held))
$$;
