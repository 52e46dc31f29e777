"""Headers and rows of the received formats, as a sender would write them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from pipelines.formats.contract import declared_columns
from pipelines.formats.day_read import COLUMNS as DAY_READ_COLUMNS
from pipelines.formats.power_curve import COLUMNS as POWER_CURVE_COLUMNS
from pipelines.tables.base import Table

__all__ = ["DAY_READ_COLUMNS", "POWER_CURVE_COLUMNS", "day_read_row", "declared_header", "declared_row"]


def declared_header(table: type[Table]) -> tuple[str, ...]:
    """Header of a file in the declared form, without the columns that a file may lack."""
    optional = {field.name for field in table.fields() if field.optional}
    return (*(name for name in declared_columns(table) if name not in optional), "sent_at")


def declared_row(table: type[Table], values: dict[str, str]) -> list[str]:
    """A row of a file in the declared form; columns without a value stay empty, a name that is no column is
    an error.
    """
    header = declared_header(table)
    unknown = set(values) - set(header)
    if unknown:
        raise KeyError(f"{table.name} has no columns {sorted(unknown)}")
    return [values.get(column, "") for column in header]


def day_read_row(meter_point_id: str, read_type: str, day: date, register: Decimal) -> list[str]:
    """A frozen register: taken at the midnight that ends the day, sent (assumed) 70 minutes later."""
    following = (day + timedelta(days=1)).isoformat()
    return [
        meter_point_id,
        read_type,
        day.isoformat(),
        f"{following} 00:00:00",
        str(register),
        "",
        "",
        "",
        "",
        "",
        f"{following} 01:10:00",
    ]
