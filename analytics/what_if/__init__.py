"""What another profile would have said of the past: the pure part of the dry run."""
