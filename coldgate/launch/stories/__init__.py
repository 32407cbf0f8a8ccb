"""Stories that are told on a real machine, each answer compared with what must come."""
