"""The cheapest demand basis and contract demand for coming months, changed only when the rules on notice and
frequency allow it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pipelines.codes import DemandBasis
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.periods import BillingMonth
from pipelines.tariff.changes import supply_in_parts
from pipelines.tariff.contract import Contract, Determinants, missing_of_supply, supply_of
from pipelines.tariff.pricing import price_supply
from pipelines.tariff.whatif.choices import (
    Alternative,
    PlannedMonth,
    best_contract_demand,
    first_month_of_change,
    first_month_of_time_of_use_choice,
)

NAME = "basis and contract demand within the notice periods"


@dataclass(frozen=True)
class ChangeLimits:
    """From when and how often the two terms may change.

    basis_from, demand_from    First month for which a request may take effect.
    basis_every, demand_every  Months that a changed term holds before it may change again. [months]
    """

    basis_from: BillingMonth
    demand_from: BillingMonth
    basis_every: int
    demand_every: int


def change_limits(
    asked_on: date,
    facts: Facts,
    basis_since: BillingMonth | None = None,
    demand_since: BillingMonth | None = None,
    known: date | None = None,
) -> ChangeLimits:
    """What the facts on notice allow for a request made on a day.

    basis_since, demand_since  Month from which the present term holds; None: long ago.
    Raises FactNotInForceError where the calendar of working days does not reach.
    """
    basis, demand = (
        facts.basic_charge.basis_change.on(asked_on, known),
        facts.basic_charge.contract_demand_change.on(asked_on, known),
    )
    return ChangeLimits(
        first_month_of_change(asked_on, basis, facts.holidays, basis_since),
        first_month_of_change(asked_on, demand, facts.holidays, demand_since),
        basis.every_months,
        demand.every_months,
    )


def first_months(
    asked_on: date,
    contract: Contract,
    facts: Facts,
    last: Mapping[str, BillingMonth | None],
    known: date | None = None,
) -> tuple[dict[str, BillingMonth], dict[str, str]]:
    """The first month from which each term may change, and why that of others cannot be told.

    last  Term -> month from which the present one holds; none: long ago. Terms: demand_basis,
          contract_demand, time_of_use_option.
    """
    basic = facts.basic_charge

    def by_notice(term: str, rule: Dated[NoticeRule]) -> BillingMonth:
        return first_month_of_change(asked_on, rule.on(asked_on, known), facts.holidays, last.get(term))

    found: dict[str, BillingMonth] = {}
    lacking: dict[str, str] = {}
    asked: dict[str, Callable[[], BillingMonth]] = {}
    if contract.demand_basis is not None:
        asked["demand_basis"] = lambda: by_notice("demand_basis", basic.basis_change)
        asked["contract_demand"] = lambda: by_notice("contract_demand", basic.contract_demand_change)
    if contract.customer_class in facts.time_of_use.option.on(asked_on, known):
        asked["time_of_use_option"] = lambda: first_month_of_time_of_use_choice(
            asked_on, contract.customer_class, facts, last.get("time_of_use_option"), known
        )
    for term, first in asked.items():
        try:
            found[term] = first()
        except FactNotInForceError as error:
            lacking[term] = str(error)
    return found, lacking


def cheapest_within_notice(
    contract: Contract,
    months: Sequence[Determinants],
    limits: ChangeLimits,
    facts: Facts,
    known: date | None = None,
    step_kw: int = 1,
) -> Alternative:
    """Today's terms until they may change, then the basis that is cheapest quarter by quarter, each contract
    demand the cheapest for its month.

    months   Consecutive months as expected, with their highest demand.
    step_kw  The contract demand is a multiple of this. [kW]
    Of several plans that cost the same the one with the fewest changes is taken. The last term of a plan may
    be cut by its end.
    Raises UsageError for a contract without a basic charge and for months that do not follow each other.
    """
    if contract.demand_basis is None:
        raise UsageError("Only a two-part contract has a basic charge.", "Compare the schemes instead.")
    if any(later.month != earlier.month.plus(1) for earlier, later in itertools.pairwise(months)):
        raise UsageError(
            "A plan needs months that follow each other.", "Give each month from the first to the last."
        )
    if limits.demand_every != 1:
        raise UsageError(
            f"A contract demand that changes every {limits.demand_every} months cannot be planned yet.",
            "Plan each basis by itself.",
        )
    priced = _Priced(contract, months, limits, facts, known, step_kw)
    first_change = next(
        (place for place, month in enumerate(months) if month.month >= limits.basis_from), len(months)
    )
    bases = [
        basis
        for basis in DemandBasis
        if not any(
            missing_of_supply(supply_of(replace(contract, demand_basis=basis), month)) for month in months
        )
    ]
    best = _Plan(Decimal(0), 0, ())
    # plans[i]: the cheapest way through the first i months after which the basis may change.
    plans: dict[int, _Plan] = {}
    for end in range(first_change, len(months) + 1):
        plans[end] = best.with_months(priced, contract.demand_basis, 0, end, changes=False)
    for begin in range(first_change, len(months)):
        if begin not in plans:
            continue
        for basis in bases:
            # A basis that outlives the plan is no shorter for being cut by its end.
            ends = {*range(begin + limits.basis_every, len(months) + 1), len(months)}
            for end in sorted(ends):
                reached = plans[begin].with_months(priced, basis, begin, end, changes=True)
                if end not in plans or reached.worth < plans[end].worth:
                    plans[end] = reached
    chosen = plans[len(months)].bases
    planned = tuple(priced.month(basis, place, chosen[:place]) for place, basis in enumerate(chosen))
    return Alternative(NAME, _told(planned), planned)


@dataclass(frozen=True)
class _Plan:
    """What some months cost, how often the basis was chosen anew, and the basis of each."""

    cost_cny: Decimal
    changes: int
    bases: tuple[DemandBasis, ...]

    @property
    def worth(self) -> tuple[Decimal, int]:
        return self.cost_cny, self.changes

    def with_months(
        self, priced: _Priced, basis: DemandBasis, begin: int, end: int, *, changes: bool
    ) -> _Plan:
        bases, cost = self.bases, self.cost_cny
        for place in range(begin, end):
            cost += priced.month(basis, place, bases).priced.total_cny
            bases += (basis,)
        is_change = changes and (not self.bases or self.bases[-1] is not basis)
        return _Plan(cost, self.changes + is_change, bases)


class _Priced:
    """Months on each basis, each priced once."""

    def __init__(
        self,
        contract: Contract,
        months: Sequence[Determinants],
        limits: ChangeLimits,
        facts: Facts,
        known: date | None,
        step_kw: int,
    ) -> None:
        self._contract, self._months, self._limits = contract, months, limits
        self._facts, self._known_by, self._step_kw = facts, known, step_kw
        self._known: dict[tuple[DemandBasis, int, bool], PlannedMonth] = {}

    def month(self, basis: DemandBasis, place: int, before: Sequence[DemandBasis]) -> PlannedMonth:
        """A month on a basis; its contract demand is today's until it may change or the basis has been chosen
        anew.
        """
        stays = basis is DemandBasis.CONTRACT_DEMAND and self._stays(place, before)
        if (basis, place, stays) not in self._known:
            month, terms = self._months[place], replace(self._contract, demand_basis=basis)
            if basis is DemandBasis.CONTRACT_DEMAND and not stays:
                terms = best_contract_demand(terms, month, self._facts, self._known_by, self._step_kw)
            self._known[basis, place, stays] = PlannedMonth(
                terms,
                month,
                price_supply(
                    supply_in_parts(terms, month, self._facts, self._known_by), self._facts, self._known_by
                ),
            )
        return self._known[basis, place, stays]

    def _stays(self, place: int, before: Sequence[DemandBasis]) -> bool:
        agreed = self._contract.demand_basis is DemandBasis.CONTRACT_DEMAND and all(
            basis is DemandBasis.CONTRACT_DEMAND for basis in before
        )
        return agreed and self._months[place].month < self._limits.demand_from


def from_month(then: Alternative, now: Alternative, first: BillingMonth) -> Alternative:
    """The same alternative, but the terms of today until the month from which it may hold."""
    months = tuple(
        later if later.determinants.month >= first else today
        for later, today in zip(then.months, now.months, strict=True)
    )
    changes = {**then.changes, "from": str(first)}
    if "contract_demand_kw" in changes:
        demands = [month.contract.contract_demand_kw for month in months]
        changes["contract_demand_kw"] = ", ".join(
            "-" if demand is None else f"{demand:f}" for demand in demands
        )
    return replace(then, changes=changes, months=months)


def _told(months: Sequence[PlannedMonth]) -> dict[str, str]:
    spans: list[tuple[BillingMonth, str]] = []
    for month in months:
        basis, demand = month.contract.demand_basis, month.contract.contract_demand_kw
        terms = (
            f"{basis} {demand:f} kW"
            if basis is DemandBasis.CONTRACT_DEMAND and demand is not None
            else str(basis)
        )
        if not spans or spans[-1][1] != terms:
            spans.append((month.determinants.month, terms))
    return {"demand_basis": "; ".join(f"from {month}: {terms}" for month, terms in spans)}
