"""The gate: may these goods leave, may they be used."""
