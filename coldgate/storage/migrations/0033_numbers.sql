-- Goods are known by the numbers that their articles ever carried, whoever lists them.

-- 1. Numbers of articles --------------------------------------------------------------------------

-- Every number that an article carried: what was held or recalled under one is held, whatever the
-- article is called afterwards.
CREATE TABLE product_number (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL REFERENCES product,
    scheme text NOT NULL CHECK (scheme IN ('gtin', 'hibc')),
    number text NOT NULL,
    -- Of this migration where it was there before: what is older was judged without.
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (product_id, scheme, number)
);
CREATE INDEX product_number_by_number ON product_number (scheme, number);

CREATE FUNCTION keep_numbers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO product_number (product_id, scheme, number)
    SELECT NEW.id, said.scheme, said.number
    FROM (VALUES ('gtin', NEW.gtin), ('hibc', NEW.hibc)) AS said (scheme, number)
    WHERE said.number IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END
$$;
REVOKE EXECUTE ON FUNCTION keep_numbers() FROM PUBLIC;
CREATE TRIGGER numbers_are_kept AFTER INSERT OR UPDATE OF gtin, hibc ON product
    FOR EACH ROW EXECUTE FUNCTION keep_numbers();

SELECT make_append_only('product_number');
SELECT keep_in_ledger('product_number');
SELECT guard_rows('product_number', $$sees_everything()
    OR EXISTS (SELECT FROM product WHERE product.id = product_id)$$);
CREATE VIEW past.product_number AS SELECT * FROM product_number WHERE past.knows(transaction);
GRANT SELECT ON product_number TO coldgate_api, coldgate_analytics;
GRANT SELECT ON past.product_number TO coldgate_analytics;

DROP INDEX product_by_gtin, product_by_hibc;  -- nobody looks there any more

