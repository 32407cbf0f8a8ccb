-- What was said of the end of a placement, and who asked for the end of a hold, enter the ledger.

SELECT keep_in_ledger('placement_removal');
SELECT keep_in_ledger('restriction_lift_request');
