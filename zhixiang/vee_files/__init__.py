"""Validation and estimation of anybody's files, outside the store."""
