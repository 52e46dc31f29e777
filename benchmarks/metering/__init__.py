"""Metering: received files to monthly measures, by the project's own chain, by DuckDB and by Polars, in one
run.
"""
