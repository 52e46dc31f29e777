"""Declared tables of a few rows, and a meter point of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from pipelines.tables.base import Table

DAY = date(2026, 3, 1)


def arrow_rows(table: type[Table], rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        rows, schema=pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    )


METER = {
    "meter_point_id": "MP-1",
    "valid_from_date": DAY,
    "customer_id": "C1",
    "meter_id": "M1",
    "multiplier_ratio": 10.0,
    "register_digits": 6,
    "register_decimals": 2,
    "provenance": "simulated",
}
