"""Measured values are those received: recomputed from bronze, to the last bit, whatever way silver was
made.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.steps.silver import judged_curves
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import CurveOutcome, refine_curves
from pipelines.transforms.curves.measured_proof import measured_not_as_received, received_not_in_silver
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
TODAY = date(2026, 11, 1)


def received(*rows: dict[str, Any]) -> pa.Table:
    schema = pa.schema(
        [BronzeLoadCurves.arrow_schema().field(name) for name in BronzeLoadCurves.business_columns()]
    )
    whole = {
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "curve_date": date(2026, 9, 1),
        "interval_minutes": 60,
        "measure_code": "mean_power",
        "values_unscaled": [0.1 + slot for slot in range(24)],
        "present_flags": None,
        "sender_quality_codes": None,
        "curve_month": "2026-09",
        "line_number": 2,
        "sent_at_utc": datetime(2026, 9, 2, tzinfo=UTC),
        "content_hash": "a",
    }
    return pa.Table.from_pylist(
        [whole | {"line_number": place + 2} | row for place, row in enumerate(rows)], schema
    )


def meters(*rows: dict[str, Any]) -> pa.Table:
    schema = pa.schema(
        [SilverMeterPoints.arrow_schema().field(name) for name in SilverMeterPoints.business_columns()]
    )
    whole = {
        "meter_point_id": "MP-1",
        "valid_from_date": date(2026, 1, 1),
        "meter_id": "M",
        "multiplier_ratio": 30.0,
        "provenance": "simulated",
    }
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | whole | row for row in rows], schema)


def refined(bronze: pa.Table, points: pa.Table) -> CurveOutcome:
    return refine_curves(bronze, points, {}, SETTINGS, ["2026-08", "2026-09"], TODAY)


def tampered(outcome: CurveOutcome, row: int, slot: int, factor: float) -> CurveOutcome:
    """Measured and final value changed alike: what compares the two with one another sees nothing."""
    curves = outcome.curves
    for name in ("measured_kwh_or_kvarh", "final_kwh_or_kvarh"):
        values = curves[name].to_pylist()
        values[row][slot] = values[row][slot] * factor
        place = curves.schema.get_field_index(name)
        curves = curves.set_column(
            place, curves.schema.field(name), pa.array(values, curves.schema.field(name).type)
        )
    return replace(outcome, curves=curves)


CASES = {
    "mean power": received({}),
    "energy": received(
        {
            "measure_code": "energy",
            "interval_minutes": 30,
            "values_unscaled": [1 / 3 + slot for slot in range(48)],
        }
    ),
    "a gap, a day that never came": received(
        {"values_unscaled": [None, *[2.5] * 23]}, {"curve_date": date(2026, 9, 4)}
    ),
    "corrected": received(
        {}, {"values_unscaled": [7.7] * 24, "sent_at_utc": datetime(2026, 9, 3, tzinfo=UTC)}
    ),
    "two parts of a day": received(
        {"values_unscaled": [1.1] * 12 + [None] * 12, "present_flags": "1" * 12 + "-" * 12},
        {
            "values_unscaled": [None] * 12 + [2.2] * 12,
            "present_flags": "-" * 12 + "1" * 12,
            "sent_at_utc": datetime(2026, 9, 3, tzinfo=UTC),
        },
    ),
    "no data by the sender's word": received(
        {"values_unscaled": [9.0] * 24, "sender_quality_codes": ["A"] * 20 + ["N"] * 4}
    ),
    "several series": received(
        {},
        {"meter_point_id": "MP-2"},
        {"channel_code": "reactive_lagging"},
        {"meter_point_id": "MP-2", "interval_minutes": 60},
    ),
}
POINTS = meters({}, {"meter_point_id": "MP-2", "multiplier_ratio": 0.7})


@pytest.mark.parametrize("name", CASES)
def test_refined_values_are_as_received_and_one_that_is_not_is_counted(name: str) -> None:
    bronze = CASES[name]
    outcome = refined(bronze, POINTS)
    assert outcome.curves.num_rows
    found = judged_curves(bronze, outcome, POINTS).violations
    assert set(found.values()) == {0}
    assert "measured_values_not_as_received" in found
    row, slot = 0, 5
    changed = judged_curves(bronze, tampered(outcome, row, slot, 1 + 1e-12), POINTS).violations
    assert {name: count for name, count in changed.items() if count} == {"measured_values_not_as_received": 1}


def test_a_changed_multiplier_is_seen_from_its_day_on() -> None:
    days = [{"curve_date": date(2026, 8, 31)}, {"curve_date": date(2026, 9, 1)}]
    bronze = received(*({**day, "curve_month": f"{day['curve_date']:%Y-%m}"} for day in days))
    points = meters(
        {"valid_to_date": date(2026, 8, 31)},
        {"valid_from_date": date(2026, 9, 1), "meter_id": "N", "multiplier_ratio": 60.0},
    )
    outcome = refined(bronze, points)
    assert measured_not_as_received(bronze, outcome.curves, points) == 0
    assert measured_not_as_received(bronze, outcome.curves, meters({})) == 24, (
        "the second day was multiplied by 60"
    )


def test_a_value_that_nobody_sent_is_counted() -> None:
    whole, holed = (
        CASES["mean power"],
        received({"values_unscaled": [None, *[0.1 + slot for slot in range(1, 24)]]}),
    )
    invented = refined(whole, POINTS).curves
    assert measured_not_as_received(holed, invented, POINTS) == 1
    assert measured_not_as_received(whole.slice(0, 0), invented, POINTS) == 24
    assert measured_not_as_received(whole, invented.slice(0, 0), POINTS) == 0


def test_a_record_of_another_day_or_channel_is_no_witness() -> None:
    curves = refined(CASES["mean power"], POINTS).curves
    for change in (
        {"curve_date": date(2026, 9, 2)},
        {"channel_code": "reactive_lagging"},
        {"meter_point_id": "MP-2"},
    ):
        assert measured_not_as_received(received(change), curves, POINTS) == 24


def blanked(curves: pa.Table, *places: tuple[int, int]) -> pa.Table:
    """Measured values taken away, their intervals then called estimated: nothing that looks at silver alone
    can tell.
    """
    values, status = curves["measured_kwh_or_kvarh"].to_pylist(), curves["interval_status_codes"].to_pylist()
    for row, slot in places:
        values[row][slot], status[row][slot] = None, int(IntervalStatus.ESTIMATED_LINEAR)
    for name, lists in (("measured_kwh_or_kvarh", values), ("interval_status_codes", status)):
        place = curves.schema.get_field_index(name)
        curves = curves.set_column(
            place, curves.schema.field(name), pa.array(lists, curves.schema.field(name).type)
        )
    return curves


def broken(bronze: pa.Table, outcome: CurveOutcome) -> dict[str, int]:
    return {name: count for name, count in judged_curves(bronze, outcome, POINTS).violations.items() if count}


def test_a_received_value_that_silver_blanks_is_counted_as_lost() -> None:
    bronze = received({}, {"curve_date": date(2026, 9, 2)})
    outcome = refined(bronze, POINTS)
    assert broken(bronze, replace(outcome, curves=blanked(outcome.curves, (0, 3), (1, 0), (1, 23)))) == {
        "received_values_lost": 3
    }


def test_a_day_that_silver_drops_is_lost_whole_and_an_empty_one_is_not() -> None:
    bronze = received(
        {},
        {"curve_date": date(2026, 9, 2)},
        {"curve_date": date(2026, 9, 3), "values_unscaled": [None] * 23 + [1.0]},
    )
    outcome = refined(bronze, POINTS)
    assert broken(bronze, replace(outcome, curves=outcome.curves.slice(0, 1))) == {"received_values_lost": 25}
    assert broken(bronze, replace(outcome, curves=outcome.curves.slice(0, 0))) == {"received_values_lost": 49}


def test_two_parts_of_a_day_are_both_missed_and_what_a_newer_record_leaves_empty_too() -> None:
    parts = CASES["two parts of a day"]
    outcome = refined(parts, POINTS)
    assert broken(parts, replace(outcome, curves=blanked(outcome.curves, (0, 0), (0, 12)))) == {
        "received_values_lost": 2
    }
    newer = {"values_unscaled": [None, *[7.7] * 23], "sent_at_utc": datetime(2026, 9, 3, tzinfo=UTC)}
    holed = received(newer, {})  # the newer one stands first in the table: the order of arrival plays no part
    outcome = refined(holed, POINTS)
    assert outcome.curves["measured_kwh_or_kvarh"][0].as_py()[0] == 0.1 * 30
    assert broken(holed, outcome) == {}
    assert broken(holed, replace(outcome, curves=blanked(outcome.curves, (0, 0), (0, 1)))) == {
        "received_values_lost": 2
    }


def test_what_is_held_back_is_accounted_for_in_quarantine_alone() -> None:
    disputed = received({"sent_at_utc": None}, {"sent_at_utc": None, "values_unscaled": [9.0] * 24})
    outcome = refined(disputed, POINTS)
    assert (outcome.curves["missing_intervals"].to_pylist(), outcome.quarantine.num_rows) == ([24], 2)
    assert broken(disputed, outcome) == {}
    assert received_not_in_silver(disputed, outcome.curves, outcome.quarantine.slice(0, 1), "1") == 24


def test_a_disputed_interval_excuses_no_other_and_no_value_that_has_a_sender_s_time() -> None:
    values = [0.1 + slot for slot in range(24)]
    first = {"sent_at_utc": None}
    second = {"sent_at_utc": None, "values_unscaled": [*values[:5], 99.0, *values[6:]]}
    disputed = received(first, second)
    outcome = refined(disputed, POINTS)
    assert (outcome.curves["measured_intervals"].to_pylist(), outcome.quarantine.num_rows) == ([23], 2)
    assert broken(disputed, outcome) == {}
    assert broken(disputed, replace(outcome, curves=blanked(outcome.curves, (0, 6)))) == {
        "received_values_lost": 1
    }
    dated = received(first, second | {"sent_at_utc": datetime(2026, 9, 3, tzinfo=UTC)})
    assert broken(dated, refined(dated, POINTS)) == {}
    assert received_not_in_silver(dated, outcome.curves, outcome.quarantine, "1") == 1


def test_lengths_that_differ_without_a_sender_s_time_are_held_back_whole() -> None:
    half_hours = {"interval_minutes": 30, "values_unscaled": [1.0] * 48, "sent_at_utc": None}
    both = received({"sent_at_utc": None}, half_hours)
    outcome = refined(both, POINTS)
    assert (outcome.curves.num_rows, outcome.quarantine.num_rows, broken(both, outcome)) == (0, 2, {})
    assert received_not_in_silver(both, outcome.curves, outcome.quarantine.slice(0, 0), "1") == 24 + 48


def test_a_day_of_another_length_than_the_newest_record_is_lost() -> None:
    coarse = {
        "interval_minutes": 30,
        "values_unscaled": [1.0 + slot for slot in range(48)],
        "sent_at_utc": datetime(2026, 9, 3, tzinfo=UTC),
    }
    both = received({}, coarse)
    outcome = refined(both, POINTS)
    assert (outcome.curves["interval_minutes"].to_pylist(), broken(both, outcome)) == ([30], {})
    older = refined(received({}), POINTS).curves
    assert received_not_in_silver(both, older, outcome.quarantine, "1") == 48
