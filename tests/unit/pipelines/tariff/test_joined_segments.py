"""Segments that go on from one another become one; what one lacks, both lack."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, PricingScheme, TouPeriod, VoltageLevel
from pipelines.tariff import Contract, Segment
from pipelines.tariff.changes import joined_segments

CONTRACT = Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, True)
ONE = Segment(
    CONTRACT,
    date(2026, 9, 1),
    date(2026, 9, 10),
    Decimal(10),
    {TouPeriod.PEAK: Decimal(10)},
    Decimal(5),
    running_days=3,
)
OTHER = replace(
    ONE,
    first_day=date(2026, 9, 11),
    last_day=date(2026, 9, 30),
    energy_kwh=Decimal(7),
    energy_by_period={TouPeriod.FLAT: Decimal(7)},
    max_demand_kw=Decimal(6),
    running_days=20,
)


def test_energies_and_running_days_add_up_and_the_higher_demand_counts() -> None:
    assert joined_segments([ONE, OTHER], lambda *_: True) == [
        replace(
            ONE,
            last_day=date(2026, 9, 30),
            energy_kwh=Decimal(17),
            energy_by_period={TouPeriod.PEAK: Decimal(10), TouPeriod.FLAT: Decimal(7)},
            max_demand_kw=Decimal(6),
            running_days=23,
        )
    ]


def test_what_one_lacks_both_lack() -> None:
    (found,) = joined_segments(
        [ONE, replace(OTHER, energy_by_period=None, max_demand_kw=None)], lambda *_: True
    )
    assert (found.energy_by_period, found.max_demand_kw, found.energy_kwh) == (None, None, Decimal(17))


@pytest.mark.parametrize(
    "changed",
    [
        {"first_day": date(2026, 9, 12)},
        {"section": "shop"},
        {"running_days": None},
        {"contract": replace(CONTRACT, is_time_of_use=not CONTRACT.is_time_of_use)},
    ],
)
def test_another_contract_section_or_count_of_days_or_a_gap_parts_them(changed: dict[str, Any]) -> None:
    other = replace(OTHER, **changed)
    assert joined_segments([ONE, other], lambda *_: True) == [ONE, other]


def test_the_caller_may_part_them() -> None:
    assert joined_segments([ONE, OTHER], lambda *_: False) == [ONE, OTHER]
