"""Periods of the day by notice, season and holiday, hour by hour as the notices print them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from pipelines.codes import CustomerClass, LineComponent, TouPeriod
from pipelines.errors import FactNotInForceError
from pipelines.facts import load_facts
from pipelines.settings import packaged

FACTS = load_facts(packaged("conf") / "facts")
LARGE, GENERAL = CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL
# One letter an hour: s sharp, p peak, f flat, v valley, d deep valley.
LETTERS = {
    "s": TouPeriod.SHARP,
    "p": TouPeriod.PEAK,
    "f": TouPeriod.FLAT,
    "v": TouPeriod.VALLEY,
    "d": TouPeriod.DEEP_VALLEY,
}
SPRING_2024 = "vvvvvvvvpppvvppppfffffff"
SUMMER_2024 = "vvvvvvvvpssvvffssppppppf"
HOLIDAY_2024 = "vvvvvvvvppddddpppfffffff"
SPRING_2026 = "vvvvvvvffffvvvffpppppppf"
SUMMER_2026 = "vvvvvvvffffvvvffppsssspf"
HOLIDAY_2026 = "vvvvvvvvvddddddfpppppppf"


def hours(day: str, customer_class: CustomerClass = LARGE) -> str:
    slots = FACTS.time_of_use.slot_periods(date.fromisoformat(day), customer_class)
    assert len(slots) == 96
    codes = {period: letter for letter, period in LETTERS.items()}
    quarters = [codes[slot] for slot in slots]
    assert all(len(set(quarters[hour * 4 : hour * 4 + 4])) == 1 for hour in range(24))
    return "".join(quarters[::4])


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-03-01", SPRING_2024),
        ("2026-06-30", SPRING_2024),
        ("2026-07-01", SUMMER_2026),
        ("2024-06-30", SPRING_2024),
        ("2024-07-01", SUMMER_2024),
        ("2024-08-31", SUMMER_2024),
        ("2024-09-01", SPRING_2024),
        ("2024-12-31", SUMMER_2024),
        ("2025-01-31", "vvvvvvvvpsddddfssppppppf"),
        ("2026-08-31", SUMMER_2026),
        ("2026-09-01", SPRING_2026),
        ("2026-11-30", SPRING_2026),
        ("2026-12-01", SUMMER_2026),
    ],
)
def test_seasons_and_notices(day: str, expected: str) -> None:
    assert hours(day) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-04-30", SPRING_2024),
        ("2024-05-01", HOLIDAY_2024),
        ("2024-05-05", HOLIDAY_2024),
        ("2024-05-06", SPRING_2024),
        ("2024-05-11", SPRING_2024),
        ("2024-04-04", SPRING_2024),
        ("2025-09-30", SPRING_2024),
        ("2025-10-01", HOLIDAY_2024),
        ("2025-10-06", HOLIDAY_2024),
        ("2025-10-08", HOLIDAY_2024),
        ("2025-10-09", SPRING_2024),
        ("2026-02-14", SPRING_2024),
        ("2026-02-15", HOLIDAY_2024),
        ("2026-02-23", HOLIDAY_2024),
        ("2026-02-24", SPRING_2024),
        ("2026-09-25", SPRING_2026),
        ("2026-09-30", SPRING_2026),
        ("2026-10-01", HOLIDAY_2026),
        ("2026-10-03", HOLIDAY_2026),
        ("2026-10-04", SPRING_2026),
        ("2026-10-07", SPRING_2026),
    ],
)
def test_holidays_and_deep_valley(day: str, expected: str) -> None:
    assert hours(day) == expected


def test_the_two_notices_differ_in_who_they_cover_until_the_second() -> None:
    with pytest.raises(FactNotInForceError, match="general_commercial"):
        FACTS.time_of_use.slot_periods(date(2024, 8, 31), GENERAL)
    assert hours("2024-09-01", GENERAL) == hours("2024-09-01", LARGE)
    assert hours("2026-07-01", GENERAL) == SUMMER_2026


def test_nothing_is_extrapolated_before_the_first_notice() -> None:
    with pytest.raises(FactNotInForceError, match=r"time_of_use\.schedule\.large_industry"):
        FACTS.time_of_use.slot_periods(date(2024, 2, 29), LARGE)


def test_who_did_not_know_the_second_notice_keeps_the_first() -> None:
    slots = FACTS.time_of_use.slot_periods(date(2026, 7, 1), LARGE, known=date(2026, 6, 30))
    assert slots[9 * 4] is TouPeriod.SHARP


def test_a_class_without_schedule_is_an_error() -> None:
    with pytest.raises(FactNotInForceError, match="agriculture"):
        FACTS.time_of_use.slot_periods(date(2026, 9, 1), CustomerClass.AGRICULTURE)


def test_residential_hours() -> None:
    assert hours("2026-10-01", CustomerClass.RESIDENTIAL) == "v" * 8 + "p" * 14 + "v" * 2


def test_the_matrix_indexes_the_periods_of_each_day_and_does_not_remember_a_change_of_its_result() -> None:
    days = [date(2026, 9, 30), date(2026, 10, 1), date(2026, 9, 30)]
    matrix = FACTS.time_of_use.slot_matrix(days, LARGE)
    assert (matrix.dtype, matrix.shape) == (np.int8, (3, 96))
    names = list(TouPeriod)
    for day, row in zip(days, matrix, strict=True):
        assert tuple(names[index] for index in row) == FACTS.time_of_use.slot_periods(day, LARGE)
    matrix[:] = 0
    assert FACTS.time_of_use.slot_matrix(days, LARGE).max() == names.index(TouPeriod.DEEP_VALLEY)


def test_ratios_and_floating_parts_change_with_the_notice() -> None:
    before, after = date(2026, 6, 30), date(2026, 7, 1)
    in_force = FACTS.time_of_use.ratios
    assert list(in_force(before, LARGE).values()) == [
        Decimal(text) for text in ("1.98", "1.65", "1", "0.38", "0.20")
    ]
    assert list(in_force(after, LARGE).values()) == [
        Decimal(text) for text in ("2.05", "1.85", "1", "0.4", "0.2")
    ]
    assert in_force(after, GENERAL) == in_force(after, LARGE)
    assert TouPeriod.DEEP_VALLEY not in in_force(before, GENERAL)
    funds = {LineComponent.ENERGY_BASE, LineComponent.TRANSMISSION, LineComponent.FUNDS}
    assert FACTS.time_of_use.floating_components(before) == funds
    assert FACTS.time_of_use.floating_components(after) == {LineComponent.ENERGY_BASE}
