"""Whether a month's data suffice: by hand, and on both sides of each limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tables.findings import GoldDayFindings
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.sufficiency import (
    CURVE_COLUMNS,
    FINDING_COLUMNS,
    MEASURED,
    REGISTER_COLUMNS,
    longest_runs,
    month_sufficiency,
)

LIMITS = Settings(packaged("conf"), packaged("conf")).section(PublicationSettings)
SEPTEMBER = BillingMonth.parse("2026-09")
FIRST = SEPTEMBER.first_day


def rows(kind: Any, names: tuple[str, ...], found: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(found, pa.schema([kind.arrow_schema().field(name) for name in names]))


def read(day: date, span: int | None = 1, rule: str = "normal", point: str = "MP-A") -> dict[str, Any]:
    return {
        "meter_point_id": point,
        "channel_code": "active_forward",
        "energy_date": day,
        "span_days": span,
        "register_rule_code": rule,
    }


def curve(
    day: date,
    status: list[int] | None = None,
    kwh: float = 1.0,
    checks: tuple[str, ...] = (),
    channel: str = "active_forward",
) -> dict[str, Any]:
    codes = status or [int(IntervalStatus.MEASURED)] * 24
    return {
        "meter_point_id": "MP-A",
        "channel_code": channel,
        "curve_date": day,
        "interval_minutes": 60,
        "final_kwh_or_kvarh": [None if code == IntervalStatus.MISSING else kwh for code in codes],
        "interval_status_codes": codes,
        "failed_checks": list(checks),
    }


def point(
    begins: date = date(2026, 1, 1),
    ends: date | None = None,
    customer: str | None = "C-A",
    name: str = "MP-A",
) -> dict[str, Any]:
    return {
        "meter_point_id": name,
        "valid_from_date": begins,
        "valid_to_date": ends,
        "customer_id": customer,
        "meter_id": "M",
        "multiplier_ratio": 1.0,
        "provenance": "real",
    }


def judged(
    reads: list[dict[str, Any]] | None = None,
    curves: list[dict[str, Any]] | None = None,
    points: list[dict[str, Any]] | None = None,
    long_spans: list[dict[str, Any]] | None = None,
    month: BillingMonth = SEPTEMBER,
    findings: Sequence[list[dict[str, Any]]] = (),
) -> list[dict[str, Any]]:
    points_table = pa.Table.from_pylist(
        points or [point()],
        pa.schema([field.with_nullable(True) for field in SilverMeterPoints.arrow_schema()]),
    )
    found = month_sufficiency(
        rows(SilverRegisterEnergy, REGISTER_COLUMNS, reads or []),
        rows(SilverDayCurves, CURVE_COLUMNS, curves or []),
        [rows(GoldDayFindings, FINDING_COLUMNS, part) for part in findings],
        rows(SilverRegisterEnergy, REGISTER_COLUMNS, long_spans or []),
        points_table,
        month,
        LIMITS,
    )
    return list(found.to_pylist())


def days(count: int = 30, start: int = 0) -> list[date]:
    return [FIRST + timedelta(days=place) for place in range(start, start + count)]


def test_whole_daily_registers_suffice() -> None:
    (row,) = judged([read(day) for day in days()])
    assert (row["basis_code"], row["interval_minutes"], row["customer_id"]) == ("register", 1440, "C-A")
    assert (row["expected_days"], row["valid_days"], row["longest_gap_hours"]) == (30, 30, 0.0)
    assert (
        row["estimated_ratio"],
        row["missing_ratio"],
        row["is_sufficient"],
        row["insufficient_reasons"],
    ) == (0.0, 0.0, True, [])


@pytest.mark.parametrize(("missed", "is_sufficient", "reasons"), [(3, True, []), (4, False, ["missing"])])
def test_three_of_thirty_days_may_be_missing(missed: int, is_sufficient: bool, reasons: list[str]) -> None:
    (row,) = judged([read(day) for day in days(30 - missed)])
    assert row["missing_ratio"] == pytest.approx(missed / 30)
    assert (row["valid_days"], row["longest_gap_hours"]) == (30 - missed, 24.0 * missed)
    assert (row["is_sufficient"], row["insufficient_reasons"]) == (is_sufficient, reasons)


@pytest.mark.parametrize(("span", "is_sufficient"), [(3, True), (4, False)])
def test_days_inside_a_span_of_several_count_as_estimated(span: int, is_sufficient: bool) -> None:
    (row,) = judged([*[read(day) for day in days(30 - span)], read(days()[-1], span)])
    assert (row["estimated_interval_ratio"], row["missing_ratio"]) == (pytest.approx(span / 30), 0.0)
    assert (row["valid_days"], row["is_sufficient"]) == (30 - span, is_sufficient)


def test_a_span_that_closes_in_a_later_month_reaches_back() -> None:
    later = read(date(2026, 10, 2), 4)
    (row,) = judged([read(day) for day in days(28)], long_spans=[later])
    assert (row["valid_days"], row["missing_ratio"]) == (28, 0.0)
    assert row["estimated_ratio"] == pytest.approx(2 / 30)


def test_a_span_that_closes_earlier_or_begins_later_changes_nothing() -> None:
    spans = [read(date(2026, 8, 31), 9), read(date(2026, 10, 3), 3)]
    (row,) = judged([read(day) for day in days()], long_spans=spans)
    assert (row["valid_days"], row["estimated_ratio"]) == (30, 0.0)
    assert [row["basis_code"] for row in judged(long_spans=spans)] == ["none"]


def test_first_reads_are_no_data_and_decreases_settle_nothing() -> None:
    assert [row["basis_code"] for row in judged([read(FIRST, None, "first_read")])] == ["none"]
    (row,) = judged([*[read(day) for day in days(29)], read(days()[-1], 1, "decrease")])
    assert (row["valid_days"], row["missing_ratio"]) == (29, pytest.approx(1 / 30))


def test_a_curve_by_hand() -> None:
    """One day with two estimated hours of 5 kWh and three missing ones, of 30 days of 24 kWh."""
    status = [1] * 19 + [2] * 2 + [0] * 3
    spoilt = curve(days()[-1], status, kwh=5.0, checks=("VEE-V01", "VEE-V04"))
    (row,) = judged(curves=[*[curve(day) for day in days(29)], spoilt])
    total = 29 * 24 + 21 * 5
    assert (row["basis_code"], row["interval_minutes"], row["valid_days"]) == ("curve", 60, 29)
    assert row["estimated_ratio"] == pytest.approx(10 / total)
    assert row["estimated_interval_ratio"] == pytest.approx(2 / 720)
    assert (row["missing_ratio"], row["longest_gap_hours"]) == (pytest.approx(3 / 720), 5.0)
    assert row["failed_info_checks"] + row["failed_warn_checks"] + row["failed_invalid_checks"] == 2


@pytest.mark.parametrize(("kwh", "is_sufficient"), [(80.0, True), (80.01, False)])
def test_ten_percent_of_the_energy_may_be_estimated(kwh: float, is_sufficient: bool) -> None:
    """29 x 24 + 23 = 719 measured hours of 1 kWh and one estimated: 79.9 of 798.9 is just 10 %."""
    status = [1] * 23 + [2]
    last = curve(days()[-1], status)
    last["final_kwh_or_kvarh"] = [1.0] * 23 + [kwh - 1 / 9]
    (row,) = judged(curves=[*[curve(day) for day in days(29)], last])
    assert row["estimated_ratio"] == pytest.approx(0.1, abs=1e-4)
    assert (row["is_sufficient"], row["insufficient_reasons"]) == (
        is_sufficient,
        [] if is_sufficient else ["estimated"],
    )


def test_the_curve_of_energy_drawn_stands_for_the_meter_point() -> None:
    found = judged(
        [read(day) for day in days(2)],
        [curve(day) for day in days()] + [curve(FIRST, channel="reactive_lagging")],
    )
    assert [(row["channel_code"], row["basis_code"], row["valid_days"]) for row in found] == [
        ("active_forward", "curve", 30)
    ]


def test_a_meter_installed_or_removed_inside_the_month_is_expected_from_and_until_then() -> None:
    (row,) = judged([read(day) for day in days(10, 20)], points=[point(FIRST + timedelta(days=20))])
    assert (row["expected_days"], row["valid_days"], row["missing_ratio"], row["longest_gap_hours"]) == (
        10,
        10,
        0.0,
        0.0,
    )
    (row,) = judged([read(day) for day in days(5)], points=[point(ends=days()[4])])
    assert (row["expected_days"], row["valid_days"], row["missing_ratio"]) == (5, 5, 0.0)


def test_meter_points_come_in_order_each_with_the_customer_of_the_months_end() -> None:
    points = [
        point(name="MP-B", customer="OLD"),
        point(FIRST + timedelta(days=9), name="MP-B", customer="NEW"),
        point(customer=None),
    ]
    points[0]["valid_to_date"] = days()[8]
    found = judged([read(day, point=name) for name in ("MP-B", "MP-A") for day in days()], points=points)
    assert [(row["meter_point_id"], row["customer_id"], row["expected_days"]) for row in found] == [
        ("MP-A", None, 30),
        ("MP-B", "NEW", 30),
    ]


def test_a_month_before_the_meter_gives_no_row() -> None:
    assert judged(points=[point(begins=date(2026, 10, 1))]) == []
    assert [row["expected_days"] for row in judged(points=[point(begins=date(2026, 9, 30))])] == [1]


def test_longest_runs_by_hand() -> None:
    states = np.array([[1, 0, 2, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], dtype=np.int8)
    assert MEASURED == 1
    assert longest_runs(states).tolist() == [3, 0, 6]


def test_findings_on_registers_and_days_count_by_severity() -> None:
    def found(check: str, point: str = "MP-A") -> dict[str, Any]:
        return {"meter_point_id": point, "check_id": check}

    (row,) = judged(
        reads=[read(day) for day in days()],
        findings=[[found("VEE-V20"), found("VEE-V22")], [found("VEE-V22"), found("VEE-V29", "MP-B")]],
    )
    assert (row["failed_info_checks"], row["failed_warn_checks"], row["failed_invalid_checks"]) == (1, 2, 0)


def test_a_meter_point_of_which_nothing_came_is_listed_as_lacking_all() -> None:
    points = [
        point(),
        point(name="MP-B", customer="C-B", begins=date(2026, 9, 11)),
        point(name="MP-C", ends=date(2026, 8, 31)),
    ]
    points.append(point(name="MP-D", customer=None))  # a meter that is not billed owes nothing
    heard, silent = judged([read(day) for day in days()], points=points)
    assert (heard["meter_point_id"], heard["is_sufficient"]) == ("MP-A", True)
    assert (
        silent["meter_point_id"],
        silent["customer_id"],
        silent["basis_code"],
        silent["channel_code"],
    ) == (
        "MP-B",
        "C-B",
        "none",
        "active_forward",
    )
    assert (
        silent["expected_days"],
        silent["valid_days"],
        silent["missing_ratio"],
        silent["longest_gap_hours"],
    ) == (20, 0, 1.0, 20 * 24.0)
    assert (silent["is_sufficient"], silent["insufficient_reasons"]) == (False, ["missing"])


def half_hours(day: date, status: IntervalStatus = IntervalStatus.MEASURED) -> dict[str, Any]:
    return curve(day) | {
        "interval_minutes": 30,
        "final_kwh_or_kvarh": [0.5] * 48,
        "interval_status_codes": [int(status)] * 48,
    }


def test_an_interval_length_that_changes_inside_the_month_loses_nothing() -> None:
    (row,) = judged(curves=[half_hours(day) for day in days(15)] + [curve(day) for day in days(15, 15)])
    assert (
        row["interval_minutes"],
        row["valid_days"],
        row["missing_ratio"],
        row["longest_gap_hours"],
        row["is_sufficient"],
    ) == (
        30,
        30,
        0.0,
        0.0,
        True,
    )


def test_a_day_of_either_length_that_was_estimated_counts_with_its_energy() -> None:
    """One of 15 half-hour days and 3 of 15 hour days are estimated: 4 of 30 days of 24 kWh, and the run of
    three days is the longest gap.
    """
    guessed = int(IntervalStatus.ESTIMATED_LIKE_DAY)
    curves = [half_hours(day) for day in days(14)] + [
        half_hours(days(1, 14)[0], IntervalStatus.ESTIMATED_LIKE_DAY)
    ]
    curves += (
        [curve(day, [guessed] * 24) for day in days(2, 15)]
        + [curve(day) for day in days(12, 17)]
        + [curve(days(1, 29)[0], [guessed] * 24)]
    )
    (row,) = judged(curves=curves)
    assert (row["valid_days"], row["longest_gap_hours"]) == (26, 72.0)
    assert row["estimated_ratio"] == pytest.approx(4 / 30)
    assert row["estimated_interval_ratio"] == pytest.approx(4 / 30)
