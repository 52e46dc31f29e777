"""Of reads that contradict each other the odd one is held back, whether it is too low or too high."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.pipelines.transforms.registers.reads import derive, meter, read


def verdicts(*registers: str) -> list[str | None]:
    return [
        row["reason_code"] for row in derive([read(day, register) for day, register in enumerate(registers)])
    ]


def test_one_read_too_high_is_the_odd_one_and_those_after_it_stand() -> None:
    results = derive([read(0, "10"), read(1, "910"), read(2, "12"), read(3, "13")])
    assert [row["reason_code"] for row in results] == [None, "register_jump", None, None]
    assert [row["register_rule_code"] for row in results] == ["first_read", "jump", "normal", "normal"]
    assert (results[2]["energy_kwh_or_kvarh"], results[2]["span_days"]) == (Decimal(2000), 2)
    assert results[1]["energy_kwh_or_kvarh"] is None


@pytest.mark.parametrize(
    ("registers", "held"),
    [
        # One too high and one too low: each is found, and nothing else.
        (("10", "11", "912", "13", "14", "15"), {2: "register_jump"}),
        (("10", "11", "3", "13", "14", "15"), {2: "register_decrease"}),
        # A dip above the read before is no proof against those around it.
        (("10", "20", "15", "21", "22", "23"), {2: "register_decrease"}),
        # Two high reads in a row; three of the five after the first lie below it.
        (("10", "910", "911", "13", "14", "15"), {1: "register_jump", 2: "register_jump"}),
        # One read after it is no proof: which of the two is wrong shows tomorrow.
        (("10", "910", "12"), {2: "register_decrease"}),
        (("10", "910", "12", "13"), {1: "register_jump"}),
        # A rollover goes on below the read before.
        (("9998", "9999", "0.5", "1", "1.5"), {}),
    ],
)
def test_which_read_is_the_odd_one(registers: tuple[str, ...], held: dict[int, str]) -> None:
    assert verdicts(*registers) == [held.get(place) for place in range(len(registers))]


def test_reads_of_another_meter_prove_nothing() -> None:
    """The meter that takes over begins at 0 and passes 10 before the old one's last read is reached."""
    exchange = {"start_register_unscaled": Decimal(0), "previous_end_register_unscaled": Decimal(910)}
    results = derive(
        [read(0, "10"), read(1, "910"), read(4, "12"), read(5, "13")],
        [meter(ends=2), meter(begins=3, **exchange)],
    )
    assert [row["reason_code"] for row in results] == [None, None, None, None]


def rules_and_energy(results: list[dict[str, Any]]) -> list[tuple[str, Decimal | None]]:
    return [(row["register_rule_code"], row["energy_kwh_or_kvarh"]) for row in results]


def test_a_first_read_too_high_is_held_back_and_the_series_goes_on() -> None:
    results = derive([read(0, "910"), read(1, "11"), read(2, "12"), read(3, "14")])
    assert rules_and_energy(results) == [
        ("jump", None),
        ("first_read", None),
        ("normal", Decimal(1000)),
        ("normal", Decimal(2000)),
    ]
    # A register that begins again is no odd first read.
    assert rules_and_energy(derive([read(0, "9999"), read(1, "0.5"), read(2, "1"), read(3, "2")])) == [
        ("first_read", None),
        ("rollover", Decimal(1500)),
        ("normal", Decimal(500)),
        ("normal", Decimal(1000)),
    ]


def test_energy_beyond_the_connection_is_not_settled() -> None:
    """10 kVA carry at most 1.5 x 10 x 24 = 360 kWh a day; a first read too low is followed by 909 kWh."""
    small = [meter(multiplier=1.0, capacity_kva=10.0)]
    results = derive([read(0, "1"), read(1, "910"), read(2, "912"), read(3, "1272"), read(4, "1633")], small)
    assert rules_and_energy(results) == [
        ("first_read", None),
        ("over_capacity", None),
        ("normal", Decimal(2)),
        ("normal", Decimal(360)),
        ("over_capacity", None),
    ]
    # Three days between two reads carry three times as much; an unknown capacity bounds nothing.
    assert rules_and_energy(derive([read(0, "1"), read(3, "1081")], small)) == [
        ("first_read", None),
        ("normal", Decimal(1080)),
    ]
    assert rules_and_energy(derive([read(0, "1"), read(3, "1082")], small))[1] == ("over_capacity", None)
    assert rules_and_energy(derive([read(0, "1"), read(1, "910")], [meter(multiplier=1.0)]))[1] == (
        "normal",
        Decimal(909),
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_first_read_after_an_exchange_does_not_end_the_series(known: bool) -> None:
    """The new meter starts at 0; 800 cannot be, as 2, 3 and 4 follow."""
    exchange = (
        {"start_register_unscaled": Decimal(0), "previous_end_register_unscaled": Decimal(12)}
        if known
        else {}
    )
    results = derive(
        [read(0, "10"), read(1, "11"), read(4, "800"), read(5, "2"), read(6, "3"), read(7, "4")],
        [meter(ends=2), meter(begins=3, **exchange)],
    )
    assert [row["register_rule_code"] for row in results] == [
        "first_read",
        "normal",
        "jump",
        "meter_exchange",
        "normal",
        "normal",
    ]
    # 11 to 12 on the old meter, 0 to 2 on the new one.
    assert results[3]["energy_kwh_or_kvarh"] == (Decimal(3000) if known else None)


def test_an_exchange_that_nobody_reported_is_found_once() -> None:
    results = derive([read(0, "500"), read(1, "501"), read(2, "3"), read(3, "4"), read(4, "6"), read(5, "7")])
    assert rules_and_energy(results) == [
        ("first_read", None),
        ("normal", Decimal(1000)),
        ("restart", None),
        ("normal", Decimal(1000)),
        ("normal", Decimal(2000)),
        ("normal", Decimal(1000)),
    ]
    assert not [row for row in results if row["reason_code"]]
