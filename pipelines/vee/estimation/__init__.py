"""Estimates of missing intervals: methods, choice, back test, agreement with registers."""
