-- The outbox of one gateway: one file is one stream. A new file means a factory reset.

CREATE TABLE IF NOT EXISTS stream (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    next_number INTEGER NOT NULL DEFAULT 1,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    rejected_pruned INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS logger (
    id INTEGER PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    next_sequence INTEGER NOT NULL DEFAULT 1,
    known_readings INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Readings that are on disk and confirmed to the logger, but not yet in a message.
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stored_ms INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Numbered and signed: these bytes never change, so that a resend is identical.
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY,
    stored_ms INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    refused_code TEXT,
    payload BLOB NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS message_sha256 ON message (sha256);

-- What the server refused, byte for byte.
CREATE TABLE IF NOT EXISTS rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rejected_ms INTEGER NOT NULL,
    number INTEGER NOT NULL,
    code TEXT NOT NULL,
    serial TEXT NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (number, code, serial)
) STRICT;

-- Which readings were taken already, to drop an exact redelivery.
CREATE TABLE IF NOT EXISTS known (
    logger INTEGER NOT NULL,
    taken_ms INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    PRIMARY KEY (logger, taken_ms, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stored_hour (
    hour INTEGER PRIMARY KEY,
    readings INTEGER NOT NULL
) STRICT;

-- Logger files by digest: each is taken, or complained about, once.
CREATE TABLE IF NOT EXISTS file (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    seen_ms INTEGER NOT NULL,
    problem TEXT,
    report TEXT
) STRICT;
