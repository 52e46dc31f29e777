"""Readings of Green Button files as typed columns, and as the Parquet file that a mapping reads."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason
from pipelines.formats.documents.espi import Readings, read_espi
from pipelines.formats.mapping import LongMapping

COLUMNS = ("usage_point", "start", "duration", "value", "flow_direction", "quality")
WATT_HOURS = "72"
POWERS = frozenset(map(str, range(-9, 13)))
_UNSIGNED, _SIGNED = r"^[0-9]{1,12}$", r"^-?[0-9]{1,15}$"


def mapped_parquet(content: bytes, name: str, mapping: LongMapping, settings: FormatSettings) -> bytes:
    """The readings of a file as the Parquet file that a mapping of COLUMNS reads; values in what the mapping
    says where the file does not, times the file's power of ten.

    Raises InputRefusedError as ``read_espi`` does, and wrong_type where the file says watt-hours and the
    mapping something else.
    """
    readings = read_espi(content, name, settings)
    units = {value.unit for value in mapping.values if value.column == "value"}
    if units - {"wh"} and any(told is not None and told.unit == WATT_HOURS for told in readings.types):
        reason = f"the file counts in Wh (uom 72), the mapping says {', '.join(sorted(units))}"
        raise InputRefusedError(name, RefusalReason.WRONG_TYPE, reason, column="value")
    return as_parquet(readings_table(readings))


def as_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none")
    return sink.getvalue()


def readings_table(readings: Readings) -> pa.Table:
    """COLUMNS of all readings; null where a number is none."""
    block = pa.array(readings.block, pa.int64())
    powers = [10.0 ** int(told.power) if told and told.power in POWERS else 1.0 for told in readings.types]
    directions = [told.direction if told else "" for told in readings.types]
    start = _numbers(readings.start, _UNSIGNED)
    return pa.table(
        {
            "usage_point": pa.array(readings.points, pa.string()).take(block),
            "start": pc.cast(start, pa.timestamp("s", tz="UTC")),
            "duration": _numbers(readings.duration, _UNSIGNED),
            "value": pc.multiply(
                _numbers(readings.value, _SIGNED).cast(pa.float64()), pa.array(powers).take(block)
            ),
            "flow_direction": pa.array(directions, pa.string()).take(block),
            "quality": _or_null(pa.array(readings.quality, pa.string())),
        }
    )


def _numbers(texts: list[str], pattern: str) -> pa.Array:
    column = pa.array(texts, pa.string())
    return pc.if_else(pc.match_substring_regex(column, pattern), column, pa.scalar(None, pa.string())).cast(
        pa.int64()
    )


def _or_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
