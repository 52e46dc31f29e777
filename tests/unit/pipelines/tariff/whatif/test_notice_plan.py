"""Plans within the notice periods: the best is the one that trying every sequence of bases finds, with the
charge computed from the notice alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from pipelines.codes import ChangeBegin, CustomerClass, DemandBasis, PricingScheme, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, SupplyMonth
from pipelines.tariff.whatif.choices import as_agreed, basic_charge_choices
from pipelines.tariff.whatif.notice_plan import (
    ChangeLimits,
    change_limits,
    cheapest_within_notice,
    first_months,
    from_month,
)
from tests.measured_months import Measured, supply_of

pytestmark = pytest.mark.long

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
FIRST = BillingMonth(2026, 9)
AGREED = Contract(
    CustomerClass.GENERAL_COMMERCIAL,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    False,
    D(800),
    D(800),
    DemandBasis.CONTRACT_DEMAND,
    D(600),
)
STEP = 10


def months_of(demands: Sequence[int], energy: int = 100_000) -> list[Measured]:
    return [
        Measured(FIRST.plus(place), D(energy), None, D(demand), None, None, D("0.01"))
        for place, demand in enumerate(demands)
    ]


def agreed(months: Sequence[Measured], contract: Contract = AGREED) -> list[SupplyMonth]:
    return [supply_of(contract, month) for month in months]


def limits_on(asked_on: date, **last: BillingMonth) -> ChangeLimits:
    first, lacking = first_months(asked_on, AGREED, FACTS, last)
    assert lacking == {}
    return change_limits(first, asked_on, FACTS)


def fen(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.01"), ROUND_HALF_UP)


def charge(basis: DemandBasis, month: Measured, contract_demand: Decimal | None) -> Decimal:
    """发改办价格〔2016〕1583号 with 29.5 CNY/kVA and 47.2 CNY/kW on 800 kVA; 260 kWh/kVA are 208,000 kWh."""
    demand = month.max_demand_kw or D(0)
    price = D("47.2") * (D("0.9") if month.energy_kwh >= 208_000 else 1)
    if basis is DemandBasis.CAPACITY:
        return fen(800 * D("29.5"))
    if basis is DemandBasis.ACTUAL_DEMAND:
        return fen(demand * price)
    billed = max(contract_demand or D(0), D(320))
    return fen(billed * price) + fen(2 * max(D(0), demand - D("1.05") * billed) * price)


def fitted(month: Measured) -> Decimal:
    """The cheapest contract demand among all multiples of the step up to well beyond the demand."""
    return min(charge(DemandBasis.CONTRACT_DEMAND, month, D(kw)) for kw in range(0, 1500, STEP))


def allowed(count: int, basis_from: int, every: int) -> Iterator[tuple[DemandBasis, ...]]:
    """Every sequence of bases in which a change comes no earlier than ``basis_from`` and no sooner than
    ``every`` months after the one before.
    """
    for bases in itertools.product(DemandBasis, repeat=count):
        changes = [
            place
            for place in range(count)
            if bases[place] is not (bases[place - 1] if place else AGREED.demand_basis)
        ]
        if all(place >= basis_from for place in changes) and all(
            later - earlier >= every for earlier, later in itertools.pairwise(changes)
        ):
            yield bases


def cost_of(
    bases: Sequence[DemandBasis],
    charges: Sequence[dict[DemandBasis, Decimal]],
    kept: Sequence[Decimal],
    demand_from: int,
) -> Decimal:
    total = D(0)
    for place, basis in enumerate(bases):
        stays = place < demand_from and all(
            each is DemandBasis.CONTRACT_DEMAND for each in bases[: place + 1]
        )
        total += kept[place] if stays else charges[place][basis]
    return total


def test_the_plan_is_the_cheapest_of_all_sequences_of_bases_and_contract_demands() -> None:
    draw = random.Random(20261125)
    for _ in range(1000):
        count = draw.randrange(1, 7)
        months = months_of(
            [draw.choice((50, 300, 335, 337, 500, 630, 790)) + draw.randrange(0, 30) for _ in range(count)]
        )
        months = [replace(month, energy_kwh=D(draw.choice((100_000, 207_999, 208_000)))) for month in months]
        demand_from = draw.randrange(0, count + 1)
        basis_from = draw.randrange(demand_from, count + 1)
        limits = ChangeLimits(FIRST.plus(basis_from), FIRST.plus(demand_from), 3, 1)
        plan = cheapest_within_notice(agreed(months), limits, FACTS, step_kw=STEP)
        charges = [
            {
                basis: fitted(month) if basis is DemandBasis.CONTRACT_DEMAND else charge(basis, month, None)
                for basis in DemandBasis
            }
            for month in months
        ]
        kept = [charge(DemandBasis.CONTRACT_DEMAND, month, D(600)) for month in months]
        best = min(cost_of(bases, charges, kept, demand_from) for bases in allowed(count, basis_from, 3))
        others = sum((month.priced.total_cny for month in plan.months), D(0)) - sum(
            (
                line.amount_cny
                for month in plan.months
                for line in month.priced.lines
                if line.component.value in ("basic_capacity", "basic_demand", "demand_excess")
            ),
            D(0),
        )
        assert plan.total_cny - others == best


def test_a_change_of_basis_after_a_quarter_pays() -> None:
    """Three months near capacity, three of little: 3 x 23,600 by capacity, then 3 x 100 kW x 47.2 by actual
    demand; one basis costs far more.
    """
    months = months_of([790, 790, 790, 100, 100, 100])
    limits = ChangeLimits(FIRST, FIRST, 3, 1)
    # By natural quarters nothing changes before October, and December begins none.
    by_quarter = replace(limits, basis_begins=ChangeBegin.QUARTER)
    assert (
        cheapest_within_notice(agreed(months), by_quarter, FACTS)
        .changes["demand_basis"]
        .endswith("from 2026-10: capacity; from 2027-01: actual_demand")
    )
    plan = cheapest_within_notice(agreed(months), limits, FACTS)
    basic = sum(
        line.amount_cny
        for month in plan.months
        for line in month.priced.lines
        if line.component.value.startswith("basic")
    )
    assert basic == 3 * D(23600) + 3 * D(4720)
    assert plan.changes["demand_basis"] == "from 2026-09: capacity; from 2026-12: actual_demand"
    assert plan.total_cny < basic_charge_choices(agreed(months), FACTS)[0].total_cny


def test_nothing_is_saved_before_the_notice_has_run_out() -> None:
    """Asked on 2026-09-25: five working days end in October, fifteen in October too, so November is the first
    month of another contract demand and January, with the next quarter, that of another basis.
    """
    limits = limits_on(date(2026, 9, 25))
    assert (str(limits.demand_from), str(limits.basis_from)) == ("2026-11", "2027-01")
    limits = replace(limits, basis_from=FIRST.plus(2), basis_begins=ChangeBegin.MONTH)
    months = months_of([700, 300, 800, 50])
    now, plan = as_agreed(agreed(months), FACTS), cheapest_within_notice(agreed(months), limits, FACTS)
    assert [month.supply.contract for month in plan.months[:2]] == [AGREED, AGREED]
    assert [month.priced.total_cny for month in plan.months[:2]] == [
        month.priced.total_cny for month in now.months[:2]
    ]
    actual = next(
        choice
        for choice in basic_charge_choices(agreed(months), FACTS)
        if choice.changes["demand_basis"] == "actual_demand"
    )
    spliced = from_month(actual, now, limits.basis_from)
    # As agreed 600 kW: November 28,320 + 2 x 170 kW x 47.2 = 44,368, December 28,320; by actual demand 37,760
    # and 2,360.
    assert now.total_cny - spliced.total_cny == (D(44368) - D(37760)) + (D(28320) - D(2360))
    assert spliced.changes["from"] == "2026-11"


def test_a_basis_that_changed_lately_holds_for_its_quarter() -> None:
    limits = limits_on(
        date(2026, 8, 3), demand_basis=BillingMonth(2026, 8), contract_demand=BillingMonth(2026, 9)
    )
    assert (str(limits.basis_from), str(limits.demand_from)) == ("2027-01", "2026-10")


def test_what_cannot_be_planned_is_told() -> None:
    months = months_of([700, 300])
    limits = ChangeLimits(FIRST, FIRST, 3, 1)
    with pytest.raises(UsageError, match="follow each other"):
        cheapest_within_notice(agreed([months[1], months[0]]), limits, FACTS)
    with pytest.raises(UsageError, match="two-part"):
        cheapest_within_notice(agreed(months, replace(AGREED, demand_basis=None)), limits, FACTS)
    with pytest.raises(UsageError, match="every 2 months"):
        cheapest_within_notice(agreed(months), replace(limits, demand_every=2), FACTS)
