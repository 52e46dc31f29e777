"""Rows that a product issued: held by the driver, or in files that wait for their commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.engine.issued_files import (
    IssuedFiles,
    commit_issued,
    issue_files,
    judge_issued,
    rows_of_issued,
)
from pipelines.engine.revisions import Bucket, Rows, Standing, split_result, subject_key
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def table_of(found: DataFrame | pa.Table) -> pa.Table:
    """Rows that the driver holds, or those of a frame."""
    return found if isinstance(found, pa.Table) else found.toArrow()


def rows_in(found: DataFrame | pa.Table) -> list[dict[str, Any]]:
    """The same as dicts."""
    rows: list[dict[str, Any]] = table_of(found).to_pylist()
    return rows


def waiting_rows(location: Callable[[type[Table]], str], found: Mapping[type[Table], Any]) -> Rows:
    """Rows of files that wait for their commit, by table; what else was found stays as it is."""
    return {
        table: rows_of_issued(location, table, made) if isinstance(made, IssuedFiles) else made
        for table, made in found.items()
    }


def issued_rows(given: Any, found: Mapping[type[Table], Any]) -> dict[type[Table], list[dict[str, Any]]]:
    """Rows by table, in the columns that the product itself fills.

    given  Inputs, whose ``location`` tells where workers wrote.
    """
    rows = waiting_rows(given.location, found)
    return {table: rows_in(held.select(product_schema(table).names)) for table, held in rows.items()}


def issue(store: Store, rows: Rows, run: str, rules: str = "", step: str = "step") -> dict[str, int]:
    """Issues rows of a product as the runner does; how many are new, by table."""
    result, _ = split_result(list(rows))
    standing = Standing({table: store.data_paths(table) for table in rows}, Bucket(subject_key(result)[0]))
    issued = issue_files(rows, standing, {table: store.path(table) for table in rows}, run, rules)
    judge_issued(issued)
    commit_issued(store, issued, step)
    return {table.name: found.rows for table, found in issued.items()}
