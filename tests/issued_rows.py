"""Rows that a product issued, held by the driver or by Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def rows_in(found: DataFrame | pa.Table) -> list[dict[str, Any]]:
    """A small month is issued on the driver, as rows; a large one by Spark, as a frame."""
    rows: list[dict[str, Any]] = (found if isinstance(found, pa.Table) else found.toArrow()).to_pylist()
    return rows