-- A product and those that ever carried a number of its own.
CREATE OR REPLACE FUNCTION same_article(product text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT $1
    UNION
    SELECT twin.product_id FROM product_number AS own
    JOIN product_number AS twin ON (twin.scheme, twin.number) = (own.scheme, own.number)
    WHERE own.product_id = $1
$$;

-- Every name that the lots of a consignment may have in others.
CREATE FUNCTION same_lots(consignment text) RETURNS TABLE (product_id text, lot_number text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT article.id, lot.number
    FROM (
        SELECT DISTINCT line.product_id, line.lot_number
        FROM consignment_line AS line WHERE line.consignment_id = $1
    ) AS lot (product_id, number)
    CROSS JOIN LATERAL same_article(lot.product_id) AS article (id)
$$;

-- 2. Who may have refused goods -------------------------------------------------------------------

-- Whether all units of a line were gone by then. That the gate let them go is not enough, for goods
-- can be asked for before they are there: somebody told that they left, or used permits for them.
CREATE FUNCTION has_left(line consignment_line, moment timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM line_transition AS moved
                   WHERE moved.line_id = line.id AND moved.to_state = 'in_transit'
                     AND moved.changed_at < moment)
        AND (EXISTS (SELECT FROM custody_event AS told
                     WHERE told.consignment_id = line.consignment_id AND told.kind <> 'packed'
                       AND told.recorded_at < moment)
             OR line.quantity <= (
                 SELECT sum(named.quantity)
                 FROM permit
                 JOIN permit_redemption AS used ON used.permit_id = permit.id
                 CROSS JOIN LATERAL jsonb_to_recordset(permit.lines)
                     AS named (position integer, quantity integer)
                 WHERE permit.consignment_id = line.consignment_id AND permit.purpose = 'dispatch'
                   AND named.position = line.position AND used.redeemed_at < moment))
$$;

-- A unit is in one place at a time: what had left before the refused goods arrived are others, and
-- so are units that both lines name. All others may be the same ones where whoever sends them is a
-- party that the goods went back to, stayed with or were carried by, or one that the lot came to
-- from there, under any article of the number.
CREATE OR REPLACE FUNCTION may_be_refused_units(placed restriction, carried consignment_line)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF carried.consignment_id = placed.consignment_id
        OR NOT coalesce(carried.serials && placed.serials, true)
        OR has_left(carried, placed.since) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        WITH RECURSIVE sent AS (
            SELECT DISTINCT journey.consignor_id, journey.consignee_id
            FROM consignment_line AS line
            JOIN consignment AS journey ON journey.id = line.consignment_id
            WHERE line.lot_number = placed.lot_number
              AND line.product_id IN (SELECT same_article(placed.product_id))
        ), held (party_id) AS (
            SELECT unnest(ARRAY[refused.consignor_id, refused.consignee_id])
            FROM consignment AS refused WHERE refused.id = placed.consignment_id
            UNION
            SELECT leg.carrier_id FROM leg WHERE leg.consignment_id = placed.consignment_id
            UNION
            SELECT sent.consignee_id FROM sent JOIN held ON sent.consignor_id = held.party_id
        )
        SELECT FROM held JOIN consignment AS journey ON journey.consignor_id = held.party_id
        WHERE journey.id = carried.consignment_id);
END
$$;

-- 3. Rules of the goods under another's article ---------------------------------------------------

-- One row for each product of the consignment about which its owner stated something. Where a
-- manufacturer or the operator lists the same number, and stated something, that must allow the
-- profile as well. What stands for a version stands for later ones as well, where its author answers
-- for the goods or for the house: who may choose the rules of a product may improve them. Earlier
-- ones never count, and a version that was withdrawn counts only where it was itself stated after
-- that.
CREATE OR REPLACE FUNCTION allowed_profiles(consignment text)
RETURNS TABLE (product_id text, allowed boolean)
LANGUAGE sql STABLE AS $$
    SELECT word.product_id, bool_and(word.allowed)
    FROM (
        SELECT line.product_id, article.id AS article_id, coalesce(bool_or(
            said.profile_id = sent.profile_id
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
          AND NOT EXISTS (SELECT FROM product_profile_withdrawal AS gone
                          WHERE gone.statement_id = said.id)
        GROUP BY line.product_id, article.id
    ) AS word
    GROUP BY word.product_id
    HAVING bool_or(word.article_id = word.product_id)
$$;

-- Who answers for a lot: the owner of the article, and the manufacturers and operators that list
-- the same number. As in the two below, names are those of the caller's search path, so that a
-- replay asks the past.
CREATE FUNCTION lot_owners(product text)
RETURNS TABLE (party_id text, kind text, is_listed boolean)
LANGUAGE sql STABLE AS $$
    SELECT owner.id, owner.kind, article.id = $1
    FROM same_article($1) AS same (id)
    JOIN product AS article ON article.id = same.id
    JOIN party AS owner ON owner.id = article.party_id
    WHERE article.id = $1 OR owner.kind IN ('manufacturer', 'operator')
$$;

-- Who has a lot, or had it: those who answer for it, and those that it came to from there under any
-- article of its number.
CREATE FUNCTION lot_holders(product text, lot text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE sent AS (
        SELECT DISTINCT journey.consignor_id, journey.consignee_id
        FROM consignment_line AS line
        JOIN consignment AS journey ON journey.id = line.consignment_id
        WHERE line.product_id IN (SELECT same_article($1)) AND line.lot_number = $2
    ), held (party_id) AS (
        SELECT owner.party_id FROM lot_owners($1) AS owner
        UNION
        SELECT sent.consignee_id FROM sent JOIN held ON sent.consignor_id = held.party_id
    )
    SELECT held.party_id FROM held
$$;

-- Consignments of a lot, under every article of its number, by those who have it. Of an article that
-- nobody listed nobody knows who has it, and all count.
CREATE OR REPLACE FUNCTION counted_consignments(product text, lot text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH owner AS MATERIALIZED (
        SELECT party_id, kind, is_listed FROM lot_owners($1)
    ), held AS MATERIALIZED (
        SELECT holder.party_id FROM lot_holders($1, $2) AS holder (party_id)
    )
    SELECT DISTINCT journey.id
    FROM consignment_line AS line
    JOIN consignment AS journey ON journey.id = line.consignment_id
    WHERE line.product_id IN (SELECT same_article($1)) AND line.lot_number = $2
      AND (NOT EXISTS (SELECT FROM owner WHERE is_listed)
           OR EXISTS (
               SELECT FROM owner
               WHERE (is_listed AND kind = 'operator') OR owner.party_id = journey.consignor_id
                  OR ((kind IN ('manufacturer', 'operator')
                       OR owner.party_id = journey.consignee_id)
                      AND journey.consignor_id IN (SELECT held.party_id FROM held))))
$$;

-- An article that gets a number shares the budgets of its lots with those that carry it, both ways.
CREATE FUNCTION number_touches_its_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO touched (consignment_id)
    SELECT DISTINCT sent.id
    FROM consignment_line AS own
    CROSS JOIN LATERAL same_article(NEW.product_id) AS article (id)
    JOIN consignment_line AS twin
        ON twin.product_id = article.id AND twin.lot_number = own.lot_number
    CROSS JOIN LATERAL (VALUES (own.consignment_id), (twin.consignment_id)) AS told (id)
    JOIN consignment AS sent ON sent.id = told.id
    JOIN profile ON (profile.id, profile.version) = (sent.profile_id, sent.profile_version)
    WHERE own.product_id = NEW.product_id AND article.id <> NEW.product_id
      AND jsonb_typeof(profile.body -> 'stability') = 'object';
    IF FOUND THEN
        NOTIFY coldgate_touched;
    END IF;
    RETURN NEW;
END
$$;
REVOKE EXECUTE ON FUNCTION number_touches_its_lots() FROM PUBLIC;
CREATE TRIGGER number_has_its_lots_judged_again AFTER INSERT ON product_number
    FOR EACH ROW EXECUTE FUNCTION number_touches_its_lots();

-- 4. Numbers that are there -----------------------------------------------------------------------

-- Now, and before as far as the ledger tells.
INSERT INTO product_number (product_id, scheme, number)
SELECT DISTINCT article.id, said.scheme, said.number
FROM product AS article
CROSS JOIN LATERAL (
    SELECT to_jsonb(article) AS fields
    UNION ALL
    SELECT convert_from(entry.body, 'UTF8')::jsonb FROM ledger_entry AS entry
    WHERE entry.subject = 'product/' || article.id AND entry.kind IN ('row.added', 'row.changed')
) AS version
CROSS JOIN LATERAL (VALUES
    ('gtin', version.fields ->> 'gtin'), ('hibc', version.fields ->> 'hibc')
) AS said (scheme, number)
WHERE said.number IS NOT NULL;
