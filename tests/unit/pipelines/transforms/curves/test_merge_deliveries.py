"""Days that arrive in parts, as long files bring them: a part replaces what it tells and nothing else, in any
order.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus
from pipelines.formats import FormatSettings, LongForm, LongMapping
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import CurveOutcome, refine_curves
from pipelines.transforms.curves.merge_deliveries import Deliveries, settle_intervals
from pipelines.vee.settings import VeeSettings

CONF = load_settings(packaged("conf"))
DAY = date(2026, 3, 2)
SENT = datetime(2026, 3, 3, 1, tzinfo=UTC)
WHOLE = [float(hour + 1) for hour in range(24)]
METER = dict.fromkeys(SilverMeterPoints.columns()) | {
    "meter_point_id": "MP-1",
    "valid_from_date": date(2026, 1, 1),
    "meter_id": "M",
    "multiplier_ratio": 10.0,
    "provenance": "simulated",
}


def part(
    content: str, told: dict[int, float], sent: datetime | None = SENT, **changes: Any
) -> dict[str, Any]:
    """A delivery of some hours of a day."""
    return (
        dict.fromkeys(BronzeLoadCurves.columns())
        | {
            "content_hash": content,
            "line_number": 2,
            "sent_at_utc": sent,
            "meter_point_id": "MP-1",
            "channel_code": "active_forward",
            "curve_date": DAY,
            "interval_minutes": 60,
            "measure_code": "energy",
            "values_unscaled": [told.get(hour) for hour in range(24)],
            "present_flags": None
            if len(told) == 24
            else "".join("1" if hour in told else "-" for hour in range(24)),
            "curve_month": "2026-03",
        }
        | changes
    )


def refine(*rows: dict[str, Any]) -> CurveOutcome:
    received = pa.Table.from_pylist(list(rows), BronzeLoadCurves.arrow_schema())
    points = pa.Table.from_pylist([METER], SilverMeterPoints.arrow_schema())
    return refine_curves(received, points, {}, CONF.section(VeeSettings), ["2026-03"], date(2026, 6, 1))


def measured(outcome: CurveOutcome) -> list[float | None]:
    (row,) = outcome.curves.to_pylist()
    return [None if value is None else value / 10 for value in row["measured_kwh_or_kvarh"]]


def accounts(outcome: CurveOutcome) -> dict[str, tuple[int, ...]]:
    names = ("received_rows", "kept_rows", "duplicate_rows", "superseded_rows", "quarantined_rows")
    return {row["content_hash"]: tuple(row[name] for name in names) for row in outcome.accounts.to_pylist()}


def test_a_later_part_replaces_what_it_tells_alone_in_any_order_of_arrival() -> None:
    rows = [
        part("a", dict(enumerate(WHOLE))),
        part("b", {5: 50.0, 6: 60.0}, SENT + timedelta(hours=2)),
        part("c", {6: 66.0, 7: 70.0}, SENT + timedelta(hours=1)),
    ]
    expected = [*WHOLE[:5], 50.0, 60.0, 70.0, *WHOLE[8:]]
    for order in permutations(rows):
        outcome = refine(*order)
        assert measured(outcome) == expected
        assert accounts(outcome) == {"a": (1, 1, 0, 0, 0), "b": (1, 1, 0, 0, 0), "c": (1, 1, 0, 0, 0)}
        assert outcome.quarantine.num_rows == 0


def test_parts_of_a_day_without_a_sender_s_time_meet_and_a_contradiction_costs_its_interval_alone() -> None:
    first, second = {hour: WHOLE[hour] for hour in range(12)}, {hour: WHOLE[hour] for hour in range(11, 24)}
    met = refine(part("a", first, None), part("b", second, None))
    assert (measured(met), met.quarantine.num_rows) == (WHOLE, 0)
    disputed = refine(part("a", first, None), part("b", second | {11: 99.0}, None))
    assert measured(disputed) == [*WHOLE[:11], None, *WHOLE[12:]]
    assert [(row["reason_code"], row["reason"]) for row in disputed.quarantine.to_pylist()] == [
        (
            "conflicting_values",
            "Other records differ at 11:00 and none carries a sender's time; the other intervals stand.",
        )
    ] * 2


def test_a_part_that_tells_nothing_new_is_a_duplicate_and_one_that_is_wholly_replaced_is_superseded() -> None:
    outcome = refine(
        part("a", {3: 4.0}), part("b", dict(enumerate(WHOLE)), SENT + timedelta(hours=1)), part("c", {3: 9.0})
    )
    assert measured(outcome) == WHOLE
    assert accounts(outcome) == {"a": (1, 0, 1, 0, 0), "b": (1, 1, 0, 0, 0), "c": (1, 0, 0, 1, 0)}


def test_an_empty_interval_of_a_later_delivery_takes_no_value_away() -> None:
    again = part("b", dict(enumerate(WHOLE)), SENT + timedelta(hours=1), values_unscaled=[None, *WHOLE[1:]])
    assert measured(refine(part("a", dict(enumerate(WHOLE))), again)) == WHOLE
    denied = part("b", dict(enumerate(WHOLE)), SENT + timedelta(hours=1), present_flags="0" * 20 + "1" * 4)
    assert measured(refine(part("a", {3: 44.0}), denied)) == [None] * 3 + [44.0] + [None] * 16 + WHOLE[20:]


def test_two_downloads_of_a_day_differ_in_the_hour_that_was_not_over() -> None:
    """The first tells 0.1 and 0.2, the second 0.1, 0.25 and 0.3."""
    first, second = part("a", {0: 0.1, 1: 0.2}, None), part("b", {0: 0.1, 1: 0.25, 2: 0.3}, None)
    for rows in permutations((first, second)):
        outcome = refine(*rows)
        assert measured(outcome)[:4] == pytest.approx([0.1, None, 0.3, None])
        (row,) = outcome.curves.to_pylist()
        bits = row["failed_check_bits"][:4]
        assert [(mark & 1, mark >> 1 & 1) for mark in bits] == [(0, 1), (0, 1), (0, 1), (1, 1)], "V01, V02"
        assert sum(accounts(outcome)["a"][2:]) == 1


def test_partial_rows_of_one_day_make_the_whole_of_it() -> None:
    """48 points of 1 kW, then the other 48, each row with the other half empty and flagged so."""
    rows = [
        part(
            "a",
            {},
            SENT + timedelta(hours=hours),
            line_number=2 + hours,
            interval_minutes=15,
            measure_code="mean_power",
            values_unscaled=values,
            present_flags=flags,
        )
        for hours, values, flags in (
            (0, [1.0] * 48 + [0.0] * 48, "1" * 48 + "0" * 48),
            (12, [None] * 48 + [1.0] * 48, "0" * 48 + "1" * 48),
        )
    ]
    for order in permutations(rows):
        outcome = refine(*order)
        assert sum(value or 0 for value in measured(outcome)) == 24.0
        assert accounts(outcome) == {"a": (2, 2, 0, 0, 0)}


def test_of_three_without_a_time_two_that_agree_do_not_outvote_the_third() -> None:
    rows = [part("a", {0: 1.0}, None), part("b", {0: 1.0}, None), part("c", {0: 2.0, 1: 3.0}, None)]
    outcome = refine(*rows)
    assert measured(outcome)[:2] == [None, 3.0]
    assert accounts(outcome) == {"a": (1, 0, 0, 0, 1), "b": (1, 0, 0, 0, 1), "c": (1, 1, 0, 0, 0)}
    assert outcome.quarantine.num_rows == 3


def test_a_sender_s_time_settles_the_intervals_it_speaks_of_alone() -> None:
    rows = [part("a", {0: 1.0, 1: 5.0}, None), part("b", {0: 2.0, 1: 6.0}, None), part("c", {0: 3.0})]
    for order in permutations(rows):
        assert measured(refine(*order))[:2] == [3.0, None]


def test_equal_values_are_substituted_where_one_delivery_without_a_time_says_so() -> None:
    marked = part("a", {0: 1.0, 1: 2.0}, None, sender_quality_codes=["S", "A"] + [None] * 22)
    for order in permutations((marked, part("b", {0: 1.0, 1: 2.0, 2: 3.0}, None))):
        (row,) = refine(*order).curves.to_pylist()
        assert [code == IntervalStatus.MEASURED for code in row["interval_status_codes"][:3]] == [
            False,
            True,
            True,
        ]


def test_lines_of_one_file_that_differ_are_told_as_such_and_not_as_a_gap() -> None:
    """1415.437 and 1514.518 for one stamp: another delivery settles it with a sender's time alone."""
    rows = long_rows("a", ["2026-03-02 00:00,1.0", "2026-03-02 01:00,1415.437", "2026-03-02 01:00,1514.518"])
    (row,) = refine(*rows).curves.to_pylist()
    assert [(mark & 1, mark >> 1 & 1) for mark in row["failed_check_bits"][:3]] == [(0, 0), (0, 1), (1, 0)]
    assert measured(refine(*rows, part("b", {1: 1415.437}, None)))[:2] == [1.0, None]
    assert measured(refine(*rows, part("b", {1: 1415.437})))[:2] == [1.0, 1415.437]


