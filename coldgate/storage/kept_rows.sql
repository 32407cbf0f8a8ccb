-- name: differences
-- The last word of the ledger on each row, beside the row. A column that is newer than the entry
-- is not compared. Literals in braces are filled in by psycopg.
SELECT subject, CASE
    WHEN kind IS NULL THEN 'is in the table, and the ledger does not know of it'
    WHEN fields IS NULL THEN 'was entered in the ledger, and is gone from the table'
    WHEN kind = 'row.removed' THEN 'was removed by the ledger''s account, and is in the table'
    WHEN written > 1 AND NOT {changes} THEN 'is written once, and was entered again'
    ELSE 'differs from what was entered in the ledger' END
FROM (
    SELECT {prefix} || {key} AS subject, to_jsonb(rows_there) - {omitted}::text[] AS fields
    FROM {table} AS rows_there
) AS there
FULL JOIN (
    SELECT DISTINCT ON (subject) subject, kind, convert_from(body, 'UTF8')::jsonb AS told,
        count(*) OVER (PARTITION BY subject) AS written
    FROM ledger_entry
    WHERE starts_with(subject, {prefix})
      AND kind IN ('row.added', 'row.changed', 'row.removed')
    ORDER BY subject, id DESC
) AS entered USING (subject)
WHERE CASE WHEN written > 1 AND NOT {changes} THEN true
    WHEN kind = 'row.removed' THEN fields IS NOT NULL
    ELSE told IS NULL OR fields IS NULL OR told <> (
        SELECT coalesce(jsonb_object_agg(name, fields -> name), '{{}}')
        FROM jsonb_object_keys(told) AS name) END
ORDER BY subject LIMIT {limit}

-- name: kept_now
SELECT tgrelid::regclass::text,
    split_part(encode(tgargs, 'escape'), '\000', 1),
    split_part(encode(tgargs, 'escape'), '\000', 2),
    NOT EXISTS (SELECT FROM pg_trigger AS refusing
                WHERE refusing.tgrelid = pg_trigger.tgrelid
                  AND refusing.tgname = 'change_is_refused' AND refusing.tgenabled = 'O')
FROM pg_trigger WHERE tgname = 'added_rows_enter_the_ledger' AND tgenabled = 'O'

-- name: replaced
SELECT listed.name FROM unnest(%(tables)s::text[]) AS listed (name)
LEFT JOIN pg_class AS found ON found.oid = to_regclass('public.' || listed.name)
WHERE found.relkind IS DISTINCT FROM 'r' OR found.relhasrules
ORDER BY listed.name
