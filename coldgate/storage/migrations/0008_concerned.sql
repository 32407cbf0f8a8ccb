-- Which consignments a change of a channel between two stamps concerns. Judge and gate both ask
-- here, so that the gate waits for exactly what the judge will look at.

-- Stamps are the logger's. A clock that is off by more than the slack around them (one hour, half
-- of it spent here) moves them to where only its comparisons tell, whichever message brought these.
CREATE INDEX clock_pair_far_off ON clock_pair (logger_id)
    WHERE abs(logger_ms - gateway_ms) > 1800000;

CREATE FUNCTION concerned_consignments(
    touched_channel integer, first_at timestamptz, last_at timestamptz
) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT placement.consignment_id
    FROM channel
    CROSS JOIN LATERAL (
        -- No comparison is 0; one of more than 20 years is absurd, for ingest takes stamps within 10.
        SELECT least(greatest(max(logger_ms - gateway_ms), 0), 632448000000) AS most_ms,
               greatest(least(min(logger_ms - gateway_ms), 0), -632448000000) AS least_ms
        FROM clock_pair
        WHERE clock_pair.logger_id = channel.logger_id
          AND abs(logger_ms - gateway_ms) > 1800000
    ) AS ahead
    JOIN placement ON placement.logger_id = channel.logger_id
        AND placement.placed_at <= last_at - ahead.least_ms * interval '1 ms'
        AND coalesce(placement.removed_at, 'infinity')
            >= first_at - ahead.most_ms * interval '1 ms'
    WHERE channel.id = touched_channel
$$;

-- The window of a journey begins with the gate's dispatch where nobody else who may says when.
GRANT SELECT ON line_transition TO coldgate_analytics;
