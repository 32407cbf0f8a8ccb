-- Logins of the three processes; runs once, when the database volume is made (psql 14 or newer).
-- NOINHERIT: a login may do nothing but take on its own role, and the owner's password stays with
-- the one-shot migrate.
\getenv ingest_password COLDGATE_INGEST_DATABASE_PASSWORD
\getenv analytics_password COLDGATE_ANALYTICS_DATABASE_PASSWORD
\getenv api_password COLDGATE_API_DATABASE_PASSWORD

CREATE ROLE coldgate_ingest NOLOGIN;
CREATE ROLE coldgate_analytics NOLOGIN;
CREATE ROLE coldgate_api NOLOGIN;

CREATE ROLE ingest LOGIN NOINHERIT PASSWORD :'ingest_password' IN ROLE coldgate_ingest;
CREATE ROLE analytics LOGIN NOINHERIT PASSWORD :'analytics_password' IN ROLE coldgate_analytics;
CREATE ROLE api LOGIN NOINHERIT PASSWORD :'api_password' IN ROLE coldgate_api;
