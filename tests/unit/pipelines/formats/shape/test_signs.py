"""Values of either sign: split or turned round where it is declared, refused where it is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.errors import InputRefusedError
from pipelines.formats import LongMapping
from tests.unit.pipelines.formats.mapped_lines import lines, mapping, read, told

FIRST = datetime(2026, 9, 1)  # noqa: DTZ001 - a sender's local time


def declared(**changes: Any) -> LongMapping:
    column = {"column": "kwh", "unit": "kWh", "channel": "active_forward"} | changes
    return mapping(interval_minutes=60, values=[column])


def hours(values: list[float], meter: str = "A") -> list[str]:
    return [f"{meter},{FIRST + timedelta(hours=hour)},{value}" for hour, value in enumerate(values)]


NET = [-1.0 if 10 <= hour % 24 < 14 else 0.5 for hour in range(48)]


def test_a_split_column_counts_either_direction_and_zero_in_the_other() -> None:
    """40 hours of 0.5 drawn and 8 hours of 1.0 fed back: 20 and 8 kWh, no interval of either missing."""
    found = told(read(lines(*hours(NET)), declared(sign="split")))
    day = FIRST.date()
    assert found["MP-A", "active_forward", day] == {
        hour: 0.0 if 10 <= hour < 14 else 0.5 for hour in range(24)
    }
    assert found["MP-A", "active_reverse", day] == {
        hour: 1.0 if 10 <= hour < 14 else 0.0 for hour in range(24)
    }
    for channel, energy in (("active_forward", 20.0), ("active_reverse", 8.0)):
        assert sum(sum(row.values()) for key, row in found.items() if key[1] == channel) == energy


def test_the_channel_of_negative_values_may_be_named_and_an_empty_cell_is_none_of_both() -> None:
    found = told(
        read(lines(*hours([1, -2]), "A,2026-09-01 02:00,"), declared(sign="split", negative_channel="other"))
    )
    assert found == {
        ("MP-A", "active_forward", FIRST.date()): {0: 1, 1: 0},
        ("MP-A", "other", FIRST.date()): {0: 0, 1: 2},
    }


def test_a_sign_the_wrong_way_round_is_turned() -> None:
    found = told(read(lines(*hours([-1.5, -2, 0])), declared(sign="negate")))
    assert found["MP-A", "active_forward", FIRST.date()] == {0: 1.5, 1: 2, 2: 0}


def test_an_undeclared_net_column_is_refused_with_the_key_to_declare() -> None:
    for values in (NET, [-value for value in NET], [-1.0] * 24):
        with pytest.raises(InputRefusedError, match="declare `sign: split`") as refused:
            read(lines(*hours(values)), declared())
        assert "`sign: negate`" in refused.value.reason


def test_noise_and_a_few_slips_are_no_sign() -> None:
    """A little below zero at night, and seven wrong values, stay for the checks; an eighth is no chance."""
    night = [-0.002 if hour % 24 < 6 else 1.0 + hour % 5 / 10 for hour in range(96)]
    assert read(lines(*hours(night)), declared()).rejects.num_rows == 0
    slips = [-1.0 if hour < 7 else 1.0 + hour % 5 / 10 for hour in range(96)]
    assert read(lines(*hours(slips)), declared()).rejects.num_rows == 0
    with pytest.raises(InputRefusedError, match="sign: split"):
        read(
            lines(
                *hours(
                    [-1.0, *slips[:7], *slips[8:]][:0]
                    + [-1.0 if hour < 8 else value for hour, value in enumerate(slips)]
                )
            ),
            declared(),
        )


def test_one_net_meter_among_others_is_held_back_alone() -> None:
    load = [1 + (hour * 7 % 24) / 10 for hour in range(48)]
    rows = [*hours(load, "B"), *hours(load, "C"), *hours(NET)]
    result = read(lines(*rows), declared())
    assert {name for name, _, _ in told(result)} == {"MP-B", "MP-C"}
    assert set(result.rejects["reason_code"].to_pylist()) == {"signed_value"}
    assert result.set_apart == 48
    assert "48 of 'MP-A' from 2026-09-01 to 2026-09-02" in result.warnings[0]


@pytest.mark.parametrize(
    ("changes", "told_as"),
    [
        ({"negative_channel": "active_reverse"}, "negative_channel goes with sign: split"),
        ({"sign": "split", "reading": "cumulative"}, "sign: split goes with values of intervals"),
        (
            {"sign": "split", "channel": "active_phase_a"},
            "active_phase_a has no reverse; give negative_channel",
        ),
        ({"sign": "split", "channel": None}, "sign: split goes with a channel of the value column"),
        (
            {"sign": "split", "negative_channel": "reactive_lagging"},
            "does not fit the channel reactive_lagging",
        ),
        ({"sign": "split", "negative_channel": "active_forward"}, "needs a channel of its own"),
        ({"sign": "both"}, "keep"),
    ],
)
def test_a_sign_that_cannot_be_is_refused(changes: dict[str, Any], told_as: str) -> None:
    with pytest.raises(ValidationError, match=told_as):
        declared(**changes)


def test_parts_of_an_interval_are_told_apart_by_their_sign_before_they_are_put_together() -> None:
    """Half an hour drawn and half an hour fed back are both true; their net is neither."""
    halves = [f"A,{FIRST + timedelta(days=1, minutes=30 * half)},{(-2, 3)[half % 2]}" for half in range(48)]
    result = read(lines(*hours([1.0] * 24), *halves), declared(sign="split"))
    found = told(result)
    day = (FIRST + timedelta(days=1)).date()
    assert found["MP-A", "active_forward", day] == dict.fromkeys(range(24), 3)
    assert found["MP-A", "active_reverse", day] == dict.fromkeys(range(24), 2)
    assert [each for each in result.warnings if "put together" in each] == [
        "values come every 30 minutes, the mapping says 60; they are put together: "
        "48 of 'MP-A' from 2026-09-02 to 2026-09-02"
    ]


@pytest.mark.parametrize("spike", [9999.0, -65535.0, 4294967.295])
def test_one_false_value_makes_no_noise_of_a_net_column(spike: float) -> None:
    """275 kWh fed back were thrown away because 1 % of 9999 is more than any of them."""
    values = NET * 4
    values[130] = spike
    with pytest.raises(InputRefusedError, match="net values"):
        read(lines(*hours(values)), declared())
    rests = [0.5 if 6 <= hour % 24 < 18 else -0.002 for hour in range(192)]
    rests[130] = spike
    assert read(lines(*hours(rests)), declared()).rejects.num_rows == 0
    plant = [0.001 if hour % 24 < 6 else -20.0 for hour in range(240)]
    with pytest.raises(InputRefusedError, match="net values"):
        read(lines(*hours(plant)), declared())
    pump = [5.0 if hour == 700 else -0.002 for hour in range(2000)]
    assert read(lines(*hours(pump)), declared()).rejects.num_rows == 0
