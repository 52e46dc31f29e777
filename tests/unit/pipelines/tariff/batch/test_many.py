"""Many supplies together: each month and each refusal is the single engine's, and only what a batch cannot do
is priced by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from pipelines.errors import ZhixiangError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply, supply_of
from pipelines.tariff.batch import many
from pipelines.tariff.batch.many import LEAST, price_many
from tests.oracles.random_cases import facts_of_world, fit_to_periods, random_case, supply_of_case
from tests.unit.pipelines.tariff.batch.months import FACTORY, FACTS, MEASURED, REFUSED, with_terms

D = Decimal
GOOD = supply_of(FACTORY, MEASURED)
WORLD_FACTS = facts_of_world(FACTS)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[SupplyMonth]:
    """The supplies that were priced by themselves."""
    asked: list[SupplyMonth] = []
    single: Callable[..., PricedMonth] = price_supply

    def price(supply: SupplyMonth, facts: Facts, known: Any = None) -> PricedMonth:
        asked.append(supply)
        return single(supply, facts, known)

    monkeypatch.setattr(many, "price_supply", price)
    return asked


def test_random_supplies_are_priced_together_and_none_by_itself(alone: list[SupplyMonth]) -> None:
    random = Random(6)
    supplies = [supply_of_case(fit_to_periods(random_case(random))) for _ in range(300)]
    assert list(price_many(supplies, WORLD_FACTS)) == [
        price_supply(supply, WORLD_FACTS) for supply in supplies
    ]
    assert alone == []


def test_what_cannot_be_priced_gives_the_error_of_the_single_engine(alone: list[SupplyMonth]) -> None:
    supplies = [each for bad in REFUSED for each in (GOOD, bad)]
    found = list(price_many(supplies, FACTS))
    expected = price_supply(GOOD, FACTS)
    assert found[::2] == [expected] * len(REFUSED)
    for bad, error in zip(REFUSED, found[1::2], strict=True):
        with pytest.raises(ZhixiangError) as refused:
            price_supply(bad, FACTS)
        assert (type(error), str(error)) == (type(refused.value), str(refused.value))
    assert alone == REFUSED


@pytest.mark.parametrize(
    ("odd", "is_alone"),
    [
        (with_terms(running_capacity_kva=D("800.123456")), False),
        (with_terms(running_capacity_kva=D("800.1234567")), True),  # a digit more than the columns hold
        (with_terms(running_capacity_kva=D("800.0000000")), False),  # written with it, but it is a nought
        (with_terms(export_price_cny_per_kwh=D("0.123456789012")), False),
        (dataclasses.replace(GOOD, exported_kwh=D("999999999999.99")), False),
        (dataclasses.replace(GOOD, lagging_kvarh=D("1000000000000.00")), True),
    ],
)
def test_a_number_that_no_column_holds_is_priced_by_itself(
    odd: SupplyMonth, is_alone: bool, alone: list[SupplyMonth]
) -> None:
    supplies = [GOOD] * LEAST + [odd]
    assert list(price_many(supplies, FACTS)) == [price_supply(supply, FACTS) for supply in supplies]
    assert alone == ([odd] if is_alone else [])


def test_a_few_are_priced_by_themselves(alone: list[SupplyMonth]) -> None:
    assert len(list(price_many([GOOD] * (LEAST - 1), FACTS))) == len(alone) == LEAST - 1
    alone.clear()
    assert len(list(price_many([GOOD] * LEAST, FACTS))) == LEAST
    assert alone == []
    assert list(price_many([], FACTS)) == []


def test_a_batch_too_large_to_stay_exact_is_priced_one_by_one(alone: list[SupplyMonth]) -> None:
    """900,000,000,000 kWh x 10,000,000 CNY/kWh are more fen than 64 bits count; the decimals have no such
    end.
    """
    huge = dataclasses.replace(
        with_terms(export_price_cny_per_kwh=D("9999999")), exported_kwh=D("900000000000")
    )
    supplies = [GOOD] * LEAST + [huge]
    found = list(price_many(supplies, FACTS))
    assert found == [price_supply(supply, FACTS) for supply in supplies]
    assert len(alone) == len(supplies)


def test_months_and_chunks_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "BATCH", 11)
    months = [BillingMonth(2026, month) for month in (8, 9, 10)]
    supplies = [
        supply_of(FACTORY, dataclasses.replace(MEASURED, month=month, max_demand_kw=D(demand)))
        for demand in range(590, 600)
        for month in months
    ]
    assert list(price_many(supplies, FACTS)) == [price_supply(supply, FACTS) for supply in supplies]
