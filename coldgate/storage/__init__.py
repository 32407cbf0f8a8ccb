"""All SQL of Coldgate and every connection to PostgreSQL.

Functions here take the connection first and never commit: whoever opened the transaction does.
"""
