-- Which consignments a change of a channel between two stamps concerns. Judge and gate both ask
-- here, so that the gate waits for exactly what the judge will look at.

-- Stamps are the logger's. A clock that is off by more than the slack around them (one hour, half
-- of it spent here) moves them to where only its comparisons tell, whichever message brought these.
CREATE INDEX clock_pair_far_off ON clock_pair (logger_id)
    WHERE abs(logger_ms - gateway_ms) > 1800000;

CREATE FUNCTION epoch_ms(moment timestamptz) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (extract(epoch FROM moment) * 1000)::bigint;

CREATE FUNCTION concerned_consignments(
    touched_channel integer, first_at timestamptz, last_at timestamptz
) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT placement.consignment_id
    FROM channel
    JOIN placement ON placement.logger_id = channel.logger_id
    WHERE channel.id = touched_channel
      AND ((placement.placed_at <= last_at
            AND coalesce(placement.removed_at, 'infinity') >= first_at)
        OR EXISTS (
            SELECT FROM clock_pair AS pair
            WHERE pair.logger_id = placement.logger_id
              AND abs(pair.logger_ms - pair.gateway_ms) > 1800000
              AND epoch_ms(placement.placed_at)
                  <= epoch_ms(last_at) - (pair.logger_ms - pair.gateway_ms)
              AND (placement.removed_at IS NULL OR epoch_ms(placement.removed_at)
                  >= epoch_ms(first_at) - (pair.logger_ms - pair.gateway_ms))))
$$;

-- The window of a journey begins with the gate's dispatch where nobody else who may says when.
GRANT SELECT ON line_transition TO coldgate_analytics;
