-- name: speak_plainly
-- Definitions are written in the same words whatever the session or the database's owner set.
SELECT set_config('search_path', 'pg_catalog, pg_temp', true),
    set_config('quote_all_identifiers', 'off', true), set_config('timezone', 'UTC', true),
    set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', true),
    set_config('bytea_output', 'hex', true), set_config('extra_float_digits', '1', true),
    set_config('standard_conforming_strings', 'on', true)

-- name: is_kept
SELECT to_regclass('public.ledger_entry') IS NOT NULL

-- name: server
SELECT current_setting('server_version_num')::integer / 10000

-- name: migrations
SELECT to_char(number, 'FM0000_') || name, sha256 FROM public.schema_migration

-- name: newest
SELECT id, body FROM public.ledger_entry
WHERE subject = 'schema' AND kind = 'schema.recorded' ORDER BY id DESC LIMIT 1

-- name: all
SELECT id, body FROM public.ledger_entry
WHERE subject = 'schema' AND kind = 'schema.recorded' ORDER BY id

-- name: at_rest
-- Not while a migration step is at it; it waits for the end of this transaction.
SELECT pg_try_advisory_xact_lock_shared(hashtext('coldgate.migrate'))

-- name: told
SELECT id, body FROM public.ledger_entry
WHERE subject = 'schema' AND kind = 'schema.differed' ORDER BY id

-- name: told_last
SELECT body FROM public.ledger_entry
WHERE subject = 'schema' AND kind = 'schema.differed' ORDER BY id DESC LIMIT 1

-- name: tell
SELECT public.append_ledger('api/schema', 'schema.differed', 'schema', %s)

-- name: record
WITH entered AS (
    INSERT INTO public.ledger_entry (actor, kind, subject, body, digest)
    VALUES ('database/migration', 'schema.recorded', 'schema', %(body)s, sha256(%(body)s))
    RETURNING id
)
INSERT INTO public.ledger_due (entry_id) SELECT id FROM entered

