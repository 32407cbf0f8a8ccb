-- What an evaluation saw can be seen again: it keeps its snapshot, facts keep the transaction that
-- brought them, and the schema `past` shows the facts that were visible to a snapshot.

-- NULL: written before this migration, and known to every evaluation that has a snapshot. Giving
-- the default afterwards leaves the rows that are there as they are.
ALTER TABLE message ADD COLUMN transaction xid8;
ALTER TABLE message ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE channel ADD COLUMN transaction xid8;
ALTER TABLE channel ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE product ADD COLUMN transaction xid8;
ALTER TABLE product ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE placement ADD COLUMN transaction xid8;
ALTER TABLE placement ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE custody_event ADD COLUMN transaction xid8;
ALTER TABLE custody_event ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE line_transition ADD COLUMN transaction xid8;
ALTER TABLE line_transition ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE certificate ADD COLUMN transaction xid8;
ALTER TABLE certificate ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE sensor_range ADD COLUMN transaction xid8;
ALTER TABLE sensor_range ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE seal ADD COLUMN transaction xid8;
ALTER TABLE seal ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();

-- The transactions whose facts an evaluation saw; NULL: stored before this migration.
ALTER TABLE evaluation ADD COLUMN snapshot pg_snapshot;

-- The end of a placement is the one fact of a case that is written over; this keeps what was said.
CREATE TABLE placement_removal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placement_id bigint NOT NULL REFERENCES placement,
    removed_at timestamptz,
    transaction xid8 DEFAULT pg_current_xact_id()
);
CREATE INDEX placement_removal_by_placement ON placement_removal (placement_id, id);

INSERT INTO placement_removal (placement_id, removed_at, transaction)
SELECT id, removed_at, NULL FROM placement WHERE removed_at IS NOT NULL;

CREATE FUNCTION keep_removal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO placement_removal (placement_id, removed_at) VALUES (NEW.id, NEW.removed_at);
    RETURN NEW;
END
$$;
CREATE TRIGGER removal_is_kept_from_the_start AFTER INSERT ON placement
    FOR EACH ROW WHEN (NEW.removed_at IS NOT NULL) EXECUTE FUNCTION keep_removal();
CREATE TRIGGER removal_is_kept AFTER UPDATE OF removed_at ON placement
    FOR EACH ROW WHEN (NEW.removed_at IS DISTINCT FROM OLD.removed_at)
    EXECUTE FUNCTION keep_removal();

SELECT make_append_only('placement_removal');

-- Each view is named as the table that it stands before, so that whoever puts `past` first on the
-- search path and a snapshot into `coldgate.snapshot` reads by the same queries as today's reader.
-- What is not here never changes once a consignment depends on it.
CREATE SCHEMA IF NOT EXISTS past;

-- Without a snapshot set this fails: nobody takes today for the past.
CREATE FUNCTION past.knows(transaction xid8) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        pg_visible_in_snapshot(transaction, current_setting('coldgate.snapshot')::pg_snapshot), true)
$$;

CREATE VIEW past.channel AS SELECT * FROM channel WHERE past.knows(transaction);
CREATE VIEW past.product AS SELECT * FROM product WHERE past.knows(transaction);
CREATE VIEW past.custody_event AS SELECT * FROM custody_event WHERE past.knows(transaction);
CREATE VIEW past.line_transition AS SELECT * FROM line_transition WHERE past.knows(transaction);
CREATE VIEW past.certificate AS SELECT * FROM certificate WHERE past.knows(transaction);
CREATE VIEW past.sensor_range AS SELECT * FROM sensor_range WHERE past.knows(transaction);
CREATE VIEW past.seal AS SELECT * FROM seal WHERE past.knows(transaction);

CREATE VIEW past.placement AS
SELECT id, consignment_id, logger_id, zone, placed_at, (
        SELECT said.removed_at FROM placement_removal AS said
        WHERE said.placement_id = placement.id AND past.knows(said.transaction)
        ORDER BY said.id DESC LIMIT 1
    ) AS removed_at, role
FROM placement
WHERE past.knows(transaction);

-- A message and what it brought share a transaction. LIMIT ends the search at the first part of
-- `message` that has it; one that was dropped for its age is known to all.
CREATE VIEW past.reading AS
SELECT * FROM reading
WHERE coalesce((SELECT past.knows(message.transaction) FROM message
                WHERE message.id = reading.message_id LIMIT 1), true);

CREATE VIEW past.conflict AS
SELECT * FROM conflict
WHERE coalesce((SELECT past.knows(message.transaction) FROM message
                WHERE message.id = conflict.message_id LIMIT 1), true);

CREATE VIEW past.clock_pair AS
SELECT * FROM clock_pair
WHERE coalesce((SELECT past.knows(message.transaction) FROM message
                WHERE message.id = clock_pair.message_id LIMIT 1), true);

GRANT USAGE ON SCHEMA past TO coldgate_analytics;
GRANT SELECT ON ALL TABLES IN SCHEMA past TO coldgate_analytics;
