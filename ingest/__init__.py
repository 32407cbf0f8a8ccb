"""Takes messages from the broker and commits them to the database before it acknowledges."""