-- name: in_force
-- Everything that decides in this database: (kind, name, definition). Read from the catalogues
-- alone, by names and never by numbers, without what extensions bring along (they stand as one
-- each) and without the parts of tables that grow with time (of these what differs from the whole).
WITH member AS MATERIALIZED (
    SELECT classid, objid, refobjid FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
), space AS MATERIALIZED (
    -- What others keep in schemas of their own decides nothing, unless something of ours calls it.
    SELECT oid, nspname, nspowner, nspacl, nspname IN ('public', 'past') AS is_ours
    FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM member
                      WHERE classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid)
), landlord AS MATERIALIZED (
    SELECT relowner AS oid FROM pg_class WHERE oid = to_regclass('public.ledger_entry')
), who AS MATERIALIZED (
    SELECT oid, CASE WHEN oid = (SELECT oid FROM landlord) THEN '<owner>'
                     ELSE quote_ident(rolname) END AS name
    FROM pg_roles
    UNION ALL SELECT 0, '<everybody>'
), guarded AS MATERIALIZED (
    -- Whose rights only migrations give. What the owner took from itself it gives itself again.
    SELECT oid FROM who WHERE name ~ '^(<everybody>|coldgate_(ingest|analytics|api))$'
), process AS MATERIALIZED (
    -- The roles of the processes, and who may take one on; the owner stands for itself.
    SELECT oid FROM pg_roles WHERE rolname IN ('coldgate_ingest', 'coldgate_analytics', 'coldgate_api')
    UNION
    SELECT member FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = roleid
    WHERE rolname IN ('coldgate_ingest', 'coldgate_analytics', 'coldgate_api')
      AND member <> (SELECT oid FROM landlord)
), relation AS MATERIALIZED (
    SELECT pg_class.*, format('%I.%I', nspname, relname) AS name
    FROM pg_class JOIN space ON space.oid = relnamespace
    WHERE (is_ours OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = pg_class.oid))
      AND NOT relispartition AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
      AND NOT EXISTS (SELECT FROM member
                      WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid)
), procedure AS MATERIALIZED (
    SELECT pg_proc.*, format('%I.%I(%s)', nspname, proname, array_to_string(ARRAY(
        SELECT format_type(type, NULL) FROM unnest(proargtypes) WITH ORDINALITY AS one (type, place)
        ORDER BY place), ', ')) AS name
    FROM pg_proc JOIN space ON space.oid = pronamespace
    WHERE is_ours AND NOT EXISTS (SELECT FROM member
                      WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid)
), kind AS MATERIALIZED (
    -- Types of one's own; those of tables and arrays stand and fall with their tables and elements.
    SELECT pg_type.*, format('%I.%I', nspname, typname) AS name
    FROM pg_type JOIN space ON space.oid = typnamespace
    WHERE is_ours AND typtype IN ('d', 'e', 'r') AND NOT EXISTS (
        SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid)
), part AS MATERIALIZED (
    SELECT pg_class.*, inhparent AS whole, format('%I.%I', nspname, pg_class.relname) AS name
    FROM pg_inherits
    JOIN relation ON relation.oid = inhparent
    JOIN pg_class ON pg_class.oid = inhrelid
    JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
    WHERE pg_class.relispartition OR pg_class.relnamespace NOT IN (SELECT oid FROM space)
), part_triggers AS MATERIALIZED (
    -- Of parts and their wholes; what calls an extension is the extension's own affair.
    SELECT one.oid,
        array_remove(array_agg(told ORDER BY told) FILTER (WHERE tgtype & 1 = 1), NULL) AS by_row,
        array_remove(array_agg(told ORDER BY told) FILTER (WHERE tgtype & 1 = 0), NULL)
            AS by_statement
    FROM (SELECT oid FROM part UNION SELECT whole FROM part) AS one
    LEFT JOIN (
        SELECT tgrelid, tgtype, concat_ws(' ', tgname, tgfoid::regproc, tgtype, tgenabled, tgargs)
                AS told
        FROM pg_trigger
        WHERE NOT tgisinternal AND tgfoid NOT IN (
            SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
    ) AS its ON tgrelid = one.oid
    GROUP BY one.oid
), granted AS MATERIALIZED (
    SELECT format('table %s', name) AS object, explosion.*
    FROM relation, aclexplode(coalesce(
        relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)))
        AS explosion
    UNION ALL
    SELECT format('column %s.%I', name, attname), explosion.*
    FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) AS explosion
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('function %s', name), explosion.*
    FROM procedure, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS explosion
    UNION ALL
    SELECT format('type %s', name), explosion.*
    FROM kind, aclexplode(coalesce(typacl, acldefault('T', typowner))) AS explosion
    UNION ALL
    SELECT format('schema %I', nspname), explosion.*
    FROM space, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS explosion
    WHERE is_ours
    UNION ALL
    SELECT format('new %s in %s of %s', defaclobjtype, coalesce(quote_ident(nspname), 'all'),
        who.name), explosion.*
    FROM pg_default_acl
    JOIN who ON who.oid = defaclrole
    LEFT JOIN space ON space.oid = defaclnamespace,
        aclexplode(defaclacl) AS explosion
    -- Who says anything of all schemas repeats what goes without saying.
    WHERE is_ours OR defaclnamespace = 0 AND NOT EXISTS (
        SELECT FROM aclexplode(acldefault(
            CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END::"char", defaclrole))
            AS usual
        WHERE (usual.grantee, usual.privilege_type, usual.is_grantable)
            = (explosion.grantee, explosion.privilege_type, explosion.is_grantable))
    UNION ALL
    SELECT format('part %s', part.name), explosion.*
    FROM part JOIN pg_class AS whole ON whole.oid = part.whole,
        aclexplode(part.relacl) AS explosion
    WHERE grantee NOT IN (SELECT oid FROM guarded) AND grantee <> part.relowner
      AND NOT EXISTS (SELECT FROM aclexplode(whole.relacl) AS its
                      WHERE (its.grantee, its.privilege_type)
                          = (explosion.grantee, explosion.privilege_type))
)
SELECT 'relation', name, concat_ws(E'\n',
    relkind, relpersistence, (SELECT who.name FROM who WHERE who.oid = relowner),
    'row security', relrowsecurity, relforcerowsecurity,
    -- Of a table they say how it is stored.
    'options', ARRAY(SELECT unnest(reloptions) WHERE relkind = 'v' ORDER BY 1),
    'of', nullif(reloftype, 0)::regtype,
    'parents', ARRAY(SELECT format('%I.%I', nspname, parent.relname)
        FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent
        JOIN pg_namespace ON pg_namespace.oid = parent.relnamespace
        WHERE inhrelid = relation.oid ORDER BY inhseqno),
    'parts', CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END,
    'sequence', (SELECT concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin,
        seqcache, seqcycle) FROM pg_sequence WHERE seqrelid = relation.oid))
