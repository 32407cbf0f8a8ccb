"""The quality loop: what follows from an evaluation, and the deviations on record."""
