"""Contracts held against the rules: on either side of 100 and 315 kVA, with and without time of use, whose
power factor counts; to the fen.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from pipelines.codes import (
    ContractNote,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, price_supply
from tests.measured_months import Measured, supply_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.KV_1_TO_20, is_time_of_use=False
)
HOME = Contract(
    CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
SEPTEMBER = BillingMonth(2026, 9)
NOT_TWO, NOT_ONE, MUST, LEFT_OUT, *_ = ContractNote


def priced(contract: Contract, month: BillingMonth = SEPTEMBER) -> PricedMonth:
    """1,000 kWh at a power factor of 0.80."""
    split = {TouPeriod.PEAK: D(1000)} if contract.is_time_of_use else None
    supply = supply_of(contract, Measured(month, D(1000), split, D(90), D(750), D(0), D("0.01")))
    return price_supply(supply, FACTS)


@pytest.mark.parametrize(
    ("capacity", "amount", "notes"),
    [
        # kVA x 29.5; 2949.705 and 2950.295 are halves upward, 9292.205 as well
        ("99.99", "2949.71", (NOT_TWO,)),
        ("100", "2950.00", (NOT_TWO,)),
        ("100.01", "2950.30", ()),
        ("314.99", "9292.21", ()),
        ("315", "9292.50", ()),
    ],
)
def test_two_parts_are_open_above_100_kva(
    capacity: str, amount: str, notes: tuple[ContractNote, ...]
) -> None:
    contract = dataclasses.replace(
        SHOP,
        pricing_scheme=PricingScheme.TWO_PART,
        contract_capacity_kva=D(capacity),
        running_capacity_kva=D(capacity),
        demand_basis=DemandBasis.CAPACITY,
    )
    bill = priced(contract)
    assert (
        [str(line.amount_cny) for line in bill.lines if line.component is LineComponent.BASIC_CAPACITY],
        bill.notes,
    ) == ([amount], notes)


@pytest.mark.parametrize(
    ("capacity", "keeps", "notes"),
    [
        ("99.99", False, ()),
        ("100", False, ()),
        ("100.01", False, ()),
        ("314.99", False, ()),
        ("315", False, (NOT_ONE,)),
        ("315", True, ()),
    ],
)
def test_one_part_ends_below_315_kva_but_for_those_who_had_it(
    capacity: str, keeps: bool, notes: tuple[ContractNote, ...]
) -> None:
    """1,000 x (0.5250 + 0.2114) + 29.24 = 765.64, whatever the capacity: what is agreed is charged."""
    bill = priced(dataclasses.replace(SHOP, contract_capacity_kva=D(capacity), keeps_single_part=keeps))
    assert (str(bill.total_cny), bill.notes) == ("765.64", notes)


@pytest.mark.parametrize(
    ("capacity", "total", "notes"),
    [
        # 0.80 against 0.85: 2.5 % of 525.00 + 211.40 are 18.41 beside 765.64
        (D("99.99"), "765.64", (LEFT_OUT,)),
        (D(100), "784.05", ()),
        (D("100.01"), "784.05", ()),
        (None, "784.05", ()),
    ],
)
def test_the_power_factor_adjusts_from_100_kva_on(
    capacity: Decimal | None, total: str, notes: tuple[ContractNote, ...]
) -> None:
    bill = priced(dataclasses.replace(SHOP, contract_capacity_kva=capacity, power_factor_standard=D("0.85")))
    assert (str(bill.total_cny), bill.notes) == (total, notes)
    assert (bill.adjustment_ratio is None) == bool(notes)


@pytest.mark.parametrize("capacity", [None, D(8), D(400)])
def test_no_power_factor_adjusts_the_bill_of_a_dwelling(capacity: Decimal | None) -> None:
    """1,000 x 0.538; the month needs no reactive registers either."""
    home = dataclasses.replace(HOME, contract_capacity_kva=capacity, power_factor_standard=D("0.90"))
    bill = priced(home)
    assert (str(bill.total_cny), bill.notes, bill.missing_inputs) == ("538.00", (LEFT_OUT,), ())
    assert priced(dataclasses.replace(home, power_factor_standard=None)).notes == ()


def test_large_industry_must_use_time_of_use_since_the_notice_of_2024() -> None:
    factory = dataclasses.replace(
        SHOP,
        customer_class=CustomerClass.LARGE_INDUSTRY,
        pricing_scheme=PricingScheme.TWO_PART,
        contract_capacity_kva=D(400),
        running_capacity_kva=D(400),
        demand_basis=DemandBasis.CAPACITY,
    )
    assert priced(factory).notes == (MUST,)
    assert priced(dataclasses.replace(factory, is_time_of_use=True)).notes == ()
    assert priced(SHOP).notes == ()
    assert priced(factory, BillingMonth(2018, 4)).notes == ()
    small = dataclasses.replace(
        factory, contract_capacity_kva=D(50), running_capacity_kva=D(50), power_factor_standard=D("0.90")
    )
    assert priced(small).notes == (NOT_TWO, MUST, LEFT_OUT)
