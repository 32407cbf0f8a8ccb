-- A permit that was lost is given anew: what others name of the same goods is looked up.

CREATE INDEX permit_by_consignment ON permit (consignment_id, id);
CREATE INDEX line_transition_by_line ON line_transition (line_id);

-- Units of each line that permits for a step name beside one: of lines that took the step those that
-- were used since, and where one is named those that were given after it. In PL/pgSQL, which keeps
-- its plan: the gate asks with every decision.
CREATE FUNCTION taken_units(asked text, step text, beside bigint DEFAULT NULL)
RETURNS TABLE ("position" integer, quantity bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT named.position, sum(named.quantity)
    FROM permit
    LEFT JOIN permit_redemption AS used ON used.permit_id = permit.id
    CROSS JOIN LATERAL jsonb_to_recordset(permit.lines)
        AS named (position integer, quantity integer)
    JOIN consignment_line AS line
        ON line.consignment_id = asked AND line.position = named.position
        AND line.state = CASE step WHEN 'dispatch' THEN 'in_transit' ELSE 'released' END
    WHERE permit.consignment_id = asked AND permit.purpose = step
      AND permit.id IS DISTINCT FROM beside
      AND (permit.id > beside OR used.redeemed_at IS NOT NULL)
      AND (permit.id > beside OR used.redeemed_at > coalesce((
          SELECT max(changed_at) FROM line_transition
          WHERE line_id = line.id AND to_state = line.state), '-infinity'))
    GROUP BY named.position;
END
$$;
