"""Holds of lots: placed by who owns the product, lifted by a signature."""
