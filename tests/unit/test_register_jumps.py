"""Of reads that contradict each other the odd one is held back, whether it is too low or too high."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.test_transforms_registers import derive, meter, read


def verdicts(*registers: str) -> list[str | None]:
    return [row["reason_code"] for row in derive([read(day, register) for day, register in enumerate(registers)])]


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
    results = derive([read(0, "10"), read(1, "910"), read(4, "12"), read(5, "13")], [meter(ends=2), meter(begins=3, **exchange)])
    assert [row["reason_code"] for row in results] == [None, None, None, None]
