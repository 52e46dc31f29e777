"""Received curves whose unit is wrong for a month, with registers and a capacity beside them: silver and gold
tell of it, though the published days agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.days.day_findings import judge_days
from tests.unit.pipelines.transforms.curves.curve_records import DAY_TYPES, SETTINGS, meter, record

FIRST, DAYS, TODAY = date(2026, 3, 2), 90, date(2026, 9, 1)
MONTHS = ("2026-03", "2026-04", "2026-05")
WRONG = range(30, 60)
HOURS = np.arange(96) / 4


def works(day: int) -> np.ndarray:
    """A works with two shifts: 20 kWh at night, 100 by day, and a little of its own each day. [kWh]"""
    return np.where((HOURS >= 6) & (HOURS < 22), 100.0, 20.0) + (np.arange(96) * 7 + day * 13) % 10 / 10


def refined(
    values: np.ndarray, channel: str, capacity_kva: float | None, registers: Registers | None
) -> tuple[pa.Table, pa.Table]:
    """silver_day_curves and the meter points of them. values: (days x slots) [kWh]"""
    rows = [
        record(
            line=number + 2,
            day=FIRST + timedelta(days=number),
            channel_code=channel,
            interval_minutes=1440 // values.shape[1],
            measure_code="energy",
            values_unscaled=[None if np.isnan(value) else float(value) for value in day],
        )
        for number, day in enumerate(values)
    ]
    points = pa.Table.from_pylist(
        [meter(1.0) | {"capacity_kva": capacity_kva}], SilverMeterPoints.arrow_schema()
    )
    outcome = refine_curves(
        pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema()),
        points,
        DAY_TYPES,
        SETTINGS,
        MONTHS,
        TODAY,
        registers=registers,
    )
    return outcome.curves, points


def reads() -> pa.Table:
    """What the register counted on each day."""
    rows = [
        dict.fromkeys(SilverRegisterEnergy.columns())
        | {
            "meter_point_id": "MP-1",
            "channel_code": "active_forward",
            "energy_date": FIRST + timedelta(days=number),
            "span_days": 1,
            "energy_kwh_or_kvarh": Decimal(f"{works(number).sum():.2f}"),
            "resolution_kwh_or_kvarh": Decimal("0.01"),
            "register_rule_code": "normal",
        }
        for number in range(DAYS)
    ]
    names = [field.name for field in REGISTER_SCHEMA]
    schema = pa.schema([field.with_nullable(True) for field in SilverRegisterEnergy.arrow_schema()])
    table = pa.Table.from_pylist(rows, schema)
    assert set(names) <= set(table.column_names)
    return table


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_a_month_in_another_unit_is_told_though_its_days_agree_with_the_registers(factor: float) -> None:
    values = np.array([works(day) * (factor if day in WRONG else 1.0) for day in range(DAYS)])
    read = reads()

    def energy(_points: Sequence[str]) -> pa.Table:
        return read.select(REGISTER_SCHEMA.names).cast(REGISTER_SCHEMA)

    # 4 x 20 kWh a quarter hour is 320 kW and possible, 4 x 100 is not: 1.5 x 800 kVA x 1/4 h = 300 kWh.
    curves, points = refined(values, "active_forward", 800.0, Registers(energy, {}))
    wrong = {FIRST + timedelta(days=day) for day in WRONG}
    rows = curves.to_pylist()
    scaled = {row["curve_date"] for row in rows if "VEE-V41" in row["failed_checks"]}
    assert scaled == (wrong if factor == 4.0 else set())
    if factor == 4.0:  # what is published agrees to the step, so that only these checks tell
        sums = np.array([sum(row["final_kwh_or_kvarh"]) for row in rows])
        assert sums == pytest.approx([works(day).sum() for day in range(DAYS)], abs=0.02)
    _, findings = judge_days(read, curves, points, DAY_TYPES, SETTINGS)
    told = {row["finding_date"] for row in findings.to_pylist() if row["check_id"] == "VEE-V32"}
    assert told == wrong


def test_the_nights_of_a_generator_are_zero_in_silver_and_no_estimates() -> None:
    """F5: 1.0 from 06:00 to 17:00 of three days, noise or nothing else: 36 kWh."""
    lit = (np.arange(24) >= 6) & (np.arange(24) < 18)
    for dark in (-0.001, np.nan):
        values = np.tile(np.where(lit, 1.0, dark), (3, 1))
        rows = refined(values, "active_reverse", None, None)[0].to_pylist()
        assert sum(np.nansum(np.array(row["final_kwh_or_kvarh"], dtype=float)) for row in rows) == 36.0
        codes = np.array([row["interval_status_codes"] for row in rows])
        between = codes.reshape(-1)[6:-6].reshape(-1)
        assert set(between[np.tile(~lit, 3)[6:-6]]) == {IntervalStatus.COUNTED_AS_ZERO}
        assert [row["estimated_intervals"] for row in rows] == [0, 0, 0]
        assert rows[1]["measured_intervals"] == 24
        # What nobody can know stays empty: before the first and after the last interval that came.
        assert rows[0]["missing_intervals"] == (6 if np.isnan(dark) else 0)


def test_zeros_and_their_sum_keep_the_energy_in_silver() -> None:
    """F9: 240 hours of 0.5, of which 24 came as zeros and then at once."""
    values = np.full(240, 0.5)
    values[100:124], values[124] = 0.0, 12.5
    rows = refined(values.reshape(10, 24), "active_forward", None, None)[0].to_pylist()
    assert sum(sum(row["final_kwh_or_kvarh"]) for row in rows) == pytest.approx(120.0, abs=1e-9)
    assert sum(row["estimated_intervals"] for row in rows) == 25
