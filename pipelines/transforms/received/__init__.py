"""Received records: which one stands, what is wrong with it, and its silver form."""
