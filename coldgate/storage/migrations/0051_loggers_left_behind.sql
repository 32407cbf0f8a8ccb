-- A logger that was taken out before the goods left says nothing about their journey.

-- By our clock; NULL of what was told before this migration.
ALTER TABLE placement_removal ADD COLUMN told_at timestamptz;
ALTER TABLE placement_removal ALTER COLUMN told_at SET DEFAULT clock_timestamp();

-- Whether a logger was out, and told to be, before a line left or anything was told of the journey:
-- nothing that was judged can be its word. Nobody says so in hindsight. In PL/pgSQL, which keeps its
-- plan.
CREATE FUNCTION was_left_behind(placed placement) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM placement_removal AS said
        CROSS JOIN (
            SELECT min(known.began_at) AS began_at, min(known.known_at) AS known_at FROM (
                SELECT moved.changed_at, moved.changed_at FROM line_transition AS moved
                JOIN consignment_line AS line ON line.id = moved.line_id
                WHERE line.consignment_id = placed.consignment_id
                UNION ALL
                SELECT told.happened_at, told.recorded_at FROM custody_event AS told
                WHERE told.consignment_id = placed.consignment_id
            ) AS known (began_at, known_at)
        ) AS journey
        WHERE said.placement_id = placed.id AND said.removed_at = placed.removed_at
          AND said.removed_at < journey.began_at AND said.told_at < journey.known_at);
END
$$;

-- As in 0044, but of the loggers that may speak of the journey.
CREATE OR REPLACE FUNCTION logger_admissions(consignment text) RETURNS TABLE (
    placement_id bigint, logger_id integer, serial text, zone text, role text,
    placed_at timestamptz, removed_at timestamptz, admission_id bigint, passed boolean,
    kind text, party_id text, recorded_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT placed.id, unit.id, unit.serial, placed.zone, placed.role, placed.placed_at,
        placed.removed_at, newest.id, coalesce(newest.passed, false), newest.kind,
        newest.party_id, newest.recorded_at
    FROM placement AS placed
    JOIN logger AS unit ON unit.id = placed.logger_id
    LEFT JOIN LATERAL (
        SELECT told.* FROM admission AS told
        WHERE told.logger_id = placed.logger_id
          AND told.party_id = ANY (
              (SELECT vouchers_of(consignor_id) FROM consignment WHERE id = $1)::text[])
        ORDER BY told.id DESC LIMIT 1
    ) AS newest ON true
    WHERE placed.consignment_id = $1
      AND NOT (placed.removed_at IS NOT NULL AND was_left_behind(placed))
    ORDER BY placed.id
$$;
