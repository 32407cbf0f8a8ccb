-- Who takes part, what travels, and with what it is measured.

CREATE TABLE party (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{2,31}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL CHECK (kind IN ('manufacturer', 'carrier', 'consignee', 'operator')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 100),
    key_sha256 bytea NOT NULL UNIQUE CHECK (length(key_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE TABLE gateway (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{2,31}$'),
    party_id text NOT NULL REFERENCES party,
    partition text NOT NULL CHECK (partition ~ '^p(0[0-9]|1[0-5])$'),
    public_key text NOT NULL,  -- Ed25519, base64url: signs what the gateway sends
    secret_hash text NOT NULL,  -- broker password, PBKDF2-SHA512
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE TABLE gateway_status (
    gateway_id integer PRIMARY KEY REFERENCES gateway,
    received_at timestamptz NOT NULL,
    body jsonb NOT NULL
);

CREATE TABLE logger (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial text NOT NULL CHECK (length(serial) BETWEEN 1 AND 64),
    party_id text NOT NULL REFERENCES party,
    model text NOT NULL DEFAULT '',
    interval_ms integer CHECK (interval_ms > 0),  -- NULL: the median of the stamps (S9)
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    UNIQUE (party_id, serial)
);

CREATE TABLE channel (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logger_id integer NOT NULL REFERENCES logger,
    sensor smallint NOT NULL CHECK (sensor BETWEEN 0 AND 255),
    quantity smallint NOT NULL CHECK (quantity BETWEEN 1 AND 5),
    UNIQUE (logger_id, sensor, quantity)
);

CREATE TABLE profile (
    id text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    digest text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);

CREATE TABLE product (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{2,31}$'),
    party_id text NOT NULL REFERENCES party,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    gtin text CHECK (gtin ~ '^[0-9]{14}$'),
    freeze_sensitive boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE lot (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL REFERENCES product,
    number text NOT NULL CHECK (number ~ '^[!-z]{1,20}$'),  -- GS1 application identifier 10
    expires_on date NOT NULL,  -- last day of use
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, number)
);

SELECT make_append_only('profile');

GRANT SELECT ON party, gateway, logger, channel TO coldgate_ingest, coldgate_analytics;
GRANT INSERT ON channel TO coldgate_ingest, coldgate_api;
GRANT SELECT, INSERT, UPDATE ON gateway_status TO coldgate_ingest;
GRANT SELECT ON gateway_status TO coldgate_api;
GRANT SELECT ON profile, product, lot TO coldgate_analytics;
GRANT SELECT, INSERT ON party, api_key, gateway, logger, profile, product, lot TO coldgate_api;
GRANT SELECT ON channel TO coldgate_api;
GRANT UPDATE (revoked_at) ON api_key, gateway, logger TO coldgate_api;
GRANT UPDATE (secret_hash) ON gateway TO coldgate_api;
