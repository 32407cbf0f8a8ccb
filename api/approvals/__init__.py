"""Requests for signatures: who signs what, in which order, and the proof that they did."""
