-- What each consignment took of a lot's stability budget, and which lanes had excursions.

-- Every unit of a line is named by its serial number, or none is.
CREATE FUNCTION are_serials(named text[], quantity integer) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT count(*) = quantity AND count(DISTINCT serial) = quantity
       AND bool_and(serial ~ '^[!-z]{1,20}$')  -- GS1 application identifier 21
    FROM unnest(named) AS unit (serial)
$$;
ALTER TABLE consignment_line
    ADD COLUMN serials text[] CHECK (serials IS NULL OR are_serials(serials, quantity));

-- One row whenever the figures or the ends of a consignment's journey changed; of each
-- (consignment, lot, serial) the newest counts. Shares in billionths of the budget.
CREATE TABLE lot_spend (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evaluation_id bigint NOT NULL REFERENCES evaluation,
    consignment_id text NOT NULL REFERENCES consignment,
    product_id text NOT NULL,
    lot_number text NOT NULL,
    serial text NOT NULL DEFAULT '',  -- '': the units that no line names
    began_at timestamptz NOT NULL,  -- the latest moment at which a unit may have joined
    ended_at timestamptz NOT NULL,  -- the earliest at which one may have left
    provisional boolean NOT NULL,  -- nobody told an end: ended_at is the last that was seen
    optimistic_ppb bigint NOT NULL,
    measured_ppb bigint NOT NULL,
    pessimistic_ppb bigint NOT NULL,
    before_optimistic_ppb bigint NOT NULL,
    before_measured_ppb bigint NOT NULL,
    before_pessimistic_ppb bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (began_at <= ended_at),
    CHECK (0 <= optimistic_ppb AND optimistic_ppb <= pessimistic_ppb),
    CHECK (0 <= before_optimistic_ppb AND before_optimistic_ppb <= before_pessimistic_ppb)
);
CREATE INDEX lot_spend_by_lot
    ON lot_spend (product_id, lot_number, consignment_id, serial, id DESC);
CREATE INDEX lot_spend_by_consignment ON lot_spend (consignment_id, id DESC);

-- One row whenever a final evaluation changes what a consignment says of its lane (S32); the newest
-- of a consignment counts.
CREATE TABLE lane_record (
    evaluation_id bigint PRIMARY KEY REFERENCES evaluation,
    consignment_id text NOT NULL REFERENCES consignment,
    consignor_id text NOT NULL REFERENCES party,
    origin text NOT NULL,  -- of the first leg
    destination text NOT NULL,  -- of the last
    began_at timestamptz NOT NULL,
    with_excursions boolean NOT NULL,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX lane_record_by_lane
    ON lane_record (consignor_id, origin, destination, began_at);
CREATE INDEX lane_record_by_consignment ON lane_record (consignment_id, evaluation_id DESC);

CREATE VIEW past.lot_spend AS SELECT * FROM lot_spend WHERE past.knows(transaction);
CREATE VIEW past.lane_record AS SELECT * FROM lane_record WHERE past.knows(transaction);

CREATE VIEW lane AS
SELECT consignment.id AS consignment_id, consignor_id,
       (array_agg(origin ORDER BY position))[1] AS origin,
       (array_agg(destination ORDER BY position DESC))[1] AS destination
FROM consignment
JOIN leg ON leg.consignment_id = consignment.id
GROUP BY consignment.id;

INSERT INTO lane_record
SELECT evaluation_id, consignment_id, consignor_id, origin, destination,
       to_timestamp((body -> 'window' ->> 'begin_ms')::numeric / 1000),
       with_excursions OR body @? '$.reasons[*].code ? (@ == "EXCURSION" || @ == "RULE_VIOLATED")'
FROM (
    SELECT DISTINCT ON (consignment_id)
           id AS evaluation_id, consignment_id, with_excursions,
           convert_from(body, 'UTF8')::jsonb AS body
    FROM evaluation
    WHERE NOT provisional
    ORDER BY consignment_id, version DESC
) AS final
JOIN lane USING (consignment_id)
WHERE body -> 'window' ->> 'begin_ms' IS NOT NULL;

SELECT make_append_only('lot_spend');
SELECT make_append_only('lane_record');

GRANT SELECT, INSERT ON lot_spend, lane_record TO coldgate_analytics;
GRANT SELECT ON lot_spend TO coldgate_api;
GRANT SELECT ON lane, past.lot_spend, past.lane_record TO coldgate_analytics;
GRANT INSERT ON touched TO coldgate_analytics;  -- what depends on another consignment's figures
