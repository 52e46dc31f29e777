"""Readings of a counter: differenced where they are declared, refused by that word where they are not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.errors import InputRefusedError
from pipelines.formats import LongMapping, ReadResult
from tests.unit.pipelines.formats.mapped_lines import lines, mapping, read, stamped, told

FIRST = datetime(2026, 9, 1)  # noqa: DTZ001 - a sender's local time


def declared(reading: str = "cumulative", minutes: int = 60, **changes: object) -> LongMapping:
    column = {"column": "kwh", "unit": "kWh", "channel": "active_forward", "reading": reading}
    return mapping(interval_minutes=minutes, values=[column], **changes)


def readings(meter: str, values: list[float], minutes: int = 60, first: datetime = FIRST) -> list[str]:
    return [
        f"{meter},{first + timedelta(minutes=minutes * place)},{value:.10g}"
        for place, value in enumerate(values)
    ]


def slots(result: ReadResult, day: int = 0) -> dict[int, float]:
    return told(result)["MP-A", "active_forward", (FIRST + timedelta(days=day)).date()]


def test_a_day_of_readings_is_the_energy_of_its_steps() -> None:
    """24 readings from 1000.0 in steps of 0.5: 23 steps, 11.5 kWh, whatever the order of the lines."""
    rows = readings("A", [1000 + 0.5 * hour for hour in range(24)])
    for given in (rows, rows[::-1]):
        result = read(lines(*given), declared())
        assert slots(result) == dict.fromkeys(range(23), 0.5)
        assert result.rejects.num_rows == 0
        assert result.warnings == ()


def test_a_difference_is_of_the_interval_between_its_two_readings_at_whichever_end_stamps_are() -> None:
    rows = readings("A", [100, 101, 103, 106, 110])
    assert slots(read(lines(*rows), declared())) == {0: 1, 1: 2, 2: 3, 3: 4}
    assert slots(read(lines(*rows), declared(**stamped(place="interval_end")))) == {0: 1, 1: 2, 2: 3, 3: 4}


def test_the_unit_holds_for_the_difference_and_each_series_has_its_own() -> None:
    column = {"column": "kwh", "unit": "MWh", "channel": "active_forward", "reading": "cumulative"}
    result = read(
        lines(*readings("A", [8, 8.25, 8.5]), *readings("B", [1, 1.001, 1.001])),
        mapping(interval_minutes=60, values=[column]),
    )
    found = told(result)
    assert found["MP-A", "active_forward", FIRST.date()] == {0: 250, 1: 250}
    assert found["MP-B", "active_forward", FIRST.date()] == {0: 1, 1: 0}


def test_over_a_gap_nothing_is_measured_and_its_energy_is_told() -> None:
    rows = readings("A", [100 + hour for hour in range(24)])
    del rows[5:8]
    result = read(lines(*rows), declared())
    assert slots(result) == dict.fromkeys([*range(4), *range(8, 23)], 1)
    (told_of,) = result.warnings
    assert "1 of 'MP-A' from 2026-09-01 to 2026-09-01" in told_of
    assert "the energy over the gaps, 4 in all" in told_of


def test_a_reset_and_an_exchange_cost_the_interval_in_which_they_fall_and_are_told() -> None:
    result = read(lines(*readings("A", [100, 101, 102, 0.5, 1.5, 77, 78])), declared())
    assert slots(result) == {0: 1, 1: 1, 3: 1, 4: 75.5, 5: 1}
    (told_of,) = result.warnings
    assert told_of.startswith("readings of kwh fall below the one before (reset or exchange of the counter)")


def test_a_counter_of_the_day_begins_again_at_midnight() -> None:
    """At 00:00 it shows the day that ended, an hour later what the first hour took."""
    rows = [f"A,{FIRST + timedelta(hours=hour)},{(hour % 24 or 24) * 0.5}" for hour in range(1, 24 * 3)]
    result = read(lines(*rows), declared())
    assert slots(result) == dict.fromkeys(range(1, 24), 0.5)
    assert slots(result, 1) == dict.fromkeys(range(24), 0.5)
    assert result.warnings == ()


def test_readings_of_one_stamp_that_differ_are_held_back_unless_the_sender_tells_the_later() -> None:
    rows = [*readings("A", [10, 11, 12, 13]), f"A,{FIRST + timedelta(hours=1)},11.5"]
    result = read(lines(*rows), declared())
    assert slots(result) == {2: 1}
    assert result.rejects["reason_code"].to_pylist() == ["conflicting_values"] * 2
    sent = declared(received_at={"column": "sent"})
    timed = [f"{row},2026-09-02 0{place}:00:00" for place, row in enumerate(rows)]
    assert slots(read(lines(*timed, header="meter,ts,kwh,sent"), sent)) == {0: 1.5, 1: 0.5, 2: 1}
    same = [*readings("A", [10, 11, 12, 13]), f"A,{FIRST + timedelta(hours=1)},11"]
    assert slots(read(lines(*same), declared())) == {0: 1, 1: 1, 2: 1}


def test_readings_nearer_together_than_the_intervals_are_not_needed() -> None:
    rows = [
        *readings("A", [100 + hour for hour in range(24)]),
        *readings("A", [124 + quarter / 4 for quarter in range(40)], 15, FIRST + timedelta(days=1)),
    ]
    result = read(lines(*rows), declared())
    assert slots(result) == dict.fromkeys(range(24), 1)
    assert slots(result, 1) == dict.fromkeys(range(9), 1)
    assert result.rejects.num_rows == 0


@pytest.mark.parametrize(
    ("minutes", "values"),
    [
        (60, [1000 + 0.5 * hour for hour in range(24)]),
        (15, [8350.2 + 0.1 * quarter for quarter in range(960)]),
        (60, [0.4 * hour for hour in range(24 * 6)]),
        (60, [0.5 * (hour % 24) for hour in range(24 * 6)]),
        (60, [0.5 * (hour % 24 or 24) for hour in range(1, 24 * 6)]),
        (60, [5000 + hour // 2 for hour in range(24 * 3)]),
    ],
    ids=["a day", "quarters", "from zero", "of the day", "of the day, midnight closes", "whole kWh"],
)
def test_undeclared_readings_are_refused_by_that_word(minutes: int, values: list[float]) -> None:
    text = lines(*readings("A", values, minutes))
    with pytest.raises(InputRefusedError) as refused:
        read(text, declared("interval", minutes))
    assert "cumulative" in refused.value.reason
    assert "declare `reading: cumulative`" in refused.value.reason
    assert "'A'" in refused.value.reason
    assert read(text, declared("cumulative", minutes)).rejects.num_rows == 0


@pytest.mark.parametrize(
    "values",
    [
        [5.0] * 96,
        [*range(1, 25)],
        [*range(1, 25)] * 2,
        [1 + hour / 24 for hour in range(24)] * 20,
        [100.0] * 50 + [100.1] * 46,
        [max(0.0, np.sin((hour - 6) / 12 * np.pi)) for hour in range(24)] * 10,
    ],
    ids=["constant", "a rising day", "two", "a shape that rises all day", "a small step", "sun"],
)
def test_energy_that_rises_or_rests_is_no_counter(values: list[float]) -> None:
    result = read(lines(*readings("A", values)), declared("interval"))
    assert result.rejects.num_rows == 0
    assert sum(len(row) for row in told(result).values()) == len(values)


def test_a_load_with_noise_is_no_counter_on_any_of_four_hundred_days() -> None:
    load = np.random.default_rng(5).lognormal(0, 0.3, 24 * 400).round(2)
    assert read(lines(*readings("A", load.tolist())), declared("interval")).rejects.num_rows == 0


def test_one_counter_among_others_is_held_back_alone_with_a_warning() -> None:
    load = [1 + (hour * 7 % 24) / 10 for hour in range(48)]
    rows = [row for name in "BC" for row in readings(name, load)]
    result = read(lines(*rows, *readings("A", [900 + hour / 2 for hour in range(24)])), declared("interval"))
    assert {name for name, _, _ in told(result)} == {"MP-B", "MP-C"}
    assert (
        result.rejects["reason_code"].to_pylist()
        == ["counter_reading"] * 24
        == ["counter_reading"] * result.set_apart
    )
    assert "declare `reading: cumulative`" in result.warnings[0]
    assert "24 of 'MP-A' from 2026-09-01 to 2026-09-01" in result.warnings[0]


def test_a_counter_has_a_unit_of_energy() -> None:
    column = {"column": "kwh", "unit": "kW", "channel": "active_forward", "reading": "cumulative"}
    with pytest.raises(ValidationError, match="a unit of energy, not with kw"):
        mapping(values=[column])


LOAD = np.random.default_rng(7).lognormal(0, 0.4, 24 * 40).round(2)


def test_readings_of_days_are_refused_though_none_rises_ten_times_in_a_day() -> None:
    """450 kWh of two months were half a million: a day of one reading has no step that could be judged."""
    for minutes, count in ((1440, 60), (480, 90), (180, 200)):
        found = 3000 + np.cumsum(LOAD[:count])
        text = lines(*readings("A", found.tolist(), minutes))
        with pytest.raises(InputRefusedError, match="cumulative"):
            read(text, declared("interval", minutes))
        energy = read(text, declared("cumulative", minutes))
        assert sum(sum(day.values()) for day in told(energy).values()) == pytest.approx(LOAD[1:count].sum())
        load = read(lines(*readings("A", LOAD[:count].tolist(), minutes)), declared("interval", minutes))
        assert load.rejects.num_rows == 0


def test_a_series_that_becomes_a_counter_loses_those_lines_alone() -> None:
    counter, load = (8350 + np.cumsum(LOAD[: 24 * 8])).tolist(), LOAD[: 24 * 12].tolist()
    first = read(lines(*readings("A", [*counter, *load])), declared("interval"))
    assert sum(sum(day.values()) for day in told(first).values()) == pytest.approx(sum(load))
    assert first.rejects["reason_code"].to_pylist() == ["counter_reading"] * 24 * 8
    assert "192 of 'MP-A' from 2026-09-01 to 2026-09-08" in first.warnings[0]
    # Where it is the other way round, the last values before the counter may rise too.
    then = read(lines(*readings("A", [*load, *counter])), declared("interval"))
    lost = then.rejects.num_rows - 24 * 8
    assert 0 <= lost < 6
    assert max(max(day.values()) for day in told(then).values()) <= max(load)
    assert "from 2026-09-12 to 2026-09-20" in then.warnings[0] or lost == 0


def test_a_counter_that_was_exchanged_at_midnight_took_no_energy_of_its_new_reading() -> None:
    """From 1024 to 512.5 and on in steps of one: the hour of the exchange is told, and never 512.5 kWh."""
    rows = readings("A", [*(1000 + hour for hour in range(25)), *(512.5 + hour for hour in range(23))])
    result = read(lines(*rows), declared())
    assert slots(result) == dict.fromkeys(range(24), 1)
    assert slots(result, 1) == dict.fromkeys(range(1, 23), 1)
    assert "fall below the one before" in result.warnings[0]
