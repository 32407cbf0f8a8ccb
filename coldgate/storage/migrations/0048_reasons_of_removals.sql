-- Why readings of a journey were taken away in hindsight, beside the moment that they end at.

ALTER TABLE placement
    ADD COLUMN removal_reason text CHECK (length(removal_reason) BETWEEN 1 AND 2000),
    ADD CONSTRAINT placement_reason_is_of_a_removal
        CHECK (removal_reason IS NULL OR removed_at IS NOT NULL);
GRANT UPDATE (removal_reason) ON placement TO coldgate_api;

-- As in 0010; no judgement asks for reasons.
CREATE OR REPLACE VIEW past.placement AS
SELECT id, consignment_id, logger_id, zone, placed_at, (
        SELECT said.removed_at FROM placement_removal AS said
        WHERE said.placement_id = placement.id AND past.knows(said.transaction)
        ORDER BY said.id DESC LIMIT 1
    ) AS removed_at, role, removal_reason
FROM placement
WHERE past.knows(transaction);
