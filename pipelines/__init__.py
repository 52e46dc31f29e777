"""Spark pipelines: received metering files become clean, billable, learnable tables."""