FROM relation

UNION ALL
SELECT 'view', name, pg_get_viewdef(oid) FROM relation WHERE relkind IN ('v', 'm')

UNION ALL
SELECT 'column', format('%s.%I', name, attname), concat_ws(E'\n',
    format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
    'identity', attidentity, 'generated', attgenerated,
    'default', pg_get_expr(adbin, adrelid),
    'collation', (SELECT format('%I.%I', nspname, collname) FROM pg_collation
        JOIN pg_namespace ON pg_namespace.oid = collnamespace
        WHERE pg_collation.oid = attcollation))
FROM relation
JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum

UNION ALL
-- Not null stands with its column: only newer servers have a constraint for it. A reference is
-- kept up by triggers of its own, which can be switched off behind its back.
SELECT 'constraint', format('%s.%I', coalesce(relation.name, kind.name), conname),
    concat_ws(E'\n', contype, pg_get_constraintdef(pg_constraint.oid), convalidated,
        'kept up by', ARRAY(
            SELECT concat_ws(' ', tgrelid::regclass, tgfoid::regproc, tgtype, tgenabled)
            FROM pg_trigger WHERE tgconstraint = pg_constraint.oid AND tgisinternal
              AND tgrelid NOT IN (SELECT oid FROM part) ORDER BY 1))
FROM pg_constraint
LEFT JOIN relation ON relation.oid = conrelid
LEFT JOIN kind ON kind.oid = contypid
WHERE contype <> 'n' AND (relation.oid IS NOT NULL OR kind.oid IS NOT NULL)

UNION ALL
-- One that is being built beside another (REINDEX CONCURRENTLY) proves nothing unique yet.
SELECT CASE WHEN indisunique AND indisvalid THEN 'unique index' ELSE 'index' END,
    format('%s on %s', quote_ident(pg_class.relname), relation.name),
    concat_ws(E'\n', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indimmediate)
FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid
JOIN relation ON relation.oid = indrelid

UNION ALL
SELECT 'trigger', format('%s.%I', name, tgname),
    concat_ws(E'\n', pg_get_triggerdef(pg_trigger.oid), tgenabled)
FROM pg_trigger JOIN relation ON relation.oid = tgrelid
WHERE NOT tgisinternal AND NOT (tgname = 'ts_insert_blocker' AND tgfoid IN (
    SELECT objid FROM member WHERE classid = 'pg_proc'::regclass))

UNION ALL
SELECT 'rule', format('%s.%I', name, rulename),
    concat_ws(E'\n', CASE WHEN rulename <> '_RETURN' THEN pg_get_ruledef(pg_rewrite.oid) END,
        ev_enabled)
FROM pg_rewrite JOIN relation ON relation.oid = ev_class

