-- name: act
SELECT set_config('coldgate.party', %(party)s, true)

-- name: acting
SELECT current_setting('coldgate.party', true)
