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

-- Also what an article carried before, of which the ledger tells.
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
