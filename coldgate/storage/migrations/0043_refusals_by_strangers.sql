-- A refusal reaches along the ways of the goods, which nobody makes up for the makers of them.

-- Manufacturers that list the number of a product, its owner among them where it is one.
CREATE FUNCTION makers_of(product text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT owner.party_id FROM lot_owners($1) AS owner WHERE owner.kind = 'manufacturer'
$$;

-- Whether one of them received the goods, by its own word or the operator's.
CREATE FUNCTION came_home(journey consignment, product text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT journey.consignee_id IN (SELECT makers_of($2))
       AND EXISTS (SELECT FROM custody_event AS told JOIN party ON party.id = told.party_id
                   WHERE told.consignment_id = journey.id AND told.kind IN ('received', 'opened')
                     AND (party.id = journey.consignee_id OR party.kind = 'operator'))
$$;

-- As in 0033, but that goods under a manufacturer's article are met by what was refused of those who
-- have the lot, and by nobody else's; and that goods came back to a manufacturer of the number by its
-- own word only. Else anybody could stop a lot by sending something of that number, or saying so, and
-- refusing it.
CREATE OR REPLACE FUNCTION may_be_refused_units(placed restriction, carried consignment_line)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    refused consignment%ROWTYPE;
BEGIN
    IF carried.consignment_id = placed.consignment_id
        OR NOT coalesce(carried.serials && placed.serials, true)
        OR has_left(carried, placed.since) THEN
        RETURN false;
    END IF;
    SELECT * INTO refused FROM consignment AS found WHERE found.id = placed.consignment_id;
    IF EXISTS (SELECT FROM lot_owners(carried.product_id) AS owner
               WHERE owner.is_listed AND owner.kind = 'manufacturer')
        AND refused.consignor_id NOT IN (SELECT lot_holders(carried.product_id, carried.lot_number))
    THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        WITH RECURSIVE maker (party_id) AS MATERIALIZED (
            SELECT makers_of(carried.product_id)
        ), sent AS (
            SELECT DISTINCT journey.consignor_id, journey.consignee_id
            FROM consignment_line AS line
            JOIN consignment AS journey ON journey.id = line.consignment_id
            WHERE line.lot_number = placed.lot_number
              AND line.product_id IN (SELECT same_article(placed.product_id))
              AND (journey.consignee_id NOT IN (SELECT maker.party_id FROM maker)
                   OR came_home(journey, carried.product_id))
        ), held (party_id) AS (
            SELECT refused.consignor_id
            UNION
            SELECT refused.consignee_id
            WHERE refused.consignee_id NOT IN (SELECT maker.party_id FROM maker)
               OR came_home(refused, carried.product_id)
            UNION
            SELECT leg.carrier_id FROM leg WHERE leg.consignment_id = placed.consignment_id
            UNION
            SELECT sent.consignee_id FROM sent JOIN held ON sent.consignor_id = held.party_id
        )
        SELECT FROM held JOIN consignment AS journey ON journey.consignor_id = held.party_id
        WHERE journey.id = carried.consignment_id);
END
$$;
