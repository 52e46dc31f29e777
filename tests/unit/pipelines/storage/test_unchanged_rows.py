"""Which rows keep their run: those that are equal in every business column, lists and nulls among them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.storage.unchanged_rows import with_run
from pipelines.tables.silver import SilverDayCurves

SCHEMA = pa.schema([field for field in SilverDayCurves.arrow_schema() if field.name != "computed_run_id"])


def row(day: int, **changes: Any) -> dict[str, Any]:
    return {
        "meter_point_id": "MP",
        "channel_code": "active_forward",
        "curve_date": date(2026, 9, day),
        "interval_minutes": 720,
        "measured_kwh_or_kvarh": [1.0, None],
        "final_kwh_or_kvarh": [1.0, 2.0],
        "interval_status_codes": [1, 2],
        "expected_low_kwh_or_kvarh": None,
        "expected_high_kwh_or_kvarh": [None, 3.0],
        "failed_check_bits": [0, 1],
        "failed_checks": [],
        "measured_intervals": 1,
        "estimated_intervals": 1,
        "missing_intervals": 0,
        "curve_month": "2026-09",
    } | changes


def runs(now: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    stands = pa.Table.from_pylist(
        [each | {"computed_run_id": f"old-{place}"} for place, each in enumerate(before)],
        SilverDayCurves.arrow_schema(),
    )
    rows = with_run(pa.Table.from_pylist(now, SCHEMA), "new", SilverDayCurves, stands)
    assert rows.num_rows == len(now)
    return [str(value) for value in rows.column("computed_run_id").to_pylist()]


def test_an_equal_row_keeps_its_run_in_any_order() -> None:
    assert runs([row(1), row(2), row(3)], [row(3), row(1)]) == ["old-1", "new", "old-0"]


@pytest.mark.parametrize(
    "changes",
    [
        {"measured_kwh_or_kvarh": [1.0, 2.0]},
        {"measured_kwh_or_kvarh": [None, 1.0]},
        {"final_kwh_or_kvarh": [1.0, 2.0000000000000004]},
        {"interval_status_codes": [1, 3]},
        {"expected_low_kwh_or_kvarh": [None, 1.0]},
        {"expected_high_kwh_or_kvarh": None},
        {"failed_checks": ["VEE-V01"]},
        {"final_kwh_or_kvarh": [1.0, 2.0, 3.0]},
        {"estimated_intervals": 0},
    ],
)
def test_any_difference_in_a_business_column_makes_it_this_runs(changes: dict[str, Any]) -> None:
    assert runs([row(1), row(2, **changes), row(3)], [row(1), row(2), row(3)]) == ["old-0", "new", "old-2"]


def test_nothing_stands_yet_or_any_more() -> None:
    assert runs([row(1)], []) == ["new"]
    assert runs([], [row(1)]) == []
    plain = with_run(pa.table({"amount": [Decimal("1.00")]}), "new")
    assert plain.column("computed_run_id").to_pylist() == ["new"]
