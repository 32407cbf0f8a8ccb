"""Edge agent: takes readings from loggers and files, keeps them on disk, delivers them once."""
