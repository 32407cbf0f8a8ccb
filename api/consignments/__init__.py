"""Goods and their journeys: products, lots, consignments, placements, events, readings."""
