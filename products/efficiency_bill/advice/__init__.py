"""Advice in yuan: the month priced again with one thing changed."""
