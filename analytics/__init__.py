"""The judge: readings in, PASS, HOLD or FAIL out; pure arithmetic, no clock, no network."""
