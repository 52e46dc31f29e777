"""Green Button: what a file says of its readings, what is left out, and XML that means harm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import LongMapping, ReadResult, detect
from pipelines.formats.contract import rows_schema
from pipelines.tables.bronze import BronzeLoadCurves
from tests.unit.pipelines.formats.mapped_lines import SETTINGS, mapping

FIRST = 1772298000  # 2026-03-01 00:00 at +07:00
HOME = "/espi/1_1/resource/User/5446/UsagePoint/01"
HOUR = 3600


def entry(own: str, inside: str, up: str = "", related: Sequence[str] = ()) -> str:
    links = "".join(
        f'<link rel="{rel}" href="{href}"/>'
        for rel, href in [("self", own), ("up", up), *(("related", each) for each in related)]
        if href
    )
    return f'<entry><id>urn:uuid:1</id>{links}<content><x xmlns="">{inside}</x></content></entry>\n'


def espi(tag: str, inside: str = "", **children: object) -> str:
    told = "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in children.items())
    return f"<espi:{tag}>{told}{inside}</espi:{tag}>"


def readings(values: Sequence[Any], start: int = FIRST, length: int = HOUR, quality: object = None) -> str:
    return "".join(
        espi(
            "IntervalReading",
            ("" if quality is None else espi("ReadingQuality", quality=quality))
            + espi("timePeriod", duration=length, start=start + number * length)
            + espi("value", str(value)),
        )
        for number, value in enumerate(values)
    )


def series(inside: str, number: int = 1, point: str = HOME, **told: object) -> str:
    """A MeterReading with its ReadingType and one block of readings."""
    counted = {"accumulationBehaviour": 4, "flowDirection": 1, "powerOfTenMultiplier": 0, "uom": 72} | told
    kind = {name: value for name, value in counted.items() if value is not None}
    meter, type_ = f"{point}/MeterReading/{number}", f"/espi/1_1/resource/ReadingType/{number}"
    return (
        entry(meter, espi("MeterReading"), f"{point}/MeterReading", [f"{meter}/IntervalBlock", type_])
        + entry(type_, espi("ReadingType", **kind))
        + entry(
            f"{meter}/IntervalBlock/{number}",
            espi("IntervalBlock", espi("interval", duration=86400, start=FIRST) + inside),
            f"{meter}/IntervalBlock",
        )
    )


def feed(*parts: str, offset: int | None = 25200, head: str = '<?xml version="1.0"?>') -> bytes:
    local = (
        ""
        if offset is None
        else entry("/LocalTimeParameters/1", espi("LocalTimeParameters", tzOffset=offset))
    )
    return (
        f'{head}<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">'
        f"{entry(HOME, espi('UsagePoint'))}{local}{''.join(parts)}</feed>"
    ).encode()


def read(content: bytes, *mappings: LongMapping, name: str = "a.xml") -> ReadResult:
    result = detect(name, content, mappings).read(content, name, SETTINGS)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def refused(content: bytes, *mappings: LongMapping) -> tuple[str, str]:
    with pytest.raises(InputRefusedError) as refusal:
        read(content, *mappings)
    return refusal.value.reason_code, refusal.value.reason


def test_a_day_of_watt_hours_becomes_a_row_of_its_local_day() -> None:
    result = read(feed(series(readings(range(24)))))
    assert result.rows.schema == rows_schema(BronzeLoadCurves)
    (row,) = result.rows.to_pylist()
    assert (row["meter_point_id"], row["channel_code"]) == ("GB-5446-01", "active_forward")
    assert (row["curve_date"], row["interval_minutes"], row["measure_code"]) == (
        date(2026, 3, 1),
        60,
        "energy",
    )
    assert row["values_unscaled"] == pytest.approx([number / 1000 for number in range(24)])
    assert (row["present_flags"], row["sender_quality_codes"], row["line_number"]) == (None, None, 1)
    assert result.warnings == ()


def test_without_an_offset_days_are_cut_in_utc() -> None:
    days = read(feed(series(readings(range(24))), offset=None)).rows["curve_date"].to_pylist()
    assert days == [date(2026, 2, 28), date(2026, 3, 1)]


@pytest.mark.parametrize(("power", "value"), [(0, 0.005), (3, 5.0), (-3, 0.000005)])
def test_values_are_multiplied_by_their_power_of_ten(power: int, value: float) -> None:
    row = read(feed(series(readings([5] * 24), powerOfTenMultiplier=power))).rows.to_pylist()[0]
    assert row["values_unscaled"][0] == pytest.approx(value)


def test_both_directions_and_two_usage_points_stay_apart() -> None:
    other = HOME.replace("/01", "/02")
    result = read(
        feed(
            series(readings([1] * 24)),
            series(readings([2] * 24), 2, flowDirection=19),
            series(readings([3] * 96, length=900), 3, other),
        )
    )
    assert [
        (row["meter_point_id"], row["channel_code"], row["interval_minutes"], sum(row["values_unscaled"]))
        for row in sorted(result.rows.to_pylist(), key=lambda row: row["line_number"])
    ] == [
        ("GB-5446-01", "active_forward", 60, pytest.approx(0.024)),
        ("GB-5446-01", "active_reverse", 60, pytest.approx(0.048)),
        ("GB-5446-02", "active_forward", 15, pytest.approx(0.288)),
    ]


def test_the_quality_of_a_reading_is_kept() -> None:
    inside = readings([1] * 12, quality=17) + readings([2] * 12, FIRST + 12 * HOUR, quality=8)
    (row,) = read(feed(series(inside))).rows.to_pylist()
    assert row["sender_quality_codes"] == ["A"] * 12 + ["E"] * 12


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"uom": 169}, "uom 169"),
        ({"uom": None}, "no ReadingType tells the unit"),
        ({"accumulationBehaviour": 3}, "accumulationBehaviour 3"),
        ({"flowDirection": 4}, "flowDirection 4"),
        ({"flowDirection": None}, "no flowDirection"),
        ({"powerOfTenMultiplier": "9999999"}, "powerOfTenMultiplier"),
    ],
)
def test_what_is_no_energy_of_intervals_in_one_direction_is_left_out_or_refused(
    told: dict[str, object], reason: str
) -> None:
    odd = series(readings([9] * 24), 2, **told)
    code, found = refused(feed(odd))
    assert (code, reason in found) == ("wrong_type", True)
    result = read(feed(series(readings([1] * 24)), odd))
    assert result.rows.num_rows == 1
    (note,) = result.warnings
    assert note.startswith("24 readings are left out: ")
    assert reason in note


def test_bad_readings_are_held_back_with_their_number() -> None:
    values = ["1"] * 24
    values[3], values[7] = "1.5", ""
    inside = readings(values) + readings([1], FIRST, 86400) + readings([1], FIRST + 48 * HOUR, 7 * 60)
    result = read(feed(series(inside)))
    told = [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in result.rejects.to_pylist()
    ]
    assert told == [
        (4, "value", "bad_structure"),
        (8, "value", "bad_structure"),
        (25, "duration", "bad_structure"),
        (26, "duration", "bad_structure"),
    ]
    assert result.record_count == 26


def test_a_reading_told_twice_and_differently_is_disputed_by_its_own_number() -> None:
    result = read(feed(series(readings([1] * 24)), series(readings([2]), 2)))
    assert sorted(row["line_number"] for row in result.rejects.to_pylist()) == [1, 25]


PLAIN = feed().replace(b"</feed>", espi("IntervalBlock", readings([71] * 24)).encode() + b"</feed>")


def test_a_file_that_leaves_its_meaning_open_is_read_under_a_mapping() -> None:
    assert refused(PLAIN)[0] == "wrong_type"
    declared = mapping(
        files=["*.xml"],
        interval_minutes=60,
        meter_point={"constant": "HOME-1"},
        stamp={"column": "start", "place": "interval_start", "zone": "UTC", "day_offset": "+07:00"},
        values=[{"column": "value", "unit": "Wh", "channel": "active_forward"}],
    )
    (row,) = read(PLAIN, declared).rows.to_pylist()
    assert (row["meter_point_id"], row["values_unscaled"]) == ("HOME-1", pytest.approx([0.071] * 24))
    wrong = declared.model_copy(update={"values": (declared.values[0].model_copy(update={"unit": "kwh"}),)})
    assert read(PLAIN, wrong).rows.to_pylist()[0]["values_unscaled"] == [71.0] * 24
    assert refused(feed(series(readings([71] * 24))), wrong)[0] == "wrong_type"
    assert refused(PLAIN, mapping(files=["*.xml"]))[0] == "missing_column"


BOMB = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (feed(series(readings([1] * 24)), head=BOMB), "bad_structure"),
        (
            feed(series(readings([1] * 24)), head='<!DOCTYPE feed SYSTEM "file:///etc/passwd">'),
            "bad_structure",
        ),
        (feed(series(readings([1] * 24)))[:-300], "truncated"),
        (feed(series(readings([1] * 24))).replace(b"</feed>", b"</feeds>"), "bad_structure"),
        (feed(series(readings(["&x;"] * 24))), "bad_structure"),
        (feed(), "no_records"),
        (feed("<a>" * 100_000 + "</a>" * 100_000), "no_records"),
    ],
    ids=["bomb", "file", "cut", "tags", "entity", "empty", "deep"],
)
def test_xml_that_is_damaged_or_means_harm_is_refused(content: bytes, code: str) -> None:
    assert refused(content)[0] == code


def test_more_readings_than_allowed_are_refused_on_the_way() -> None:
    content = feed(series(readings([1] * 24)))
    with pytest.raises(InputRefusedError) as refusal:
        detect("a", content).read(content, "a", SETTINGS.model_copy(update={"max_records": 23}))
    assert refusal.value.reason_code == "too_many_records"


def test_other_xml_is_named_as_such() -> None:
    assert refused(b"<rows><row/></rows>")[0] == "wrong_kind"


def test_a_series_may_change_its_length_from_one_day_to_the_next() -> None:
    """Two days of hours, then a day of quarters: all of it came, and a file of both was halted."""
    hours, quarters = readings([100] * 48), readings([25] * 96, FIRST + 48 * HOUR, 900)
    result = read(feed(series(hours + quarters)))
    assert result.rejects.num_rows == 0
    rows = result.rows.to_pylist()
    assert sorted((row["interval_minutes"], sum(row["values_unscaled"])) for row in rows) == [
        (15, pytest.approx(2.4)),
        (60, pytest.approx(2.4)),
        (60, pytest.approx(2.4)),
    ]


def test_the_sum_of_a_day_beside_its_hours_is_held_back_and_alone_is_its_energy() -> None:
    sums = readings([2400], FIRST, 24 * HOUR) + readings([2400], FIRST + 24 * HOUR, 24 * HOUR)
    result = read(feed(series(readings([100] * 24) + sums)))
    assert result.rejects["reason"].to_pylist() == ["found 1440 minutes on a day of 60 minutes"]
    assert sorted(sum(row["values_unscaled"]) for row in result.rows.to_pylist()) == pytest.approx([2.4, 2.4])
