"""Checks of records, registers, intervals and days, and their kernels."""
