-- Profiles that parties write, and the days on which goods may be frozen to one.
ALTER TABLE profile ADD COLUMN party_id text REFERENCES party;  -- NULL: ships with Coldgate
ALTER TABLE profile ADD COLUMN valid_from date;
ALTER TABLE profile ADD COLUMN valid_until date;  -- the last day
ALTER TABLE profile ADD CHECK (valid_until >= valid_from);
