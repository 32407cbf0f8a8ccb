"""Where readings come from: loggers on the spot, and folders of logger files."""
