-- name: act
-- In the order in which they are written: who it was, and who it is from now on.
SELECT coalesce(current_setting('coldgate.party', true), ''),
       set_config('coldgate.party', %(party)s, true)
