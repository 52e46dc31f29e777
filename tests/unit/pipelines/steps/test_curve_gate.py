"""The gate on curves, broken on purpose: a measured value changed, an array cut, a key twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from pipelines.codes import IntervalStatus
from pipelines.steps.silver import curve_violations
from pipelines.transforms.curves.silver_curve_rows import CURVES_SCHEMA


def curves(*changes: dict[str, Any]) -> pa.Table:
    whole: dict[str, Any] = {
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "curve_date": date(2026, 9, 1),
        "interval_minutes": 60,
        "measured_kwh_or_kvarh": [1.0] * 24,
        "final_kwh_or_kvarh": [1.0] * 24,
        "interval_status_codes": [int(IntervalStatus.MEASURED)] * 24,
        "failed_check_bits": [0] * 24,
        "failed_checks": [],
        "measured_intervals": 24,
        "estimated_intervals": 0,
        "missing_intervals": 0,
        "curve_month": "2026-09",
    }
    return pa.Table.from_pylist([whole | change for change in changes], CURVES_SCHEMA)


def found(*changes: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in curve_violations(curves(*changes)).items() if count}


def test_whole_days_break_nothing() -> None:
    assert found({}, {"curve_date": date(2026, 9, 2)}) == {}


def test_a_changed_measured_value_is_counted() -> None:
    assert found({"final_kwh_or_kvarh": [1.0] * 23 + [1.0000001]}) == {"measured_values_changed": 1}
    assert found({"final_kwh_or_kvarh": [None] + [1.0] * 23}) == {"measured_values_changed": 1}


def test_an_estimate_may_differ_from_what_was_measured() -> None:
    status = [int(IntervalStatus.ESTIMATED_LINEAR)] + [int(IntervalStatus.MEASURED)] * 23
    assert found({"final_kwh_or_kvarh": [5.0] + [1.0] * 23, "interval_status_codes": status}) == {}


def test_a_cut_array_and_a_repeated_key_are_counted() -> None:
    assert found({"failed_check_bits": [0] * 23}) == {"arrays_of_wrong_length": 1}
    assert found({}, {}) == {"keys_repeated": 1}
