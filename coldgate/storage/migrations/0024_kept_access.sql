-- The ledger keeps what opens doors as well: keys, accounts at an identity provider, and what was
-- found of the messages behind an evaluation, on which the gate relies.
SELECT keep_in_ledger('api_key', 'last_used_on');
SELECT keep_in_ledger('oidc_link');
SELECT keep_in_ledger('evidence_audit');
