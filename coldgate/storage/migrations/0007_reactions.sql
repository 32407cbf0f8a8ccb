-- Evaluations that nobody has acted on yet. Without this queue the api would have to compare the
-- whole of `evaluation` with the whole of `reaction` each time it looks for work.
CREATE TABLE reaction_due (
    evaluation_id bigint PRIMARY KEY REFERENCES evaluation,
    consignment_id text NOT NULL
);

INSERT INTO reaction_due (evaluation_id, consignment_id)
SELECT id, consignment_id FROM evaluation
WHERE NOT EXISTS (SELECT FROM reaction WHERE evaluation_id = evaluation.id);

CREATE FUNCTION queue_reaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO reaction_due (evaluation_id, consignment_id) VALUES (NEW.id, NEW.consignment_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER evaluation_wants_a_reaction AFTER INSERT ON evaluation
    FOR EACH ROW EXECUTE FUNCTION queue_reaction();

GRANT SELECT, DELETE ON reaction_due TO coldgate_api;
