"""Long files of a few lines and the mapping they are read under."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.formats import (
    FormatSettings,
    LongForm,
    LongMapping,
    ReadResult,
)
from pipelines.formats.contract import rows_schema
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
PLAIN: dict[str, Any] = {
    "id": "plain",
    "interval_minutes": 30,
    "meter_point": {"column": "meter", "prefix": "MP-"},
    "stamp": {"column": "ts", "place": "interval_start", "zone": "+08:00"},
    "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
}


def mapping(**changes: Any) -> LongMapping:
    return LongMapping.model_validate(PLAIN | changes)


def stamped(**changes: str) -> dict[str, Any]:
    return {"stamp": PLAIN["stamp"] | changes}


def read(text: str | bytes, declared: LongMapping, name: str = "long.csv") -> ReadResult:
    result = LongForm(declared).read(text.encode() if isinstance(text, str) else text, name, SETTINGS)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    assert result.rows.schema == rows_schema(BronzeLoadCurves)
    return result


def told(result: ReadResult) -> dict[tuple[str, str, date], dict[int, float]]:
    """The values that came, by meter point, channel and day, and within it by slot."""
    return {
        (row["meter_point_id"], row["channel_code"], row["curve_date"]): {
            slot: value for slot, value in enumerate(row["values_unscaled"]) if value is not None
        }
        for row in result.rows.to_pylist()
    }


def lines(*rows: str, header: str = "meter,ts,kwh") -> str:
    return "\n".join([header, *rows]) + "\n"


def as_parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def stamps(meter: str, minutes: int, count: int, first: datetime = datetime(2026, 9, 1)) -> list[str]:  # noqa: DTZ001 - a sender's local time
    return [f"{meter},{first + timedelta(minutes=minutes * place)},{place % 7 + 1}" for place in range(count)]
