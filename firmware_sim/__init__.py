"""Simulated loggers: seeded journeys with known truth, delivered to a gateway in fast motion."""
