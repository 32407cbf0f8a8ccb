-- With every release the gate asks whether the goods ever failed; most never did.

CREATE INDEX evaluation_failed ON evaluation (consignment_id, version) WHERE verdict = 'FAIL';
