-- name: insert
INSERT INTO seal (consignment_id, logger_id, last_sequence, declared_by)
VALUES (%(consignment)s, %(logger)s, %(last_sequence)s, %(party)s)
RETURNING id, (SELECT serial FROM logger WHERE logger.id = logger_id) AS serial,
    (SELECT party_id FROM logger WHERE logger.id = logger_id) AS party_id,
    last_sequence, declared_by, declared_at

-- name: seals
SELECT seal.id, logger.serial, logger.party_id, seal.last_sequence, seal.declared_by,
    seal.declared_at
FROM seal JOIN logger ON logger.id = seal.logger_id
WHERE seal.consignment_id = %(consignment)s
ORDER BY seal.id

-- name: logs
-- Of each stay: the numbers from its first reading to the declared last one that are not stored.
-- Without a fitting declaration they are counted up to the highest that is stored.
WITH wanted AS (
    SELECT logger_id, first_at, last_at, ordinal
    FROM unnest(%(loggers)s::integer[], %(first)s::timestamptz[], %(last)s::timestamptz[])
        WITH ORDINALITY AS listed (logger_id, first_at, last_at, ordinal)
)
SELECT coalesce(sealed.last_sequence, stay.highest) - stay.lowest + 1 - stored.numbers,
       sealed.last_sequence IS NOT NULL
FROM wanted
CROSS JOIN LATERAL (
    SELECT min(reading.sequence) AS lowest, max(reading.sequence) AS highest
    FROM channel JOIN reading ON reading.channel_id = channel.id
    WHERE channel.logger_id = wanted.logger_id
      AND reading.taken_at BETWEEN wanted.first_at AND wanted.last_at
) AS stay
LEFT JOIN LATERAL (
    SELECT seal.last_sequence
    FROM seal
    WHERE seal.consignment_id = %(consignment)s AND seal.logger_id = wanted.logger_id
      AND seal.last_sequence >= stay.highest
      AND EXISTS (
          SELECT FROM channel JOIN reading ON reading.channel_id = channel.id
          WHERE channel.logger_id = wanted.logger_id
            AND reading.taken_at >= wanted.first_at
            AND reading.sequence = seal.last_sequence)
    ORDER BY seal.last_sequence
    LIMIT 1
) AS sealed ON true
CROSS JOIN LATERAL (
    SELECT count(DISTINCT reading.sequence) AS numbers
    FROM channel JOIN reading ON reading.channel_id = channel.id
    WHERE channel.logger_id = wanted.logger_id
      AND reading.taken_at >= wanted.first_at
      AND reading.sequence BETWEEN stay.lowest AND coalesce(sealed.last_sequence, stay.highest)
) AS stored
ORDER BY wanted.ordinal