def long_rows(content: str, lines: list[str], place: str = "interval_start") -> list[dict[str, Any]]:
    """Days that a long file of hours of MP-1 tells."""
    mapping = LongMapping.model_validate(
        {
            "id": "x",
            "interval_minutes": 60,
            "meter_point": {"constant": "MP-1"},
            "stamp": {"column": "ts", "place": place, "zone": "+08:00"},
            "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
        }
    )
    text = "ts,kwh\n" + "\n".join(lines) + "\n"
    read = LongForm(mapping).read(text.encode(), "x.csv", CONF.section(FormatSettings))
    return [
        dict.fromkeys(BronzeLoadCurves.columns()) | row | {"content_hash": content}
        for row in read.rows.to_pylist()
    ]


@pytest.mark.parametrize("split", [1, 100, 479])
def test_a_long_file_cut_anywhere_gives_the_silver_of_the_whole_file(split: int) -> None:
    begin = datetime(2026, 3, 1, 1)  # noqa: DTZ001 - a sender's local time
    lines = [f"{begin + timedelta(hours=hour)},{hour * 7 % 24 + hour / 1000}" for hour in range(480)]
    whole = refine(*long_rows("w", lines, "interval_end"))
    parts = refine(
        *long_rows("a", lines[split:], "interval_end"), *long_rows("b", lines[:split], "interval_end")
    )
    silver = ["curve_date", "measured_kwh_or_kvarh", "final_kwh_or_kvarh", "interval_status_codes"]
    assert whole.curves.num_rows == 20
    assert parts.curves.select(silver).equals(whole.curves.select(silver))


