"""Rejects that follow a rule are named or stop the file, however few they are; chance is left alone."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import ReadResult
from pipelines.formats.power_curve import COLUMNS, POINT_COLUMNS, PowerCurveCsv
from pipelines.ingest.received_rows import SYSTEMATIC, TOO_MANY_BAD_ROWS, judge_rejects
from pipelines.settings import load_settings, packaged
from tests.unit.pipelines.formats.mapped_lines import SETTINGS, lines, mapping, read

LIMITS = load_settings(packaged("conf")).platform.ingest
HOURLY = mapping(interval_minutes=60, meter_point={"column": "meter"})


def hours(meter: str = "A", days: Iterable[int] = range(1, 11)) -> list[str]:
    return [
        f"{meter},2026-03-{day:02d} {hour:02d}:00,{0.5 + hour / 100}" for day in days for hour in range(24)
    ]


def broken(rows: list[str], places: Iterable[int], text: str = "x") -> list[str]:
    """The same with another text in the place of some values."""
    found = list(rows)
    for place in places:
        found[place] = f"{','.join(found[place].split(',')[:2])},{text}"
    return found


def answer(rows: list[str]) -> ReadResult:
    return read(lines(*rows), HOURLY)


def halted(rows: list[str]) -> str:
    """Why the file must not go on."""
    with pytest.raises(InputRefusedError) as refusal:
        judge_rejects(answer(rows), "x.csv", LIMITS)
    return f"{refusal.value.reason_code}: {refusal.value.reason}"


@pytest.mark.parametrize("hour", [0, 7, 23])
def test_one_time_of_every_day_stops_the_file(hour: int) -> None:
    told = halted(broken(hours(), range(hour, 240, 24)))
    where = ", ".join(str(line) for line in range(hour + 2, hour + 2 + 5 * 24, 24))
    assert told.startswith(
        f"{SYSTEMATIC}: one time of day is rejected on most days: {hour:02d}:00 on 10 of 10 days, of 1 of 1 "
        f"meter points (lines {where}, ...): found 'x', expected"
    )


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("2026-03-{day:02d} 24:61", "24:61"),
        ("2026-03-{day:02d}x", None),
        ("2026/03/{day:02d}", "a day without a time"),
    ],
)
def test_the_time_is_that_which_the_sender_wrote(written: str, named: str | None) -> None:
    rows = [
        row if not row.split(",")[1].endswith("00:00") else f"A,{written.format(day=place // 24 + 1)},1"
        for place, row in enumerate(hours())
    ]
    if named is None:
        assert judge_rejects(answer(rows), "x.csv", LIMITS) == ()
    else:
        assert f"{named} on 10 of 10 days" in halted(rows)


def test_a_time_of_most_days_is_a_warning_and_of_few_is_none() -> None:
    (told,) = judge_rejects(answer(broken(hours(), range(5, 24 * 5, 24))), "x.csv", LIMITS)
    assert "05:00 on 5 of 10 days" in told
    assert judge_rejects(answer(broken(hours(), range(5, 24 * 4, 24))), "x.csv", LIMITS) == ()


def test_two_days_are_a_warning_and_three_stop_the_file() -> None:
    two, three = hours(days=range(1, 3)), hours(days=range(1, 4))
    (told,) = judge_rejects(answer(broken(two, range(0, 48, 24))), "x.csv", LIMITS)
    assert "00:00 on 2 of 2 days" in told
    assert "00:00 on 3 of 3 days" in halted(broken(three, range(0, 72, 24)))


def test_the_time_of_one_meter_point_of_many_is_a_warning() -> None:
    rows = [*broken(hours("A"), range(3, 240, 24)), *hours("B"), *hours("C")]
    (told,) = judge_rejects(answer(rows), "x.csv", LIMITS)
    assert "03:00 on 10 of 10 days, of 1 of 3 meter points" in told
    both = [*broken(hours("A"), range(3, 240, 24)), *broken(hours("B"), range(3, 240, 24)), *hours("C")]
    assert "of 2 of 3 meter points" in halted(both)


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_left_alone(seed: int) -> None:
    """4 % of the lines of five meter points, anywhere."""
    rows = [row for meter in "ABCDE" for row in hours(meter, range(1, 31))]
    chosen = random.Random(seed).sample(range(len(rows)), len(rows) // 25)
    assert judge_rejects(answer(broken(rows, chosen)), "x.csv", LIMITS) == ()


@pytest.mark.parametrize("written", ['"1,204"', '"1,204.5"', "1 204", "1204 kWh", "1,204"])
def test_the_highest_values_stop_the_file(written: str) -> None:
    bare = written.strip('"')
    apart = "" if "kWh" in written else " with thousands set apart"
    assert halted(broken(hours(), (30, 77), written)).startswith(
        f"{SYSTEMATIC}: the highest values of kwh are rejected: 2 such as '{bare}'{apart} lie above all that "
        "are read, the largest of which is 0.73 (lines 32, 79): "
    )


def test_one_highest_value_is_a_warning_and_a_low_or_unreadable_one_is_none() -> None:
    (told,) = judge_rejects(answer(broken(hours(), (30,), '"1,204"')), "x.csv", LIMITS)
    assert "'1,204' with thousands set apart lie above all" in told
    for text in ('"0,204"', "0.1 kWh", "none", "1.2.3"):
        assert judge_rejects(answer(broken(hours(), (30, 77), text)), "x.csv", LIMITS) == ()


def test_a_meter_point_of_which_nothing_can_be_read_is_named_and_the_others_go_on() -> None:
    rows = [*hours("A"), *broken(hours("B"), range(240)), *hours("C")]
    (told,) = judge_rejects(answer(rows), "x.csv", LIMITS)
    assert told.startswith(
        "nothing can be read of 1 of 3 meter points, 'B' (lines 242, 243, 244, 245, 246, ...): found"
    )
    most = [*hours("A"), *broken(hours("B"), range(240)), *broken(hours("C"), range(240))]
    assert halted(most).startswith(f"{TOO_MANY_BAD_ROWS}: 480 of 720 records are unreadable")
    assert "nothing can be read of 2 of 3 meter points, 'B', 'C'" in halted(most)


def test_the_other_records_of_a_file_with_a_lost_meter_point_are_judged_by_their_share() -> None:
    lost = broken(hours("B"), range(240))
    some, more = (broken(hours("A"), range(0, 240, step)) for step in (31, 19))
    (told,) = judge_rejects(answer([*some, *lost]), "x.csv", LIMITS)
    assert "1 of 2 meter points, 'B'" in told
    assert halted([*more, *lost]).startswith(f"{TOO_MANY_BAD_ROWS}: 13 of 240 records are unreadable")


def test_a_meter_point_most_of_whose_records_cannot_be_read_is_named() -> None:
    rows = [row for meter in "ACDEFGHIJKLMNOPQ" for row in hours(meter)]
    told = judge_rejects(answer([*rows, *broken(hours("B"), range(150))]), "x.csv", LIMITS)
    assert told[0].startswith("most records cannot be read of 1 of 17 meter points, 'B' (lines")


def test_a_stretch_of_the_file_is_named() -> None:
    rows = hours(days=range(1, 29))
    (told,) = judge_rejects(answer(broken(rows, [*range(300, 312), *range(313, 320)])), "x.csv", LIMITS)
    assert told.startswith(
        "most records of one stretch are rejected: 19 of 20 from line 302 to 321 (lines 302,"
    )
    assert judge_rejects(answer(broken(rows, range(300, 311))), "x.csv", LIMITS) == ()


def day_curve(meter: str, day: int, **points: str) -> str:
    told = dict.fromkeys(COLUMNS, "") | {"ID": meter, "DATA_DATE": f"2026-03-{day:02d}", "DATA_TYPE": "1"}
    return ",".join((told | dict.fromkeys(POINT_COLUMNS, "5.5") | points).values())


def test_rows_of_a_day_are_judged_by_meter_point_and_by_their_highest_values() -> None:
    good = [day_curve(meter, day) for meter in ("A", "B", "C") for day in range(1, 29)]

    def judged(*more: str) -> tuple[str, ...]:
        text = "\n".join([",".join(COLUMNS), *good, *more]) + "\n"
        return judge_rejects(PowerCurveCsv().read(text.encode(), "x.csv", SETTINGS), "x.csv", LIMITS)

    assert judged() == ()
    assert judged(day_curve("A", 29, P7="x"), day_curve("B", 29, P80="x")) == ()
    (told,) = judged(*(day_curve("D", day, P7="x") for day in range(1, 5)))
    assert told.startswith(
        "nothing can be read of 1 of 4 meter points, 'D' (lines 86, 87, 88, 89): found 'x'"
    )
    with pytest.raises(
        InputRefusedError, match=r"the highest values of P7 are rejected: 2 such as '1,020\.5'"
    ):
        judged(day_curve("A", 29, P7='"1,020.5"'), day_curve("B", 29, P7='"1,131.0"'))


@pytest.mark.parametrize("key", ["reading", "sign"])
def test_the_highest_value_is_that_which_was_received(key: str) -> None:
    """Neither the differences of a counter nor the negative half of a net column is what a cell shows."""
    declared, values = {
        "reading": ("cumulative", [8350.25 + place / 4 for place in range(240)]),
        "sign": ("split", [-5.0 if 10 <= place % 24 < 14 else 2.0 + place / 1000 for place in range(240)]),
    }[key]
    column = {"column": "kwh", "unit": "kWh", "channel": "active_forward", key: declared}
    rows = [f"{row.rsplit(',', 1)[0]},{value}" for row, value in zip(hours(), values, strict=True)]
    for place in (30, 100):
        rows[place] += " kWh"
    found = read(lines(*rows), mapping(interval_minutes=60, meter_point={"column": "meter"}, values=[column]))
    assert found.fields is not None
    assert found.fields.largest == {"kwh": max(values)}
    judge_rejects(found, "x.csv", LIMITS)
