"""Whom the gate trusts: carriers by profile, and what consignor and consignee agreed on."""