@pytest.mark.parametrize("seed", range(40))
def test_any_deliveries_are_settled_interval_by_interval(seed: int) -> None:
    """Against the rule written out for one interval; values are few, so that many are equal."""
    random = np.random.default_rng(seed)
    day = np.sort(np.unique(random.integers(0, 9, 30), return_inverse=True)[1])
    energy = random.choice([1.0, 2.0, np.nan], (day.size, 12))
    timed = random.random(day.size) < 0.3
    for number in range(day.max() + 1):  # The best come first, and those with a time before those without.
        timed[day == number] = -np.sort(-timed[day == number].astype(int))
    own = np.isnan(energy) & (random.random(energy.shape) < 0.2)
    marked = random.random(energy.shape) < 0.3
    found = settle_intervals(Deliveries(day, timed, energy, marked, own))
    for number, slot in np.ndindex(found.energy.shape):
        told = [row for row in np.flatnonzero(day == number) if not np.isnan(energy[row, slot])]
        with_time = [row for row in told if timed[row]]
        disputed = not with_time and (
            len({energy[row, slot] for row in told}) > 1 or own[day == number, slot].any()
        )
        best = (with_time or told or [-1])[0]
        stands = -1 if disputed else best
        assert (found.by[number, slot], bool(found.disputed[number, slot])) == (stands, disputed)
        expected = np.nan if stands < 0 else energy[stands, slot]
        np.testing.assert_equal(found.energy[number, slot], expected)
        says_so = stands >= 0 and any(marked[row, slot] for row in ([stands] if with_time else told))
        assert bool(found.substituted[number, slot]) == says_so