UNION ALL
SELECT 'policy', format('%s.%I', name, polname), concat_ws(E'\n',
    polcmd, polpermissive,
    'for', ARRAY(SELECT who.name FROM who WHERE who.oid = ANY (polroles) ORDER BY 1),
    'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
FROM pg_policy JOIN relation ON relation.oid = polrelid

UNION ALL
SELECT 'function', name, concat_ws(E'\n',
    prokind, lanname, (SELECT who.name FROM who WHERE who.oid = proowner),
    'as definer', prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel,
    'gives', format_type(prorettype, NULL), nullif(provariadic, 0)::regtype,
    'takes', proargnames, proargmodes,
    ARRAY(SELECT format_type(type, NULL)
          FROM unnest(proallargtypes) WITH ORDINALITY AS one (type, place) ORDER BY place),
    'defaults', pg_get_expr(proargdefaults, 'pg_proc'::regclass),
    'settings', ARRAY(SELECT unnest(proconfig) ORDER BY 1),
    'support', nullif(prosupport, 0)::regproc,
    'aggregate', (SELECT concat_ws(' ', aggkind, aggtransfn, aggfinalfn, aggcombinefn, agginitval,
        aggtranstype::regtype) FROM pg_aggregate WHERE aggfnoid = procedure.oid),
    'body', probin, prosrc, pg_get_function_sqlbody(procedure.oid))
FROM procedure JOIN pg_language ON pg_language.oid = prolang

UNION ALL
SELECT 'type', name, concat_ws(E'\n',
    typtype, (SELECT who.name FROM who WHERE who.oid = typowner),
    CASE WHEN typnotnull THEN 'not null' END, 'default', typdefault,
    'base', CASE typtype WHEN 'd' THEN format_type(typbasetype, typtypmod) END,
    'labels', ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = kind.oid
                    ORDER BY enumsortorder))
FROM kind

UNION ALL
-- Operators and casts decide what an expression means.
SELECT 'operator', pg_operator.oid::regoperator::text, concat_ws(E'\n',
    oprcode, oprrest, oprjoin, oprcanmerge, oprcanhash, who.name)
FROM pg_operator JOIN who ON who.oid = oprowner
WHERE oprnamespace IN (SELECT oid FROM space WHERE is_ours) AND NOT EXISTS (
    SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = pg_operator.oid)

UNION ALL
SELECT 'cast', format('%s as %s', format_type(castsource, NULL), format_type(casttarget, NULL)),
    concat_ws(E'\n', nullif(castfunc, 0)::regprocedure, castcontext, castmethod)
FROM pg_cast
WHERE pg_cast.oid >= 16384 AND NOT EXISTS (  -- what initdb made has lower numbers
    SELECT FROM member WHERE classid = 'pg_cast'::regclass AND objid = pg_cast.oid)

UNION ALL
SELECT CASE WHEN who.oid IN (SELECT oid FROM guarded) THEN 'grant' ELSE 'grant to others' END,
    format('to %s on %s', who.name, object),
    string_agg(DISTINCT concat(privilege_type, CASE WHEN is_grantable THEN '*' END), ' ')
FROM granted JOIN who ON who.oid = grantee
WHERE privilege_type <> 'MAINTAIN'  -- unknown to older servers, and changes no row
GROUP BY who.oid, who.name, object

UNION ALL
SELECT 'role', quote_ident(rolname), concat_ws(E'\n', rolsuper, rolinherit, rolcreaterole,
    rolcreatedb, rolcanlogin, rolreplication, rolbypassrls)
FROM pg_roles WHERE rolname IN ('coldgate_ingest', 'coldgate_analytics', 'coldgate_api')

UNION ALL
-- A part that is as its whole is not here: new ones come with time. A chunk is without the trigger
-- for statements until the next migration step.
SELECT 'part', format('%s (triggers)', part.name), concat_ws(E'\n', its.by_row, its.by_statement)
FROM part
JOIN part_triggers AS its ON its.oid = part.oid
JOIN part_triggers AS whole ON whole.oid = part.whole
WHERE its.by_row <> whole.by_row
   OR its.by_statement <> whole.by_statement AND (part.relispartition OR its.by_statement <> '{}')

