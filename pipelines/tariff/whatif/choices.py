"""What a supply would cost under other terms: the same engine prices the same months again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.codes import CustomerClass, DayType, DemandBasis, PricingScheme, TouPeriod
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.facts.holidays import Holidays
from pipelines.periods import BillingMonth
from pipelines.tariff.changes import supply_in_parts
from pipelines.tariff.charges.power_factor import power_factor
from pipelines.tariff.contract import Contract, Determinants, missing_of_supply, supply_of
from pipelines.tariff.contract_notes import IN_PARTS
from pipelines.tariff.lines import PricedMonth
from pipelines.tariff.pricing import price_supply
from pipelines.tariff.whatif.changed_supplies import lagging_at, with_shifted_periods

WORKED = (DayType.WORKING_DAY, DayType.ADJUSTED_WORKING_DAY)


@dataclass(frozen=True)
class PlannedMonth:
    """A month as expected, the contract that is best for it, and its price."""

    contract: Contract
    determinants: Determinants
    priced: PricedMonth


@dataclass(frozen=True)
class Alternative:
    """One set of terms over the coming months.

    name       ``now``, or what is different.
    changes    What is different, by the name of the term, as text.
    total_cny  All months together. [CNY]
    """

    name: str
    changes: Mapping[str, str]
    months: tuple[PlannedMonth, ...]

    @property
    def total_cny(self) -> Decimal:
        """All months together. [CNY]"""
        return sum((month.priced.total_cny for month in self.months), Decimal(0))


def as_agreed(
    contract: Contract, months: Sequence[Determinants], facts: Facts, known: date | None = None
) -> Alternative:
    """The months under the terms of today."""
    return _planned("now", {}, [(contract, month) for month in months], facts, known)


def basic_charge_choices(
    contract: Contract,
    months: Sequence[Determinants],
    facts: Facts,
    known: date | None = None,
    step_kw: int = 1,
) -> list[Alternative]:
    """The months on every demand basis, the cheapest first.

    A contract demand is chosen anew for each month, as it may be changed monthly; the basis is the same for
    all.
    months   Consecutive months as expected, with their highest demand.
    step_kw  The contract demand is a multiple of this. [kW]
    """
    _require_two_part(contract)
    found = []
    for basis in DemandBasis:
        on_basis = replace(contract, demand_basis=basis)
        if any(missing_of_supply(supply_of(on_basis, month)) for month in months):
            continue
        if basis is DemandBasis.CONTRACT_DEMAND:
            terms = [
                (best_contract_demand(on_basis, month, facts, known, step_kw), month) for month in months
            ]
            changes = {
                "demand_basis": basis.value,
                "contract_demand_kw": ", ".join(f"{term.contract_demand_kw:f}" for term, _ in terms),
            }
        else:
            terms, changes = [(on_basis, month) for month in months], {"demand_basis": basis.value}
        found.append(_planned(f"basis {basis.value}", changes, terms, facts, known))
    return _cheapest_first(found)


def best_contract_demand(
    contract: Contract, month: Determinants, facts: Facts, known: date | None = None, step_kw: int = 1
) -> Contract:
    """The contract with the cheapest contract demand for a month; the smaller of two that cost the same.

    Up to the tolerance above it the demand costs nothing more and beyond it a multiple, so the cheapest lies
    where the highest demand uses the
    tolerance up, or at the least that is billed; only that and the multiples of the step beside the former
    are priced. Where a price changes
    inside the month each part of it has a highest demand of its own.
    """
    if month.max_demand_kw is None or contract.running_capacity_kva is None:
        raise UsageError(
            "A contract demand is chosen by highest demand and capacity.",
            "Give max_demand_kw and running_capacity_kva.",
        )
    rule = facts.basic_charge.demand.on(month.month.first_day, known)
    least = rule.minimum_capacity_ratio * contract.running_capacity_kva
    highest = {
        segment.max_demand_kw or Decimal(0)
        for segment in supply_in_parts(contract, month, facts, known).segments
    }
    places = [demand / rule.tolerance_ratio / step_kw for demand in highest]
    beside = {Decimal(step_kw * rounded(place)) for place in places for rounded in (math.floor, math.ceil)}
    priced = []
    for demand in sorted({least, *(demand for demand in beside if demand > least)}):
        other = replace(contract, contract_demand_kw=demand)
        priced.append(
            (price_supply(supply_in_parts(other, month, facts, known), facts, known).total_cny, demand, other)
        )
    return min(priced, key=lambda found: found[:2])[2]


def scheme_choices(
    contract: Contract, months: Sequence[Determinants], facts: Facts, known: date | None = None
) -> list[Alternative]:
    """One-part and two-part where the capacity allows both, the cheapest first; two-part on its cheapest
    basis.

    A scheme that has no price at the contract's level is left out; ``unpriced_schemes`` says why.
    """
    found: list[Alternative] = []
    for scheme in open_schemes(contract, months, facts, known):
        with suppress(FactNotForContractError):
            found += _on_scheme(contract, scheme, months, facts, known)
    return _cheapest_first(found)


def unpriced_schemes(
    contract: Contract, months: Sequence[Determinants], facts: Facts, known: date | None = None
) -> dict[PricingScheme, str]:
    """The schemes that the capacity allows and that have no price at the contract's level, with what is
    lacking.
    """
    lacking: dict[PricingScheme, str] = {}
    for scheme in open_schemes(contract, months, facts, known):
        try:
            _on_scheme(contract, scheme, months, facts, known)
        except FactNotForContractError as error:
            lacking[scheme] = str(error)
    return lacking


def open_schemes(
    contract: Contract, months: Sequence[Determinants], facts: Facts, known: date | None = None
) -> Sequence[PricingScheme]:
    """The schemes that the contract's capacity is open to (ruling R12); single-part too where an old customer
    keeps it. None for homes.
    """
    if contract.contract_capacity_kva is None:
        raise UsageError("The schemes allowed depend on the capacity.", "Give contract_capacity_kva.")
    if contract.customer_class not in IN_PARTS:
        return []
    allowed = facts.pricing_scheme.on(months[0].month.first_day, known).allowed(
        contract.contract_capacity_kva
    )
    kept = {PricingScheme.SINGLE_PART} if contract.keeps_single_part else set()
    return [scheme for scheme in PricingScheme if scheme in allowed or scheme in kept]


def _on_scheme(
    contract: Contract,
    scheme: PricingScheme,
    months: Sequence[Determinants],
    facts: Facts,
    known: date | None,
) -> list[Alternative]:
    other = replace(contract, pricing_scheme=scheme)
    if scheme is PricingScheme.SINGLE_PART:
        other = replace(other, demand_basis=None, contract_demand_kw=None)
        return [
            _planned(
                "single-part",
                {"pricing_scheme": scheme.value},
                [(other, month) for month in months],
                facts,
                known,
            )
        ]
    if other.running_capacity_kva is None:
        other = replace(other, running_capacity_kva=other.contract_capacity_kva)
    return [
        replace(
            choice,
            name=f"two-part, {choice.name}",
            changes={"pricing_scheme": scheme.value, **choice.changes},
        )
        for choice in basic_charge_choices(other, months, facts, known)[:1]
    ]


def time_of_use_choices(
    contract: Contract, months: Sequence[Determinants], facts: Facts, known: date | None = None
) -> list[Alternative]:
    """With and without time-of-use prices, the cheapest first; only where the class may choose and the split
    is known.

    ``bound_months`` among the changes says for how many months the choice would hold, where a fact does.
    """
    if contract.customer_class not in (CustomerClass.GENERAL_COMMERCIAL, CustomerClass.RESIDENTIAL):
        raise UsageError(
            f"Time-of-use prices are no choice for {contract.customer_class.value}.",
            "Only general_commercial and residential may choose.",
        )
    if any(month.energy_by_period is None for month in months):
        raise UsageError(
            "Without the split over periods time-of-use prices cannot be compared.",
            "Give energy_by_period for each month.",
        )
    found = []
    bound = facts.time_of_use.option.on(months[0].month.first_day, known).get(contract.customer_class)
    for is_time_of_use in (False, True):
        other = replace(contract, is_time_of_use=is_time_of_use)
        changes = {"is_time_of_use": str(is_time_of_use).lower()}
        if bound is not None and is_time_of_use is not contract.is_time_of_use:
            changes["bound_months"] = str(bound)
        found.append(
            _planned(
                "time-of-use" if is_time_of_use else "one price all day",
                changes,
                [(other, month) for month in months],
                facts,
                known,
            )
        )
    return _cheapest_first(found)


def with_capacitors(
    contract: Contract,
    months: Sequence[Determinants],
    target: Decimal,
    facts: Facts,
    known: date | None = None,
    step_kvar: int = 1,
) -> Alternative:
    """The months with as much lagging reactive energy compensated as the target power factor asks for;
    leading energy stays.

    target     Power factor to reach, above 0 and at most 1. [1]
    step_kvar  The size of the bank is a multiple of this. [kvar]
    """
    if not (target.is_finite() and 0 < target <= 1):
        raise UsageError(f"A power factor lies above 0 and up to 1, not {target}.")
    terms, bank = [], 0.0
    for month in months:
        if month.lagging_kvarh is None or month.leading_kvarh is None:
            raise UsageError(
                f"{month.month} has no reactive energy.", "Give lagging_kvarh and leading_kvarh."
            )
        lagging = lagging_at(target, month.energy_kwh, month.lagging_kvarh, month.leading_kvarh)
        bank = max(bank, float(month.lagging_kvarh - lagging) / (month.month.day_count * 24))
        terms.append((contract, replace(month, lagging_kvarh=lagging)))
    reached = min(
        power_factor(month.lagging_kvarh or Decimal(0), month.leading_kvarh or Decimal(0), month.energy_kwh)
        for _, month in terms
    )
    changes = {
        "bank_kvar_at_mean_power": str(step_kvar * math.ceil(bank / step_kvar)),
        "power_factor_reached": str(reached),
    }
    return _planned(f"power factor {target}", changes, terms, facts, known)


def with_shift(
    contract: Contract,
    months: Sequence[Determinants],
    share: Decimal,
    away: Sequence[TouPeriod],
    into: TouPeriod,
    facts: Facts,
    known: date | None = None,
) -> Alternative:
    """The months with a share of some periods' energy moved into another; the highest demand is taken to
    stay.

    share  Of the energy of each period of ``away``, 0 to 1. [1]
    """
    if not (share.is_finite() and 0 <= share <= 1):
        raise UsageError(f"A share lies from 0 to 1, not {share}.")
    terms, total = [], Decimal(0)
    for month in months:
        parts = month.energy_by_period
        if parts is None:
            raise UsageError(f"{month.month} has no split over periods.", "Give energy_by_period.")
        after, moved = with_shifted_periods(parts, share, away, into, month.resolution_kwh)
        terms.append((contract, replace(month, energy_by_period=after)))
        total += moved
    return _planned(f"{share:%} into {into.value}", {"moved_kwh": f"{total:f}"}, terms, facts, known)


def first_month_of_change(
    asked_on: date, rule: NoticeRule, holidays: Holidays, last_change: BillingMonth | None = None
) -> BillingMonth:
    """The first month for which a term may change: the notice in working days must have passed before it
    begins.

    asked_on     Day of the request, which itself does not count.
    last_change  Month from which the term last changed; None: long ago.
    Raises FactNotInForceError where the calendar of working days does not reach.
    """
    day, left = asked_on, rule.notice_working_days
    while left:
        day += timedelta(days=1)
        left -= holidays.day_type(day) in WORKED
    month = BillingMonth.of(day).plus(1)
    return month if last_change is None else max(month, last_change.plus(rule.every_months))


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


def _require_two_part(contract: Contract) -> None:
    if contract.pricing_scheme is not PricingScheme.TWO_PART:
        raise UsageError("Only a two-part contract has a basic charge.", "Compare the schemes instead.")


def _planned(
    name: str,
    changes: Mapping[str, str],
    terms: Iterable[tuple[Contract, Determinants]],
    facts: Facts,
    known: date | None,
) -> Alternative:
    return Alternative(
        name,
        changes,
        tuple(
            PlannedMonth(term, month, price_supply(supply_in_parts(term, month, facts, known), facts, known))
            for term, month in terms
        ),
    )


def _cheapest_first(found: list[Alternative]) -> list[Alternative]:
    return sorted(found, key=lambda choice: (choice.total_cny, choice.name))
