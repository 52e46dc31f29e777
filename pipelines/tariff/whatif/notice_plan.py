"""The cheapest demand basis and contract demand for coming months, changed only when the rules on notice and
frequency allow it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.codes import ChangeBegin, CustomerClass, DayType, DemandBasis
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.facts.holidays import Holidays
from pipelines.periods import BillingMonth
from pipelines.tariff.contract import Contract, SupplyMonth
from pipelines.tariff.whatif.changed_supplies import under
from pipelines.tariff.whatif.choices import (
    Alternative,
    PlannedMonth,
    best_contract_demand,
    planned,
    told_demands,
)

WORKED = (DayType.WORKING_DAY, DayType.ADJUSTED_WORKING_DAY)
NAME = "basis and contract demand within the notice periods"
QUARTER_MONTHS = 3


@dataclass(frozen=True)
class ChangeLimits:
    """From when and how often the two terms may change.

    basis_from, demand_from    First month for which a request may take effect.
    basis_every, demand_every  Months that a changed term holds before it may change again. [months]
    basis_begins               With what a changed basis begins.
    """

    basis_from: BillingMonth
    demand_from: BillingMonth
    basis_every: int
    demand_every: int
    basis_begins: ChangeBegin = ChangeBegin.MONTH


def first_month_of_change(
    asked_on: date, rule: NoticeRule, holidays: Holidays, last_change: BillingMonth | None = None
) -> BillingMonth:
    """The first month for which a term may change: the notice in working days must have passed before it
    begins, and where the rule says so it begins a natural quarter.

    asked_on     Day of the request, which itself does not count.
    last_change  Month from which the term last changed; None: long ago.
    Raises FactNotInForceError where the calendar of working days does not reach.
    """
    day, left = asked_on, rule.notice_working_days
    while left:
        day += timedelta(days=1)
        left -= holidays.day_type(day) in WORKED
    month = BillingMonth.of(day).plus(1)
    if last_change is not None:
        month = max(month, last_change.plus(rule.every_months))
    while not may_begin(month, rule.begins):
        month = month.plus(1)
    return month


def may_begin(month: BillingMonth, begins: ChangeBegin) -> bool:
    """Whether a changed term may take effect with a month."""
    return begins is ChangeBegin.MONTH or month.month % QUARTER_MONTHS == 1


def first_month_of_time_of_use_choice(
    asked_on: date,
    customer_class: CustomerClass,
    facts: Facts,
    last_choice: BillingMonth | None = None,
    known: date | None = None,
) -> BillingMonth:
    """The first month for which the time-of-use option may be chosen anew: the month after the request, and
    not before the last choice has run out.

    last_choice  First month of the choice that holds now; None: long ago.
    Raises UsageError for a class that has no choice or of which no fact says how long it holds.
    """
    bound = facts.time_of_use.option.on(asked_on, known)
    if customer_class not in bound:
        raise UsageError(
            f"No fact says for how long {customer_class.value} is bound to a time-of-use choice.",
            f"Known: {', '.join(bound)}.",
        )
    month = BillingMonth.of(asked_on).plus(1)
    return month if last_choice is None else max(month, last_choice.plus(bound[customer_class]))


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
    basic, bound = facts.basic_charge, facts.time_of_use.option.on(asked_on, known)
    asked: dict[str, Dated[NoticeRule] | None] = {}
    if contract.demand_basis is not None:
        asked = {"demand_basis": basic.basis_change, "contract_demand": basic.contract_demand_change}
    if contract.customer_class in bound:
        asked["time_of_use_option"] = None
    found: dict[str, BillingMonth] = {}
    lacking: dict[str, str] = {}
    for term, rule in asked.items():
        since, kind = last.get(term), contract.customer_class
        try:
            found[term] = (
                first_month_of_time_of_use_choice(asked_on, kind, facts, since, known)
                if rule is None
                else first_month_of_change(asked_on, rule.on(asked_on, known), facts.holidays, since)
            )
        except FactNotInForceError as error:
            lacking[term] = str(error)
    return found, lacking


def change_limits(
    first: Mapping[str, BillingMonth], asked_on: date, facts: Facts, known: date | None = None
) -> ChangeLimits:
    """What the facts on notice allow for a request made on a day; first: what ``first_months`` says of it."""
    basis = facts.basic_charge.basis_change.on(asked_on, known)
    demand = facts.basic_charge.contract_demand_change.on(asked_on, known)
    from_basis, from_demand = first["demand_basis"], first["contract_demand"]
    return ChangeLimits(from_basis, from_demand, basis.every_months, demand.every_months, basis.begins)


def cheapest_within_notice(
    months: Sequence[SupplyMonth],
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
    agreed = months[0].contract.demand_basis
    if agreed is None:
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
    priced = _Priced(months, limits.demand_from, facts, known, step_kw)
    first_change = next(
        (place for place, month in enumerate(months) if month.month >= limits.basis_from), len(months)
    )
    bases = [
        basis
        for basis in DemandBasis
        if not any(under(month, demand_basis=basis).missing_inputs for month in months)
    ]
    best = _Plan(Decimal(0), 0, ())
    # plans[i]: the cheapest way through the first i months after which the basis may change.
    plans = {
        end: best.with_months(priced, agreed, end, changes=False)
        for end in range(first_change, len(months) + 1)
    }
    for begin in range(first_change, len(months)):
        for basis in bases if may_begin(months[begin].month, limits.basis_begins) else ():
            # A basis that outlives the plan is no shorter for being cut by its end.
            for end in sorted({*range(begin + limits.basis_every, len(months) + 1), len(months)}):
                reached = plans[begin].with_months(priced, basis, end, changes=True)
                if reached.worth < plans[end].worth:
                    plans[end] = reached
    chosen = plans[len(months)].bases
    found = tuple(priced.month(basis, place, chosen[:place]) for place, basis in enumerate(chosen))
    # Its contract demands are those of the months as expected, which is hindsight once they are over.
    is_fitted = any(
        month.supply.contract.demand_basis is DemandBasis.CONTRACT_DEMAND
        and month.supply.contract.contract_demand_kw != agreed_month.contract.contract_demand_kw
        for month, agreed_month in zip(found, months, strict=True)
    )
    return Alternative(NAME, _told(found), found, is_hindsight=is_fitted)


@dataclass(frozen=True)
class _Plan:
    """What some months cost, how often the basis was chosen anew, and the basis of each."""

    cost_cny: Decimal
    changes: int
    bases: tuple[DemandBasis, ...]

    @property
    def worth(self) -> tuple[Decimal, int]:
        return self.cost_cny, self.changes

    def with_months(self, priced: _Priced, basis: DemandBasis, end: int, *, changes: bool) -> _Plan:
        bases, cost = self.bases, self.cost_cny
        for place in range(len(bases), end):
            cost += priced.month(basis, place, bases).priced.total_cny
            bases += (basis,)
        is_change = changes and (not self.bases or self.bases[-1] is not basis)
        return _Plan(cost, self.changes + is_change, bases)


class _Priced:
    """Months on each basis, each priced once."""

    def __init__(
        self,
        months: Sequence[SupplyMonth],
        demand_from: BillingMonth,
        facts: Facts,
        known: date | None,
        step_kw: int,
    ) -> None:
        self._months, self._demand_from = months, demand_from
        self._facts, self._known, self._step_kw = facts, known, step_kw
        self._kept: dict[tuple[DemandBasis, int, bool], PlannedMonth] = {}

    def month(self, basis: DemandBasis, place: int, before: Sequence[DemandBasis]) -> PlannedMonth:
        """A month on a basis; its contract demand is today's until it may change or the basis has been chosen
        anew.
        """
        month, by_demand = self._months[place], DemandBasis.CONTRACT_DEMAND
        stays = month.month < self._demand_from and all(
            each is by_demand for each in (basis, self._months[0].contract.demand_basis, *before)
        )
        key = (basis, place, stays)
        if key not in self._kept:
            on_basis = under(month, demand_basis=basis)
            self._kept[key] = (
                best_contract_demand(on_basis, self._facts, self._known, self._step_kw)
                if basis is by_demand and not stays
                else planned(on_basis, self._facts, self._known)
            )
        return self._kept[key]


def from_month(then: Alternative, now: Alternative, first: BillingMonth) -> Alternative:
    """The same alternative, but the terms of today until the month from which it may hold."""
    months = tuple(
        later if later.supply.month >= first else today
        for later, today in zip(then.months, now.months, strict=True)
    )
    changes = {**then.changes, "from": str(first)}
    if "contract_demand_kw" in changes:
        changes["contract_demand_kw"] = told_demands([month.supply for month in months])
    is_whole = months == then.months
    without = then.without_bank_cny if is_whole else None
    return replace(then, changes=changes, months=months, without_bank_cny=without)


def _told(months: Sequence[PlannedMonth]) -> dict[str, str]:
    spans: dict[str, str] = {}
    for terms, same in itertools.groupby(months, key=_terms):
        spans[f"from {next(same).supply.month}"] = terms
    return {"demand_basis": "; ".join(f"{begin}: {terms}" for begin, terms in spans.items())}


def _terms(month: PlannedMonth) -> str:
    contract = month.supply.contract
    basis, demand = contract.demand_basis, contract.contract_demand_kw
    is_agreed = basis is DemandBasis.CONTRACT_DEMAND and demand is not None
    return f"{basis} {demand:f} kW" if is_agreed else str(basis)
