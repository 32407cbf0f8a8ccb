-- Comparisons of clocks are audited with the messages that brought them.

CREATE INDEX clock_pair_by_message ON clock_pair (message_id);
