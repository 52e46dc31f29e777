"""Rows that a product issued, held by the driver or by Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def table_of(found: DataFrame | pa.Table) -> pa.Table:
    """A small month is issued on the driver, as rows; a large one by Spark, as a frame."""
    return found if isinstance(found, pa.Table) else found.toArrow()


def rows_in(found: DataFrame | pa.Table) -> list[dict[str, Any]]:
    """The same as dicts."""
    rows: list[dict[str, Any]] = table_of(found).to_pylist()
    return rows
