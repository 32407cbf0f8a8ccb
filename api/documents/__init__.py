"""Documents about goods: kept byte for byte, demanded by products, verified at the gate."""
