"""Validation, estimation and editing of load curves: kernels on (days x slots) arrays; no Spark inside."""
