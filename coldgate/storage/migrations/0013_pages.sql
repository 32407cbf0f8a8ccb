-- What the days of a consignment's channels come to, so that a judgement reads only the days that
-- changed. Nothing here is truth: each row can be made again from `reading`, any of them may be
-- deleted at any time, and a judgement of the past does not look at them.

CREATE TABLE summary_page (
    placement_id bigint NOT NULL REFERENCES placement,
    channel_id integer NOT NULL REFERENCES channel,
    day integer NOT NULL,  -- since 1970 UTC, by the server's clock
    basis bytea NOT NULL CHECK (length(basis) = 32),  -- whatever else it depends on, as SHA-256
    seal bytea NOT NULL CHECK (length(seal) = 32),  -- SHA-256 of basis and body
    body bytea NOT NULL,
    PRIMARY KEY (placement_id, channel_id, day)
);
ALTER TABLE summary_page ALTER COLUMN body SET STORAGE EXTERNAL;  -- it is compressed already

GRANT SELECT, INSERT, UPDATE, DELETE ON summary_page TO coldgate_analytics;
