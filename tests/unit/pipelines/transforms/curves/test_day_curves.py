"""Received load curves to silver: settlement, multiplier, grid, accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus, RejectReason
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import CurveOutcome, Outages, refine_curves
from pipelines.transforms.curves.silver_curve_rows import CURVES_SCHEMA
from pipelines.transforms.received.precedence import QUARANTINE_SCHEMA
from tests.unit.pipelines.transforms.curves.curve_records import DAY, SETTINGS, TODAY, meter, record, refine


def accounts(outcome: CurveOutcome) -> dict[str, tuple[int, int, int, int, int]]:
    names = ("received_rows", "kept_rows", "duplicate_rows", "superseded_rows", "quarantined_rows")
    return {row["content_hash"]: tuple(row[name] for name in names) for row in outcome.accounts.to_pylist()}


SENT = datetime(2026, 3, 3, 1, tzinfo=UTC)


def test_mean_power_times_multiplier_times_hours_is_energy() -> None:
    outcome = refine([record(values_unscaled=[2.0] * 96)])
    (row,) = outcome.curves.to_pylist()
    assert outcome.curves.schema == CURVES_SCHEMA
    assert outcome.quarantine.schema == QUARANTINE_SCHEMA
    assert row["measured_kwh_or_kvarh"] == [50.0] * 96  # 2 kW x 100 x 1/4 h
    assert row["final_kwh_or_kvarh"] == row["measured_kwh_or_kvarh"]
    assert (row["measured_intervals"], row["estimated_intervals"], row["missing_intervals"]) == (96, 0, 0)
    assert row["curve_month"] == "2026-03"


def test_power_fed_back_is_a_channel_of_its_own_and_takes_nothing_off_the_other() -> None:
    outcome = refine(
        [
            record(2, values_unscaled=[2.0] * 96),
            record(3, channel_code="active_reverse", values_unscaled=[0.5] * 96),
        ]
    )
    rows = {row["channel_code"]: row for row in outcome.curves.to_pylist()}
    assert {channel: set(row["final_kwh_or_kvarh"]) for channel, row in rows.items()} == {
        "active_forward": {50.0},
        "active_reverse": {12.5},
    }
    assert accounts(outcome) == {"a": (2, 2, 0, 0, 0)}


def test_energy_is_not_divided_by_the_interval() -> None:
    outcome = refine(
        [
            record(
                measure_code="energy",
                interval_minutes=30,
                values_unscaled=[0.5 + slot / 100 for slot in range(48)],
            )
        ]
    )
    assert outcome.curves["measured_kwh_or_kvarh"][0].as_py()[0] == 50.0


def test_the_multiplier_is_that_of_the_day() -> None:
    meters = [meter(10.0, ends=DAY), meter(20.0, begins=DAY + timedelta(days=1))]
    outcome = refine(
        [
            record(2, values_unscaled=[4.0] * 96),
            record(3, day=DAY + timedelta(days=1), values_unscaled=[4.0] * 96),
        ],
        meters,
    )
    assert [day[0] for day in outcome.curves["measured_kwh_or_kvarh"].to_pylist()] == [10.0, 20.0]


def test_a_meter_that_counts_since_before_1970_counts_beside_another() -> None:
    meters = [meter(10.0, begins=date(1962, 5, 1)), meter(20.0, "MP-0", begins=date(1969, 12, 31))]
    outcome = refine([record(2), record(3, meter_point_id="MP-0")], meters)
    assert (
        outcome.quarantine.num_rows,
        [row[0] for row in outcome.curves["measured_kwh_or_kvarh"].to_pylist()],
    ) == (0, [5.0, 2.5])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (record(meter_point_id="MP-OTHER"), RejectReason.UNKNOWN_METER_POINT),
        (record(day=date(2025, 12, 31)), RejectReason.PRE_INSTALLATION),
        (record(day=TODAY + timedelta(days=1)), RejectReason.FUTURE_DATED),
        (record(values_unscaled=[1.0] * 95), RejectReason.BAD_STRUCTURE),
        (record(present_flags="1" * 95), RejectReason.BAD_STRUCTURE),
        (record(interval_minutes=7), RejectReason.BAD_STRUCTURE),
        (record(measure_code="watts"), RejectReason.BAD_CODE),
    ],
)
def test_unfit_records_are_held_back_with_their_reason(row: dict[str, Any], reason: RejectReason) -> None:
    outcome = refine([row, record(3)], months=("2026-03", "2026-06", "2025-12"))
    (held,) = outcome.quarantine.to_pylist()
    assert (held["content_hash"], held["line_number"], held["table_name"]) == ("a", 2, "bronze_load_curves")
    assert held["reason_code"] == reason.value
    assert held["raw_record"].startswith(f"{row['meter_point_id']},active_forward,{row['curve_date']}")
    assert accounts(outcome) == {"a": (2, 1, 0, 0, 1)}
    assert outcome.curves.num_rows == 1


def test_today_is_not_in_the_future() -> None:
    assert refine([record(day=TODAY)], months=("2026-06",)).quarantine.num_rows == 0


@pytest.mark.parametrize(
    ("outages", "told"),
    [
        ({}, ["VEE-V04"]),
        ({"MP-1": [(DAY + timedelta(days=1), DAY + timedelta(days=3))]}, ["VEE-V12"]),
        ({"MP-1": [(DAY, DAY), (DAY + timedelta(days=3), TODAY)]}, ["VEE-V04"]),
        ({"MP-2": [(DAY + timedelta(days=2), DAY + timedelta(days=2))]}, ["VEE-V04"]),
    ],
)
def test_a_day_without_power_in_an_outage_has_its_own_code(outages: Outages, told: list[str]) -> None:
    """Day 2 rests at zero; a run of zeros that touches a day with an outage on record is told as one."""
    rows = [record(day=DAY + timedelta(days=offset), line=offset + 2) for offset in range(5)]
    rows[2]["values_unscaled"] = [0.0] * 96
    rows += [
        record(day=DAY + timedelta(days=offset), line=offset + 22, meter_point_id="MP-2")
        for offset in range(5)
    ]
    found = refine(rows, [meter(), meter(meter_point="MP-2")], outages=outages).curves.to_pylist()
    fired = {
        (row["meter_point_id"], row["curve_date"]): [
            check for check in row["failed_checks"] if check in ("VEE-V04", "VEE-V12")
        ]
        for row in found
    }
    assert fired.pop(("MP-1", DAY + timedelta(days=2))) == told
    assert not any(fired.values())


def test_the_larger_time_of_the_sender_wins_and_equal_values_are_duplicates() -> None:
    later = [3.0] * 96
    rows = [
        record(2, "b", sent=SENT),
        record(2, "a", sent=SENT + timedelta(seconds=1), values_unscaled=later),
        record(2, "c", sent=SENT, values_unscaled=later),
        record(2, "d"),
    ]
    outcome = refine(rows)
    assert outcome.curves["measured_kwh_or_kvarh"][0].as_py() == [75.0] * 96
    assert accounts(outcome) == {
        "a": (1, 1, 0, 0, 0),
        "b": (1, 0, 0, 1, 0),
        "c": (1, 0, 1, 0, 0),
        "d": (1, 0, 0, 1, 0),
    }
    assert "VEE-V02" in outcome.curves["failed_checks"][0].as_py()


@pytest.mark.parametrize(("second_hash", "winner"), [("b", 75.0), ("a", 50.0)])
def test_content_hash_then_line_decide_between_equal_times(second_hash: str, winner: float) -> None:
    rows = [
        record(9, "a", sent=SENT, values_unscaled=[2.0] * 96),
        record(2, second_hash, sent=SENT, values_unscaled=[3.0] * 96),
    ]
    assert refine(rows).curves["measured_kwh_or_kvarh"][0].as_py()[0] == winner


def test_differing_records_without_a_sender_time_are_all_held_back() -> None:
    outcome = refine(
        [
            record(2, "a"),
            record(2, "b", values_unscaled=[9.0] * 96),
            record(3, "b", day=DAY + timedelta(days=1)),
        ]
    )
    assert set(outcome.quarantine["reason_code"].to_pylist()) == {RejectReason.CONFLICTING_VALUES.value}
    assert accounts(outcome) == {"a": (1, 0, 0, 0, 1), "b": (2, 1, 0, 0, 1)}
    disputed, told = outcome.curves.to_pylist()
    assert (disputed["missing_intervals"], disputed["failed_checks"]) == (96, ["VEE-V02"])
    assert (told["measured_intervals"], told["failed_checks"]) == (96, [])


def test_equal_records_without_a_sender_time_are_duplicates() -> None:
    gap = [None, *([1.0] * 95)]
    outcome = refine([record(2, "a", values_unscaled=gap), record(2, "b", values_unscaled=gap)])
    assert accounts(outcome) == {"a": (1, 0, 1, 0, 0), "b": (1, 1, 0, 0, 0)}


def test_flags_that_deny_a_value_take_none_away_from_another_record() -> None:
    outcome = refine([record(2, "b", present_flags="0" + "1" * 95), record(2, "a", present_flags="1" * 96)])
    assert outcome.curves["measured_intervals"].to_pylist() == [96]
    assert accounts(outcome) == {"a": (1, 1, 0, 0, 0), "b": (1, 1, 0, 0, 0)}


def test_flags_and_null_mean_that_nothing_came_and_zero_is_zero() -> None:
    values = [0.0, None, 5.0, *([5.0 + slot / 100 for slot in range(93)])]
    outcome = refine([record(values_unscaled=values, present_flags="110" + "1" * 93)])
    measured = outcome.curves["measured_kwh_or_kvarh"][0].as_py()
    assert measured[:4] == [0.0, None, None, 125.0]
    assert outcome.curves["interval_status_codes"][0].as_py()[:4] == [
        IntervalStatus.MEASURED,
        IntervalStatus.ESTIMATED_LINEAR,
        IntervalStatus.ESTIMATED_LINEAR,
        IntervalStatus.MEASURED,
    ]
    final = outcome.curves["final_kwh_or_kvarh"][0].as_py()
    assert final[1:3] == pytest.approx([125 / 3, 250 / 3])


def test_the_senders_quality_flags() -> None:
    codes = ["A", "S14", "E52", "F16", "N", *(["A"] * 91)]
    values = [float(slot + 10) for slot in range(96)]
    outcome = refine([record(values_unscaled=values, sender_quality_codes=codes)])
    status = outcome.curves["interval_status_codes"][0].as_py()[:6]
    by_sender = [IntervalStatus.SUBSTITUTED_BY_SENDER] * 3
    assert status == [
        IntervalStatus.MEASURED,
        *by_sender,
        IntervalStatus.ESTIMATED_LINEAR,
        IntervalStatus.MEASURED,
    ]
    assert outcome.curves["measured_kwh_or_kvarh"][0].as_py()[4] is None
    assert (
        outcome.curves["measured_intervals"][0].as_py(),
        outcome.curves["estimated_intervals"][0].as_py(),
    ) == (92, 4)


def test_only_the_months_asked_for_come_out_but_all_records_are_counted() -> None:
    rows = [record(number, day=date(2026, 2, 27) + timedelta(days=number)) for number in range(4)]
    outcome = refine(rows, months=("2026-02",))
    assert outcome.curves["curve_month"].to_pylist() == ["2026-02"] * 2
    assert accounts(outcome) == {"a": (4, 4, 0, 0, 0)}


def test_an_interval_length_that_changes_keeps_one_row_per_day() -> None:
    half_hours = {"interval_minutes": 30, "values_unscaled": [1.0] * 48}
    days = [DAY + timedelta(days=offset) for offset in range(5)]
    rows = [record(number, day=day, **(half_hours if number == 2 else {})) for number, day in enumerate(days)]
    outcome = refine(rows)
    assert outcome.curves["curve_date"].to_pylist() == days
    assert outcome.curves["interval_minutes"].to_pylist() == [15, 15, 30, 15, 15]


def test_order_of_arrival_changes_nothing_and_accounts_add_up() -> None:
    random = np.random.default_rng(7)
    rows = []
    for number in range(400):
        sent = SENT + timedelta(seconds=int(random.integers(3))) if random.random() < 0.7 else None
        values = [float(random.integers(1, 3))] * 96
        day = DAY + timedelta(days=int(random.integers(12)))
        meter_point = ["MP-1", "MP-2", "MP-UNKNOWN"][random.integers(3)]
        rows.append(
            record(
                number, f"hash-{number % 7}", day, sent, meter_point_id=meter_point, values_unscaled=values
            )
        )
    meters = [meter(), meter(meter_point="MP-2")]
    first = refine(rows, meters)
    for seed in range(3):
        shuffled = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]
        again = refine(shuffled, meters)
        assert again.curves.equals(first.curves)
        assert again.accounts.equals(first.accounts)
        assert again.quarantine.equals(first.quarantine)
    for received, *parts in accounts(first).values():
        assert received == sum(parts)
    assert sum(received for received, *_ in accounts(first).values()) == 400
    assert first.quarantine.num_rows == sum(parts[4] for parts in accounts(first).values())


def test_nothing_received() -> None:
    outcome = refine([])
    assert outcome.curves.schema == CURVES_SCHEMA
    assert (outcome.curves.num_rows, outcome.accounts.num_rows, outcome.quarantine.num_rows) == (0, 0, 0)
    assert refine([record()], meters=[]).curves.num_rows == 0


def test_a_day_outside_the_calendar_is_told_by_its_weekday() -> None:
    bronze = pa.Table.from_pylist([record()], BronzeLoadCurves.arrow_schema())
    meters = pa.Table.from_pylist([meter()], SilverMeterPoints.arrow_schema())
    assert refine_curves(bronze, meters, {}, SETTINGS, ["2026-03"], TODAY).curves.num_rows == 1
