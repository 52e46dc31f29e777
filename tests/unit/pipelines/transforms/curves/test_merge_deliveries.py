"""Days that arrive in parts, as long files bring them: a part replaces what it tells and nothing else, in any
order.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest

from pipelines.formats import FormatSettings, LongForm, LongMapping
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.day_curves import CurveOutcome, refine_curves
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


def test_parts_of_a_day_without_a_sender_s_time_meet_and_contradictions_are_held_back() -> None:
    first, second = {hour: WHOLE[hour] for hour in range(12)}, {hour: WHOLE[hour] for hour in range(11, 24)}
    met = refine(part("a", first, None), part("b", second, None))
    assert (measured(met), met.quarantine.num_rows) == (WHOLE, 0)
    disputed = refine(part("a", first, None), part("b", second | {11: 99.0}, None))
    assert disputed.quarantine["reason_code"].to_pylist() == ["conflicting_values"] * 2
    assert disputed.curves.num_rows == 0


def test_a_part_that_tells_nothing_new_is_a_duplicate_and_one_that_is_wholly_replaced_is_superseded() -> None:
    outcome = refine(
        part("a", {3: 4.0}), part("b", dict(enumerate(WHOLE)), SENT + timedelta(hours=1)), part("c", {3: 9.0})
    )
    assert measured(outcome) == WHOLE
    assert accounts(outcome) == {"a": (1, 0, 1, 0, 0), "b": (1, 1, 0, 0, 0), "c": (1, 0, 0, 1, 0)}


def test_a_whole_day_that_is_sent_again_replaces_all_of_it_also_with_nothing() -> None:
    """Only what a delivery does not speak of is left to others: an empty value of a whole day stays empty."""
    again = part("b", dict(enumerate(WHOLE)), SENT + timedelta(hours=1), values_unscaled=[None, *WHOLE[1:]])
    assert measured(refine(part("a", dict(enumerate(WHOLE))), again)) == [None, *WHOLE[1:]]


@pytest.mark.parametrize("split", [1, 100, 479])
def test_a_long_file_cut_anywhere_gives_the_silver_of_the_whole_file(split: int) -> None:
    mapping = LongMapping.model_validate(
        {
            "id": "x",
            "interval_minutes": 60,
            "meter_point": {"constant": "MP-1"},
            "stamp": {"column": "ts", "place": "interval_end", "zone": "+08:00"},
            "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
        }
    )
    begin = datetime(2026, 3, 1, 1)  # noqa: DTZ001 - a sender's local time
    lines = [f"{begin + timedelta(hours=hour)},{hour % 24 + hour / 1000}" for hour in range(480)]

    def bronze(content: str, chosen: list[str]) -> list[dict[str, Any]]:
        read = LongForm(mapping).read(
            ("ts,kwh\n" + "\n".join(chosen) + "\n").encode(), "x.csv", CONF.section(FormatSettings)
        )
        return [
            dict.fromkeys(BronzeLoadCurves.columns()) | row | {"content_hash": content}
            for row in read.rows.to_pylist()
        ]

    whole = refine(*bronze("w", lines))
    parts = refine(*bronze("a", lines[split:]), *bronze("b", lines[:split]))
    silver = ["curve_date", "measured_kwh_or_kvarh", "final_kwh_or_kvarh", "interval_status_codes"]
    assert whole.curves.num_rows == 20
    assert parts.curves.select(silver).equals(whole.curves.select(silver))
