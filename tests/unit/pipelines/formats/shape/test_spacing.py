"""Values nearer together or farther apart than a mapping declares: put together where all parts came, held
back with their stretch where not; a few stray stamps by themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import LongForm, ReadResult
from tests.unit.pipelines.formats.mapped_lines import SETTINGS, lines, mapping, read, stamped, stamps, told

FIRST = datetime(2026, 9, 1)  # noqa: DTZ001 - a sender's local time
END = stamped(place="interval_end")


def amounts(meter: str, minutes: int, begin: datetime, until: datetime, *, ends: bool = False) -> list[str]:
    """Lines of a load of 1 kW, one every so many minutes."""
    step = timedelta(minutes=minutes)
    count = (until - begin) // step
    return [f"{meter},{begin + step * (place + ends)},{minutes / 60}" for place in range(count)]


def energy(result: ReadResult) -> float:
    return sum(sum(values.values()) for values in told(result).values())


@pytest.mark.parametrize(("sent", "declared"), [(15, 30), (15, 60), (5, 15), (10, 30), (30, 60)])
@pytest.mark.parametrize("ends", [False, True])
def test_values_nearer_together_than_the_mapping_says_are_put_together(
    sent: int, declared: int, ends: bool
) -> None:
    """Of a meter that sends every 15 minutes under a declaration of an hour one value in four would stand,
    and a quarter of its energy.
    """
    until = FIRST + timedelta(days=3)
    coarse = [row for name in "AB" for row in amounts(name, declared, FIRST, until, ends=ends)]
    fine = amounts("F", sent, FIRST, FIRST + timedelta(hours=10), ends=ends)
    result = read(lines(*coarse, *fine), mapping(interval_minutes=declared, **(END if ends else stamped())))
    assert result.rejects.num_rows == 0
    assert told(result)["MP-F", "active_forward", FIRST.date()] == pytest.approx(
        dict.fromkeys(range(600 // declared), declared / 60)
    )
    assert energy(result) == pytest.approx(154)
    assert result.warnings == (
        f"values come every {sent} minutes, the mapping says {declared}; they are put together: "
        f"{600 // sent} of 'MP-F' from 2026-09-01 to 2026-09-01",
    )
    with pytest.raises(
        InputRefusedError, match=f"values of 'F' come every {sent} minutes, the mapping says {declared}"
    ):
        read(lines(*stamps("F", sent, 12 * declared // sent)), mapping(interval_minutes=declared))


def test_parts_without_all_their_company_are_held_back_with_the_interval_alone() -> None:
    whole = amounts("A", 60, FIRST, FIRST + timedelta(days=2))
    fine = amounts("A", 15, FIRST + timedelta(days=2), FIRST + timedelta(days=3))
    del fine[41]  # 10:15
    result = read(lines(*whole, *fine), mapping(interval_minutes=60))
    assert energy(result) == pytest.approx(71)
    assert result.rejects["line_number"].to_pylist() == [90, 91, 92]
    assert set(result.rejects["reason"].to_pylist()) == {
        "values of this meter point come every 15 minutes, the mapping says 60, and not all parts of the "
        "interval came once"
    }
    assert set(result.rejects["reason_code"].to_pylist()) == {"wrong_spacing"}
    assert result.set_apart == 3


def test_parts_of_mean_power_are_averaged_and_of_unequal_quality_the_worst_stands() -> None:
    declared = mapping(
        interval_minutes=60,
        values=[{"column": "kwh", "unit": "kW", "channel": "active_forward"}],
        quality={"column": "q", "codes": {"A": "A", "S": "S"}},
    )
    whole = [f"{row},A" for row in amounts("A", 60, FIRST, FIRST + timedelta(days=1))]
    day = FIRST + timedelta(days=1)
    fine = [
        f"A,{day + timedelta(minutes=15 * place)},{place % 4 + 1},{'S' if place == 6 else 'A'}"
        for place in range(96)
    ]
    result = read(lines(*whole, *fine, header="meter,ts,kwh,q"), declared)
    assert told(result)["MP-A", "active_forward", day.date()] == dict.fromkeys(range(24), 2.5)
    assert result.rows["sender_quality_codes"].to_pylist()[1] == ["A", "S", *["A"] * 22]


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("sent", [30, 60, 20, 1440])
@pytest.mark.parametrize("change", [24, 30, 33.5])
def test_a_stretch_of_values_farther_apart_is_held_back_and_the_rest_stands(
    ends: bool, sent: int, change: float
) -> None:
    """A series may change its interval in the middle of a day; at that place the step that a value stands
    for decides.
    """
    middle = FIRST + timedelta(hours=change if sent < 60 else 24 * round(change / 24))
    days = 30 if sent == 1440 else 3
    rows = amounts("A", sent, middle - timedelta(days=days), middle, ends=ends) + amounts(
        "A", 15, middle, middle + timedelta(days=2, hours=3), ends=ends
    )
    held = days * 1440 // sent
    back = rows[held:] + rows[:held]  # the order of the lines says nothing
    for given, first in ((rows, 2), (back, 2 + len(rows) - held)):
        result = read(lines(*given), mapping(interval_minutes=15, **(END if ends else stamped())))
        assert energy(result) == pytest.approx(51)
        assert result.rejects["line_number"].to_pylist() == list(range(first, first + held))
        assert set(result.rejects["reason"].to_pylist()) == {
            f"values of this meter point come every {sent} minutes, the mapping says 15"
        }
        assert result.set_apart == held
        assert (
            f"values come every {sent} minutes, the mapping says 15; they are held back" in result.warnings[0]
        )


def test_a_stretch_goes_on_over_values_that_it_lost_and_ends_before_a_gap() -> None:
    coarse = amounts("A", 60, FIRST, FIRST + timedelta(days=2))
    kept = [row for place, row in enumerate(coarse) if place not in (11, 20, 21, 30)]
    fine = amounts("A", 15, FIRST + timedelta(days=3), FIRST + timedelta(days=5))
    result = read(lines(*kept, *fine), mapping(interval_minutes=15))
    assert energy(result) == pytest.approx(48)
    assert result.rejects.num_rows == len(kept)


def test_a_column_of_another_spacing_costs_that_column_alone() -> None:
    declared = mapping(
        interval_minutes=15,
        values=[
            {"column": "kwh", "unit": "kWh", "channel": "active_forward"},
            {"column": "kvarh", "unit": "kvarh", "channel": "reactive_lagging"},
        ],
    )
    rows = [
        f"{row},{'' if place % 4 else 1}"
        for place, row in enumerate(amounts("A", 15, FIRST, FIRST + timedelta(days=2)))
    ]
    result = read(lines(*rows, header="meter,ts,kwh,kvarh"), declared)
    assert {channel for _, channel, _ in told(result)} == {"active_forward"}
    assert energy(result) == pytest.approx(48)
    assert result.rejects.num_rows == result.set_apart == 48


def test_a_few_stray_stamps_cost_their_lines_alone() -> None:
    stray = [f"A,2026-09-01 {hour:02d}:07:00,1" for hour in range(7)]
    result = read(lines(*stamps("A", 30, 48), *stray), mapping())
    assert result.rejects["line_number"].to_pylist() == list(range(50, 57))
    assert all("expected a stamp that can begin" in reason for reason in result.rejects["reason"].to_pylist())
    assert sum(len(values) for values in told(result).values()) == 48


@pytest.mark.parametrize(("sent", "declared"), [(60, 15), (30, 15), (60, 30), (1440, 15)])
def test_values_farther_apart_than_the_mapping_says_are_refused(sent: int, declared: int) -> None:
    """Twenty hourly values of 1 kWh would be 20 quarters of an hour of 4 kW each, and the hours between would
    be estimated as high.
    """
    text = lines(*stamps("A", sent, 20))
    with pytest.raises(InputRefusedError) as refused:
        read(text, mapping(interval_minutes=declared))
    assert refused.value.reason_code == "bad_structure"
    assert refused.value.reason == f"values of 'A' come every {sent} minutes, the mapping says {declared}"
    assert read(text, mapping(interval_minutes=sent)).rejects.num_rows == 0


def test_eight_steps_are_no_chance_and_seven_may_be() -> None:
    with pytest.raises(InputRefusedError):
        read(lines(*stamps("A", 60, 9)), mapping())
    assert read(lines(*stamps("A", 60, 8)), mapping()).rejects.num_rows == 0
    with pytest.raises(InputRefusedError, match="every 60 minutes"):
        read(lines(*stamps("A", 60, 5), *stamps("B", 60, 5)), mapping())


def test_one_meter_point_among_others_is_held_back_alone() -> None:
    result = read(lines(*stamps("A", 30, 96), *stamps("B", 60, 24), *stamps("C", 30, 30)), mapping())
    assert {name for name, _, _ in told(result)} == {"MP-A", "MP-C"}
    assert result.rejects["line_number"].to_pylist() == list(range(98, 122))
    assert set(result.rejects["reason"].to_pylist()) == {
        "values of this meter point come every 60 minutes, the mapping says 30"
    }
    assert set(result.rejects["column_name"].to_pylist()) == {"ts"}


def test_lost_values_are_no_other_spacing() -> None:
    chosen = np.random.default_rng(4).random(960) < 0.35
    rows = [row for row, kept in zip(stamps("A", 30, 960), chosen, strict=True) if kept]
    assert read(lines(*rows), mapping()).rejects.num_rows == 0


def test_the_lines_of_a_replay_are_judged_beside_those_that_stand() -> None:
    every = stamps("A", 30, 96)
    again = LongForm(mapping(), only=range(2, 98, 2)).read(lines(*every).encode(), "long.csv", SETTINGS)
    assert again.rejects.num_rows == 0
    assert sum(len(values) for values in told(again).values()) == 48
