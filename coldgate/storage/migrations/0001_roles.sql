-- Group roles of the three processes. Logins are made members of them by whoever runs the
-- database; a process takes its role on when it connects.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['coldgate_ingest', 'coldgate_analytics', 'coldgate_api'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the whole server; another database of it made this one
        END;
        EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO coldgate_ingest, coldgate_analytics, coldgate_api;

-- Truth is append-only: no role is granted UPDATE, DELETE or TRUNCATE on these tables, and this
-- trigger refuses all three to the owner as well.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'Write a new row that says what changed.';
END
$$;

-- For a part of a table: it takes the triggers for rows over from the whole, but not this one.
CREATE FUNCTION refuse_truncate(target regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER truncate_is_refused BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END
$$;

CREATE FUNCTION make_append_only(target regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER change_is_refused BEFORE UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
    PERFORM refuse_truncate(target);
END
$$;
