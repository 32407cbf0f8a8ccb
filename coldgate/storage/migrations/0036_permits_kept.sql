-- A permit says how many units were let go: the ledger keeps its row, and those that are there.
SELECT keep_in_ledger('permit');
