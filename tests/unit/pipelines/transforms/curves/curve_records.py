"""Received days of a load curve, their meter, and what the refinement makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import yaml

from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import CurveOutcome, Outages, refine_curves
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
DAY = date(2026, 3, 2)
TODAY = date(2026, 6, 1)
DAY_TYPES: defaultdict[date, str] = defaultdict(lambda: "working_day")


def record(
    line: int = 2, content: str = "a", day: date = DAY, sent: datetime | None = None, **changes: Any
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(BronzeLoadCurves.columns())
    row |= {
        "content_hash": content,
        "line_number": line,
        "sent_at_utc": sent,
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "curve_date": day,
        "interval_minutes": 15,
        "measure_code": "mean_power",
        "values_unscaled": [1.0 + slot / 96 for slot in range(96)],
        "curve_month": f"{day:%Y-%m}",
    }
    return row | changes


def meter(
    multiplier: float = 100.0,
    meter_point: str = "MP-1",
    begins: date = date(2026, 1, 1),
    ends: date | None = None,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SilverMeterPoints.columns())
    return row | {
        "meter_point_id": meter_point,
        "valid_from_date": begins,
        "valid_to_date": ends,
        "meter_id": "M",
        "multiplier_ratio": multiplier,
        "provenance": "simulated",
        "computed_run_id": "r",
    }


def refine(
    rows: Sequence[dict[str, Any]],
    meters: Sequence[dict[str, Any]] = (meter(),),
    months: Sequence[str] = ("2026-03",),
    outages: Outages | None = None,
) -> CurveOutcome:
    return refine_curves(
        pa.Table.from_pylist(list(rows), BronzeLoadCurves.arrow_schema()),
        pa.Table.from_pylist(list(meters), SilverMeterPoints.arrow_schema()),
        DAY_TYPES,
        SETTINGS,
        months,
        TODAY,
        outages=outages,
    )
