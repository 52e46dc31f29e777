"""Long files under a mapping: units, zones, either end of an interval, re-sent rows, quality codes, and what
is refused.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import (
    LongForm,
    detect,
)
from pipelines.settings import packaged
from tests.unit.pipelines.formats.mapped_lines import (
    PLAIN,
    SETTINGS,
    as_parquet,
    lines,
    mapping,
    read,
    stamped,
    told,
)


def test_lines_become_days_with_what_was_not_delivered_marked() -> None:
    result = read(
        lines(
            "A,2026-09-01 00:00:00,1.5",
            "B,2026-09-01 00:30:00,2",
            "A,2026-09-01 23:30:00,3",
            "A,2026-09-02 00:00,4",
        ),
        mapping(),
    )
    day, other = date(2026, 9, 1), date(2026, 9, 2)
    assert told(result) == {
        ("MP-A", "active_forward", day): {0: 1.5, 47: 3.0},
        ("MP-A", "active_forward", other): {0: 4.0},
        ("MP-B", "active_forward", day): {1: 2.0},
    }
    first = result.rows.to_pylist()[0]
    assert (first["interval_minutes"], first["measure_code"], first["line_number"], first["curve_month"]) == (
        30,
        "energy",
        2,
        "2026-09",
    )
    assert first["present_flags"] == "1" + "-" * 46 + "1"
    assert (first["sent_at_utc"], first["sender_quality_codes"]) == (None, None)
    assert result.record_count == 4


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_a_whole_day_keeps_its_own_resolution_and_has_no_flags(minutes: int) -> None:
    begin = datetime(2026, 9, 1)  # noqa: DTZ001 - a sender's local time
    rows = [f"A,{begin + timedelta(minutes=minutes * slot)},{slot}" for slot in range(1440 // minutes)]
    (row,) = read(lines(*reversed(rows)), mapping(interval_minutes=minutes)).rows.to_pylist()
    assert row["values_unscaled"] == [float(slot) for slot in range(1440 // minutes)]
    assert (row["interval_minutes"], row["present_flags"]) == (minutes, None)


@pytest.mark.parametrize(
    ("unit", "channel", "measure", "value"),
    [
        ("kWh", "active_forward", "energy", 2000.0),
        ("Wh", "active_reverse", "energy", 2.0),
        ("MWH", "active_forward", "energy", 2_000_000.0),
        ("kW", "active_reverse", "mean_power", 2000.0),
        ("MW", "active_forward", "mean_power", 2_000_000.0),
        ("kvarh", "reactive_leading", "energy", 2000.0),
        ("var", "reactive_lagging", "mean_power", 2.0),
    ],
)
def test_unit_and_channel(unit: str, channel: str, measure: str, value: float) -> None:
    declared = mapping(values=[{"column": "kwh", "unit": unit, "channel": channel}])
    (row,) = read(lines("A,2026-09-01 00:00:00,2000"), declared).rows.to_pylist()
    assert (row["channel_code"], row["measure_code"], row["values_unscaled"][0]) == (channel, measure, value)


@pytest.mark.parametrize(
    ("changes", "stamp", "day", "slot"),
    [
        ({}, "2026-09-01 00:00:00", date(2026, 9, 1), 0),
        ({"place": "interval_end"}, "2026-09-01 00:30:00", date(2026, 9, 1), 0),
        ({"place": "interval_end"}, "2026-09-02 00:00:00", date(2026, 9, 1), 47),
        ({"place": "interval_end", "midnight": "same_day"}, "2026-09-01 00:00:00", date(2026, 9, 1), 47),
        ({"place": "interval_end", "midnight": "same_day"}, "2026-09-01 00:30:00", date(2026, 9, 1), 0),
        ({"zone": "UTC"}, "2026-09-01 00:00:00", date(2026, 9, 1), 0),
        ({"zone": "+08:00"}, "2026-08-31T16:00:00Z", date(2026, 9, 1), 0),
        ({"zone": "Asia/Shanghai"}, "2026-08-31T16:00:00+00:00", date(2026, 9, 1), 0),
        ({"zone": "UTC", "day_offset": "+08:00"}, "2026-08-31 16:30:00", date(2026, 9, 1), 1),
        (
            {"zone": "Australia/Melbourne", "day_offset": "+10:00"},
            "2026-01-10 01:00:00",
            date(2026, 1, 10),
            0,
        ),
        (
            {"zone": "Australia/Melbourne", "day_offset": "+10:00"},
            "2026-07-10 01:00:00",
            date(2026, 7, 10),
            2,
        ),
        ({"format": "%d/%m/%Y %H:%M"}, "1/9/2026 0:30", date(2026, 9, 1), 1),
    ],
)
def test_zone_and_end_of_the_interval(changes: dict[str, str], stamp: str, day: date, slot: int) -> None:
    assert told(read(lines(f"A,{stamp},1"), mapping(**stamped(**changes)))) == {
        ("MP-A", "active_forward", day): {slot: 1.0}
    }


@pytest.mark.parametrize("stamp", ["2026-04-05 02:30:00", "2026-10-04 02:30:00"])
def test_a_stamp_that_was_twice_or_never_is_held_back(stamp: str) -> None:
    declared = mapping(**stamped(zone="Australia/Melbourne", day_offset="+10:00"))
    good = "2026-04-05 04:00:00"
    for content in (
        lines(f"A,{stamp},1", f"A,{good},1"),
        as_parquet({"meter": ["A", "A"], "ts": [stamp, good], "kwh": [1.0, 1.0]}),
    ):
        result = read(content, declared)
        assert [row["reason_code"] for row in result.rejects.to_pylist()] == ["bad_date"]
        assert result.rows.num_rows == 1


def test_of_two_rows_the_larger_sender_s_time_stands_whatever_the_order() -> None:
    declared = mapping(received_at={"column": "sent"})
    rows = [
        "A,2026-09-01 00:00:00,1,2026-09-02 01:00:00",
        "A,2026-09-01 00:00:00,2,2026-09-02 03:00:00",
        "A,2026-09-01 00:00:00,3,2026-09-02 02:00:00",
    ]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        result = read(lines(*(rows[place] for place in order), header="meter,ts,kwh,sent"), declared)
        assert told(result) == {("MP-A", "active_forward", date(2026, 9, 1)): {0: 2.0}}
        assert result.rows["sent_at_utc"].to_pylist() == [datetime(2026, 9, 1, 19, tzinfo=UTC)]
        assert "2 of them told an interval again" in result.notes[-1]


def test_rows_that_differ_without_a_sender_s_time_are_all_held_back_and_equal_ones_are_one() -> None:
    result = read(
        lines(
            "A,2026-09-01 00:00:00,1",
            "A,2026-09-01 00:00:00,2",
            "A,2026-09-01 00:30:00,5",
            "A,2026-09-01 00:30:00,5",
        ),
        mapping(),
    )
    assert told(result) == {("MP-A", "active_forward", date(2026, 9, 1)): {1: 5.0}}
    assert [(row["line_number"], row["reason_code"]) for row in result.rejects.to_pylist()] == [
        (2, "conflicting_values"),
        (3, "conflicting_values"),
    ]


def test_channel_and_quality_columns() -> None:
    declared = mapping(
        values=[{"column": "kwh", "unit": "kWh"}],
        channel={"column": "direction", "codes": {"in": "active_forward", "out": "active_reverse"}},
        quality={"column": "q", "codes": {"ok": "A", "est": "E", "none": "N"}},
    )
    text = lines(
        "A,2026-09-01 00:00:00,1,in,ok",
        "A,2026-09-01 00:00:00,2,out,est",
        "A,2026-09-01 00:30:00,3,in,none",
        "A,2026-09-01 01:00:00,4,up,ok",
        "A,2026-09-01 01:00:00,5,in,",
        header="meter,ts,kwh,direction,q",
    )
    result = read(text, declared)
    day = date(2026, 9, 1)
    assert told(result) == {
        ("MP-A", "active_forward", day): {0: 1.0, 2: 5.0},
        ("MP-A", "active_reverse", day): {0: 2.0},
    }
    assert [row["sender_quality_codes"][:3] for row in result.rows.to_pylist()] == [
        ["A", None, None],
        ["E", None, None],
    ]
    assert [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in result.rejects.to_pylist()
    ] == [(5, "direction", "bad_code")]


def test_two_value_columns_are_two_channels_with_lines_of_their_own() -> None:
    declared = mapping(
        values=[*PLAIN["values"], {"column": "kvarh", "unit": "kvarh", "channel": "reactive_lagging"}]
    )
    result = read(
        lines("A,2026-09-01 00:00:00,1,7", "A,2026-09-01 00:30:00,,8", header="meter,ts,kwh,kvarh"), declared
    )
    day = date(2026, 9, 1)
    assert told(result) == {
        ("MP-A", "active_forward", day): {0: 1.0},
        ("MP-A", "reactive_lagging", day): {0: 7.0, 1: 8.0},
    }
    assert len(set(result.rows["line_number"].to_pylist())) == 2


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A,2026-09-01 00:10:00,1", "ts", "bad_date"),
        ("A,2026-09-31 00:00:00,1", "ts", "bad_date"),
        ("A,1980-09-01 00:00:00,1", "ts", "bad_date"),
        ("A,,1", "ts", "missing_key"),
        (",2026-09-01 00:00:00,1", "meter", "missing_key"),
        ("A,2026-09-01 00:00:00,one", "kwh", "bad_number"),
        ("A,2026-09-01 00:00:00,1,234", None, "too_many_fields"),
        ("A,2026-09-01 00:00:00", "kwh", "too_few_fields"),
        ("A,2026-09-01 00:00:00,1\x00", "kwh", "nul_byte"),
    ],
)
def test_a_bad_line_is_held_back_with_its_place(row: str, column: str | None, reason: str) -> None:
    result = read(lines("A,2026-09-01 01:00:00,9", row), mapping())
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"], held["reason_code"]) == (3, column, reason)
    assert held["raw_record"] == row.replace("\x00", "\\x00")
    assert told(result) == {("MP-A", "active_forward", date(2026, 9, 1)): {2: 9.0}}


def test_the_encoding_is_the_declared_one() -> None:
    text = lines("厂一,2026-09-01 00:00:00,1")
    assert told(read(text.encode("gbk"), mapping(encoding="gbk"))) == {
        ("MP-厂一", "active_forward", date(2026, 9, 1)): {0: 1.0}
    }
    rejects = read(text.encode("gbk"), mapping()).rejects.to_pylist()
    assert [(row["line_number"], row["column_name"], row["reason_code"]) for row in rejects] == [
        (2, "meter", "bad_encoding")
    ]


@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
@pytest.mark.parametrize("column", ["meter", "ts"])
def test_a_parquet_line_that_is_no_text_is_held_back_alone(column: str, kind: pa.DataType) -> None:
    rows = {"meter": ["A", "A", "A"], "ts": [f"2026-03-01 0{hour}:00:00" for hour in range(3)]}
    rows[column][1] = "Cxyz1"
    texts = {name: pa.array(values).cast(kind) for name, values in rows.items()}
    content = as_parquet(texts | {"kwh": [1.0, 2.0, 3.0]}).replace(b"Cxyz1", b"C\xff\xfe\xfd1")
    result = read(content, mapping(), "long.parquet")
    assert [*told(result).values()] == [{0: 1.0, 4: 3.0}]
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"]) == (2, column)
    assert held["reason_code"] == "bad_encoding"


def test_csv_and_parquet_tell_the_same() -> None:
    generator = np.random.default_rng(5)
    count = 3000
    meters = generator.integers(0, 7, count)
    stamps = np.datetime64("2026-03-01") + generator.integers(0, 48 * 20, count) * np.timedelta64(30, "m")
    sent = np.datetime64("2026-05-01") + np.arange(count) * np.timedelta64(1, "s")
    table = pa.table(
        {
            "meter": [f"M{m}" for m in meters],
            "ts": pa.array(stamps.astype("datetime64[us]")),
            "kwh": generator.random(count).round(3),
            "sent": pa.array(sent.astype("datetime64[us]")),
        }
    )
    rows = [f"{row['meter']},{row['ts']},{row['kwh']},{row['sent']}" for row in table.to_pylist()]
    declared = mapping(received_at={"column": "sent"})
    by_text = read(lines(*rows, header="meter,ts,kwh,sent"), declared)
    by_type = read(as_parquet({name: table[name] for name in table.column_names}), declared)
    assert by_text.rows.drop_columns("line_number").equals(by_type.rows.drop_columns("line_number"))
    assert pc.subtract(by_text.rows["line_number"], by_type.rows["line_number"]).unique().to_pylist() == [1]
    # An oracle that knows nothing of arrays: the last row of each interval, for the sender's time rises with
    # the row.
    expected: dict[tuple[str, Any], float] = {
        (row["meter"], row["ts"]): row["kwh"] for row in table.to_pylist()
    }
    found = {
        (
            meter.removeprefix("MP-"),
            datetime.combine(day, datetime.min.time()) + timedelta(minutes=30 * slot),
        ): value
        for (meter, _, day), values in told(by_type).items()
        for slot, value in values.items()
    }
    assert found == expected


def test_a_file_that_the_mapping_does_not_fit_is_refused() -> None:
    with pytest.raises(InputRefusedError) as missing:
        read("meter,when,kwh\n", mapping())
    assert (missing.value.reason_code, missing.value.column) == ("missing_column", "ts")
    wrong = as_parquet(
        {
            "meter": ["A"] * 3000,
            "ts": pa.array(np.arange(3000) * 1800 + 1_770_000_420).cast(pa.timestamp("s")),
            "kwh": np.ones(3000),
        }
    )
    with pytest.raises(InputRefusedError, match="does the mapping fit"):
        read(wrong, mapping(), "long.parquet")
    with pytest.raises(InputRefusedError) as typed:
        read(as_parquet({"meter": ["A"], "ts": ["2026-01-01 00:00:00"], "kwh": ["1"]}), mapping())
    assert typed.value.reason_code == "wrong_type"


def test_the_name_decides_only_where_a_mapping_is_declared_for_it() -> None:
    declared = mapping(files=["metering_*.csv"])
    assert detect("in/metering_9.csv", b"meter,ts,kwh\n", [declared]).id == "long_plain"
    with pytest.raises(InputRefusedError):
        detect("other.csv", b"meter,ts,kwh\n", [declared])


def test_the_steel_file_s_midnight_rows_close_the_day_they_are_written_under(reference_data: Path) -> None:
    """The public file under a mapping tells the same as the committed E_MP_POWER_CURVE samples, which were
    made from it by other code.
    """
    declared = mapping(
        interval_minutes=15,
        meter_point={"constant": "MP-STEEL-0001"},
        stamp={
            "column": "date",
            "place": "interval_end",
            "midnight": "same_day",
            "zone": "+08:00",
            "format": "%d/%m/%Y %H:%M",
        },
        values=[
            {"column": "Usage_kWh", "unit": "kWh", "channel": "active_forward"},
            {
                "column": "Lagging_Current_Reactive.Power_kVarh",
                "unit": "kvarh",
                "channel": "reactive_lagging",
            },
        ],
    )
    result = read((reference_data / "steel_15min.parquet").read_bytes(), declared, "steel_15min.parquet")
    part = result.rows.filter(pc.is_valid(result.rows["present_flags"]))
    assert (result.rejects.num_rows, part["curve_date"].to_pylist()) == (0, [date(2018, 10, 1)] * 2), (
        "the file ends at 18:00 of its last day"
    )
    assert part["present_flags"].to_pylist() == ["1" * 72 + "-" * 24] * 2
    found = {
        (row["channel_code"], row["curve_date"] + timedelta(weeks=418)): row["values_unscaled"]
        for row in result.rows.to_pylist()
    }
    compared = 0
    for path in sorted((packaged("samples") / "steel").glob("E_MP_POWER_CURVE_*.csv")):
        content = path.read_bytes()
        for row in detect(path.name, content).read(content, path.name, SETTINGS).rows.to_pylist():
            if row["channel_code"] != "reactive_leading":
                energy = [None if value is None else value * 1000 / 4 for value in row["values_unscaled"]]
                expected = found[row["channel_code"], row["curve_date"]]
                assert [value is None for value in energy] == [value is None for value in expected]
                assert [value for value in energy if value is not None] == pytest.approx(
                    [value for value in expected if value is not None], abs=0.0013
                )
                compared += 1
    assert compared == 2 * len({day for _, day in found})


def test_a_header_beyond_all_measure_is_refused_before_it_is_split() -> None:
    """Ten million names would take seconds and most of a gigabyte; the limit is 64 KiB."""
    fits = "meter,ts,kwh," + "x" * (65536 - len("meter,ts,kwh,"))
    assert read(lines("A,2026-09-01 00:00:00,1.5,", header=fits), mapping()).received_rows == 1
    with pytest.raises(InputRefusedError) as refused:
        LongForm(mapping()).read(("c," * 10_000_000).encode(), "wide.csv", SETTINGS)
    assert refused.value.reason_code == "bad_structure"
    assert "longer than 65536 bytes" in str(refused.value)


def test_a_stamp_off_the_grid_is_told_in_the_sender_s_own_time() -> None:
    (reject,) = read(lines("A,2026-09-01 00:10:00,1"), mapping()).rejects.to_pylist()
    assert "found 2026-09-01 00:10:00+08:00, expected" in reject["reason"]


def test_bytes_of_another_encoding_are_told_where_to_declare_it() -> None:
    (reject,) = read(lines("甲,2026-09-01 00:00:00,1").encode("gbk"), mapping()).rejects.to_pylist()
    assert "encodings" in reject["reason"]
