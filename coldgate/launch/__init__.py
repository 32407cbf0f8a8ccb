"""Everything on one machine: embedded PostgreSQL, embedded broker and the supervisor."""
