"""Days that never came, between days that did and at the end of a series."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import refine_curves
from tests.unit.pipelines.transforms.curves.curve_records import (
    DAY,
    DAY_TYPES,
    SETTINGS,
    meter,
    record,
    refine,
)


def test_a_day_that_never_came_lies_between_two_that_did() -> None:
    days = [DAY + timedelta(days=offset) for offset in (0, 1, 3, 4)]
    outcome = refine([record(number, day=day) for number, day in enumerate(days)])
    assert outcome.curves["curve_date"].to_pylist() == [DAY + timedelta(days=offset) for offset in range(5)]
    absent = outcome.curves.slice(2, 1).to_pylist()[0]
    assert absent["measured_kwh_or_kvarh"] == [None] * 96
    assert absent["estimated_intervals"] == 96
    assert absent["failed_checks"] == ["VEE-V01"]
    assert absent["final_kwh_or_kvarh"] == pytest.approx(outcome.curves["final_kwh_or_kvarh"][0].as_py())


def around_a_silence(days: int) -> list[dict[str, Any]]:
    """Forty days, a silence, and forty more."""
    after = DAY + timedelta(days=40 + days)
    rows = [
        *(record(2 + offset, day=DAY + timedelta(days=offset)) for offset in range(40)),
        *(record(90 + offset, day=after + timedelta(days=offset)) for offset in range(40)),
    ]
    months = [f"2026-{month:02d}" for month in range(3, 13)]
    points = pa.Table.from_pylist([meter()], SilverMeterPoints.arrow_schema())
    bronze = pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())
    return refine_curves(bronze, points, DAY_TYPES, SETTINGS, months, date(2026, 12, 1)).curves.to_pylist()


@pytest.mark.parametrize(
    "days",
    [int(SETTINGS.gaps.limit_days), int(SETTINGS.gaps.limit_days) + 1, SETTINGS.gaps.longest_silence_days],
)
def test_every_day_of_a_silence_is_there_estimated_up_to_the_limit_and_missing_beyond(days: int) -> None:
    rows = around_a_silence(days)
    silent = rows[40 : 40 + days]
    filled = days <= SETTINGS.gaps.limit_days
    assert [row["curve_date"] for row in rows] == [
        DAY + timedelta(days=offset) for offset in range(80 + days)
    ]
    assert {(row["estimated_intervals"], row["missing_intervals"]) for row in silent} == {
        (96, 0) if filled else (0, 96)
    }
    assert {tuple(row["failed_checks"]) for row in silent} == {("VEE-V01",)}
    assert not [row for row in rows if "VEE-V35" in row["failed_checks"]]


def test_a_silence_beyond_all_measure_ends_the_series_and_the_day_after_it_tells() -> None:
    rows = around_a_silence(SETTINGS.gaps.longest_silence_days + 1)
    assert len(rows) == 80
    assert [row["curve_date"] for row in rows if "VEE-V35" in row["failed_checks"]] == [
        DAY + timedelta(days=40 + SETTINGS.gaps.longest_silence_days + 1)
    ]
    assert {row["measured_intervals"] for row in rows} == {96}


def test_a_series_that_goes_on_with_another_length_has_no_open_end() -> None:
    """Quarters of an hour up to noon of the fourth day, hours from the fifth on: the afternoon between is a
    gap, and one like any.
    """
    rows = [record(offset + 2, day=DAY + timedelta(days=offset)) for offset in range(4)]
    rows[3]["values_unscaled"] = [1.0 + slot / 96 if slot < 48 else None for slot in range(96)]
    hourly = record(
        6,
        day=DAY + timedelta(days=4),
        interval_minutes=60,
        values_unscaled=[1.0 + slot / 24 for slot in range(24)],
    )
    estimated = {
        row["curve_date"]: row["estimated_intervals"] for row in refine([*rows, hourly]).curves.to_pylist()
    }
    assert estimated[DAY + timedelta(days=3)] == 48
    assert {row["curve_date"]: row["missing_intervals"] for row in refine(rows).curves.to_pylist()}[
        DAY + timedelta(days=3)
    ] == 48
