"""Missed reads: what a span of several days gives to each day and month; power factor and holes in the
inputs.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.tariff.charges.power_factor import mean_power_factor as power_factor
from pipelines.transforms.billing.determinants import determine
from pipelines.transforms.billing.month_totals import month_totals
from pipelines.transforms.days.curve_days import CURVE_DAYS_SCHEMA
from pipelines.transforms.days.day_energy import day_energy
from pipelines.transforms.registers.register_energy import ENERGY_SCHEMA

LAST_OF_MARCH = date(2026, 3, 31)


def settled(day: date, kwh: str, span: int, channel: str = "active_forward") -> dict[str, Any]:
    return dict.fromkeys(ENERGY_SCHEMA.names) | {
        "meter_point_id": "MP-1",
        "channel_code": channel,
        "energy_date": day,
        "span_days": span,
        "energy_kwh_or_kvarh": Decimal(kwh),
        "resolution_kwh_or_kvarh": Decimal("0.01"),
    }


def curve_day(day: date, total: float, missing: int = 0, estimated: float = 0.0) -> dict[str, Any]:
    return {
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "curve_date": day,
        "total_kwh_or_kvarh": total,
        "estimated_kwh_or_kvarh": estimated,
        "intervals": 96,
        "missing_intervals": missing,
        "highest_kw": 8.0,
        "highest_slot": 40,
        "period_kwh": [0.0, total, 0.0, 0.0, 0.0] * 5,
    }


def tables(energy: list[dict[str, Any]], curve: list[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    loose = pa.schema([field.with_nullable(True) for field in ENERGY_SCHEMA])
    return pa.Table.from_pylist(curve, CURVE_DAYS_SCHEMA), pa.Table.from_pylist(energy, loose)


def days(energy: list[dict[str, Any]], curve: list[dict[str, Any]]) -> list[tuple[int, float, str, float]]:
    rows = day_energy(*tables(energy, curve)).to_pylist()
    return [
        (row["energy_date"].day, row["energy_kwh_or_kvarh"], row["basis_code"], row["estimated_ratio"])
        for row in rows
    ]


def months(energy: list[dict[str, Any]], curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    terms = {"customer_id": "C1", "customer_class_code": "large_industry", "is_time_of_use": True}
    return [determine(row | terms) for row in month_totals(*tables(energy, curve)).to_pylist()]


def test_a_span_is_split_as_its_curve_runs() -> None:
    curve = [curve_day(date(2026, 3, 10), 1.0, estimated=0.5), curve_day(date(2026, 3, 11), 3.0)]
    assert days([settled(date(2026, 3, 11), "10", 2)], curve) == [
        (10, 2.5, "register", 0.5),
        (11, 7.5, "register", 0.0),
    ]


def test_a_span_without_a_whole_curve_stands_on_the_day_of_its_read() -> None:
    curve = [curve_day(date(2026, 3, 10), 1.0), curve_day(date(2026, 3, 11), 3.0, missing=1)]
    # Day 10 is covered by the register: its curve must not count it a second time.
    assert days([settled(date(2026, 3, 11), "10", 2)], curve) == [(11, 10.0, "register", 0.0)]


def test_a_span_over_the_end_of_a_month_is_split_evenly_and_says_so() -> None:
    energy = [settled(LAST_OF_MARCH + timedelta(days=1), "10", 3)]
    assert days(energy, []) == [
        (30, 3.34, "register", 1.0),
        (31, 3.33, "register", 1.0),
        (1, 3.33, "register", 1.0),
    ]
    march, april = months(energy, [])
    assert (march["energy_kwh"], march["metered_days"], march["estimated_ratio"]) == (Decimal("6.67"), 2, 1.0)
    assert (april["energy_kwh"], april["metered_days"], april["estimated_ratio"]) == (Decimal("3.33"), 1, 1.0)


def test_a_curve_splits_a_span_over_the_end_of_a_month() -> None:
    curve = [curve_day(LAST_OF_MARCH, 1.0), curve_day(LAST_OF_MARCH + timedelta(days=1), 4.0)]
    march, april = months([settled(LAST_OF_MARCH + timedelta(days=1), "10", 2)], curve)
    assert (march["energy_kwh"], april["energy_kwh"]) == (Decimal(2), Decimal(8))
    assert (april["peak_kwh"], april["estimated_ratio"]) == (Decimal(8), 0.0)


def test_holes_in_the_curve_are_named_and_count_as_estimated() -> None:
    energy = [settled(date(2026, 4, number), "1", 1) for number in range(1, 31)]
    curve = [curve_day(date(2026, 4, number), 1.0) for number in range(1, 31)]
    assert months(energy, curve)[0]["missing_inputs"] == ["reactive_registers"]
    curve[3] = curve_day(date(2026, 4, 4), 0.5, missing=48)
    (row,) = months(energy, curve)
    assert row["missing_inputs"] == ["curve_intervals", "reactive_registers"]
    assert row["estimated_ratio"] == pytest.approx(0.5 / 30, rel=0.02)
    assert months(energy[1:], curve)[0]["missing_inputs"] == [
        "curve_intervals",
        "reactive_registers",
        "missing_days",
    ]


def test_reactive_registers_that_lack_days_are_named() -> None:
    energy = [settled(date(2026, 4, number), "3", 1) for number in range(1, 31)]
    energy += [settled(date(2026, 4, number), "4", 1, "reactive_lagging") for number in range(1, 31)]
    energy += [settled(date(2026, 4, number), "0", 1, "reactive_leading") for number in range(2, 31)]
    (row,) = months(energy, [])
    assert (row["lagging_kvarh"], row["leading_kvarh"], row["power_factor_ratio"]) == (
        Decimal(120),
        Decimal(0),
        Decimal("0.60"),
    )
    assert row["missing_inputs"] == ["curve", "reactive_days"]


@pytest.mark.parametrize(
    ("active", "lagging", "leading", "expected"),
    [
        ("3", "4", "0", "0.60"),
        ("3", "2", "-2", "0.60"),
        ("100", "0", "0", "1.00"),
        ("0", "5", "0", "0.00"),
        ("60916.39", "34985.37", "8885.74", "0.81"),
    ],
)
def test_power_factor(active: str, lagging: str, leading: str, expected: str) -> None:
    assert power_factor(Decimal(active), Decimal(lagging), Decimal(leading)) == Decimal(expected)


def test_power_factor_rounds_half_up_and_needs_energy() -> None:
    # cos of the angle is 0.805 exactly: Q^2 = W^2 (1 / 0.805^2 - 1), scaled so that both sides are decimals.
    active = Decimal("0.805")
    exact = (1 - active**2).sqrt()
    assert power_factor(active, exact - Decimal("1e-20"), Decimal(0)) == Decimal("0.81")
    assert power_factor(active, exact + Decimal("1e-9"), Decimal(0)) == Decimal("0.80")
    assert power_factor(Decimal(0), Decimal(0), Decimal(0)) is None