UNION ALL
SELECT 'part', format('%s (rights)', part.name), concat_ws(E'\n',
    part.relkind, part.relhasrules, part.relrowsecurity, part.relforcerowsecurity,
    pg_get_userbyid(part.relowner), part.relacl)
FROM part JOIN pg_class AS whole ON whole.oid = part.whole
WHERE part.relkind <> 'r' OR part.relhasrules OR part.relforcerowsecurity
   OR (part.relrowsecurity, part.relowner) <> (whole.relrowsecurity, whole.relowner)
   OR EXISTS (SELECT grantee, privilege_type FROM aclexplode(part.relacl)
              WHERE grantee IN (SELECT oid FROM guarded)
              EXCEPT SELECT grantee, privilege_type FROM aclexplode(whole.relacl))
   OR EXISTS (SELECT FROM pg_policy WHERE polrelid = part.oid)

UNION ALL
SELECT 'part', format('%s (key)', part.name), 'missing'
FROM part
WHERE (SELECT count(*) FROM pg_constraint WHERE conrelid = part.oid AND contype IN ('p', 'u'))
    < (SELECT count(*) FROM pg_constraint WHERE conrelid = part.whole AND contype IN ('p', 'u'))

UNION ALL
SELECT 'schema', quote_ident(nspname), concat_ws(E'\n',
    (SELECT who.name FROM who WHERE who.oid = nspowner),
    ARRAY(SELECT concat_ws(' ', pg_proc.oid::regprocedure, prosecdef, proconfig, probin, prosrc)
          FROM pg_proc WHERE pronamespace = space.oid ORDER BY 1))
FROM space WHERE NOT is_ours

UNION ALL
SELECT 'event trigger', quote_ident(evtname), concat_ws(E'\n',
    evtevent, evtfoid::regproc, evtenabled, evttags)
FROM pg_event_trigger

UNION ALL
SELECT 'extension', quote_ident(extname), concat_ws(E'\n', extversion, (
    SELECT string_agg(member_is, E'\n' ORDER BY member_is) FROM (
        SELECT concat_ws(' ', classid::regclass, coalesce(
            (SELECT concat_ws(' ', objid::regprocedure, prosecdef, proconfig, probin, prosrc)
             FROM pg_proc WHERE classid = 'pg_proc'::regclass AND pg_proc.oid = objid),
            (SELECT objid::regclass::text WHERE classid = 'pg_class'::regclass),
            (SELECT identity FROM pg_identify_object(classid, objid, 0)))) AS member_is
        FROM member WHERE refobjid = pg_extension.oid) AS members))
FROM pg_extension

UNION ALL
SELECT 'setting', format('of %s in %s',
        CASE setrole WHEN 0 THEN '<everybody>' ELSE (SELECT name FROM who WHERE oid = setrole) END,
        CASE setdatabase WHEN 0 THEN 'all databases' ELSE 'this database' END),
    ARRAY(SELECT unnest(setconfig) ORDER BY 1)::text
FROM pg_db_role_setting
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))

UNION ALL
SELECT 'membership', format('of %s in %s', its.name, whole.name),
    string_agg(DISTINCT concat_ws(' ', admin_option,
        coalesce(to_jsonb(pg_auth_members) ->> 'inherit_option', 'true'),
        coalesce(to_jsonb(pg_auth_members) ->> 'set_option', 'true')), E'\n')
FROM pg_auth_members JOIN who AS its ON its.oid = member JOIN who AS whole ON whole.oid = roleid
WHERE member IN (SELECT oid FROM process) OR roleid IN (SELECT oid FROM process)
   OR whole.name = '<owner>'
GROUP BY its.name, whole.name

UNION ALL
SELECT CASE WHEN oid = (SELECT oid FROM landlord) THEN 'owner' ELSE 'login' END,
    quote_ident(rolname), concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
        rolreplication, rolinherit)
FROM pg_roles
WHERE oid = (SELECT oid FROM landlord)
   OR oid IN (SELECT oid FROM process) AND rolname !~ '^coldgate_(ingest|analytics|api)$'
