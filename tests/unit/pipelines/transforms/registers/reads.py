"""Register reads, their meter, and the energy between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import yaml

from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.registers.register_energy import derive_reads
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
DAY = date(2026, 3, 1)


def read(
    day: int, register: str, channel: str = "active_forward", meter_point: str = "MP-1"
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(BronzeRegisterReads.columns())
    return row | {
        "content_hash": "a",
        "line_number": day + 10,
        "meter_point_id": meter_point,
        "channel_code": channel,
        "read_date": DAY + timedelta(days=day),
        "register_unscaled": Decimal(register),
        "read_month": "2026-03",
    }


def meter(
    begins: int = 1,
    ends: int | None = None,
    multiplier: float = 1000.0,
    meter_point: str = "MP-1",
    **changes: Any,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SilverMeterPoints.columns())
    row |= {
        "meter_point_id": meter_point,
        "valid_from_date": DAY + timedelta(days=begins),
        "valid_to_date": None if ends is None else DAY + timedelta(days=ends),
        "meter_id": f"M{begins}",
        "multiplier_ratio": multiplier,
        "register_digits": 4,
        "register_decimals": 2,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    return row | changes


def derive(
    reads: Sequence[dict[str, Any]], meters: Sequence[dict[str, Any]] = (meter(),)
) -> list[dict[str, Any]]:
    table = derive_reads(
        pa.Table.from_pylist(list(reads), BronzeRegisterReads.arrow_schema()),
        pa.Table.from_pylist(list(meters), SilverMeterPoints.arrow_schema()),
        SETTINGS,
    )
    return list(table.to_pylist())


def rated(
    day: int,
    register: str,
    rates: Sequence[str | None] | None,
    channel: str = "active_forward",
    **changes: Any,
) -> dict[str, Any]:
    lists = None if rates is None else [None if rate is None else Decimal(rate) for rate in rates]
    return read(day, register, channel) | {"rate_registers_unscaled": lists} | changes
