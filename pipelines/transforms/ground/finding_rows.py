"""What checks of registers and of days found, as rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.tables.base import STRING
from pipelines.tables.findings import FINDINGS_SCHEMA
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.transforms.ground.local_days import day_numbers, month_column
from pipelines.vee.blocks import DayBlock, RegisterBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.check import Check
from pipelines.vee.validation.checks import find_failures


def findings_of(
    rows: pa.Table, block: RegisterBlock | DayBlock, checks: Sequence[Check], settings: VeeSettings
) -> pa.Table:
    """One row for each time a check fires on a row, as FINDINGS_SCHEMA; ``rows`` and ``block`` speak of the
    same rows in the same order.
    """
    failed, check = find_failures(block, settings, checks)
    found = rows.select(["meter_point_id", "channel_code", "energy_date", "energy_kwh_or_kvarh"]).take(
        pa.array(failed)
    )
    columns = {
        "meter_point_id": found["meter_point_id"],
        "channel_code": found["channel_code"],
        "finding_date": found["energy_date"],
        "check_id": pa.array([each.id for each in checks], STRING).take(pa.array(check)),
        "judged_kwh_or_kvarh": found["energy_kwh_or_kvarh"].cast(pa.float64()),
        "limit_text": pa.array([each.limits(settings) for each in checks], STRING).take(pa.array(check)),
        "finding_month": month_column(day_numbers(found["energy_date"])),
    }
    return (
        pa.table({name: columns[name] for name in FINDINGS_SCHEMA.names})
        .cast(FINDINGS_SCHEMA)
        .combine_chunks()
    )


def series_of(meter_points: pa.ChunkedArray, channels: pa.ChunkedArray) -> IntArray:
    """(rows) one number for each meter point and channel."""
    point, _ = ranks(meter_points)
    channel, names = ranks(channels)
    return point * max(1, len(names)) + channel


def equals(column: pa.ChunkedArray, value: str) -> BoolArray:
    """(rows) whether a text is there and equals the value."""
    return np.asarray(pc.fill_null(pc.equal(column, value), False).to_numpy(), dtype=np.bool_)
