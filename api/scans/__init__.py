"""Scans of what is printed on the goods, beside what was consigned."""
