"""What a supply would cost under other terms: the same engine prices the same months again.

Every function takes consecutive months as expected, and only facts that were known by ``known``; none: all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Facts
from pipelines.tariff.changes import joined_at_prices
from pipelines.tariff.charges.power_factor import power_factor
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.contract_notes import IN_PARTS
from pipelines.tariff.lines import PricedMonth
from pipelines.tariff.pricing import price_supply
from pipelines.tariff.whatif.changed_supplies import under, with_compensation, with_shifted_energy


@dataclass(frozen=True)
class PlannedMonth:
    """A month as expected, under the contract that is best for it, and its price."""

    supply: SupplyMonth
    priced: PricedMonth


@dataclass(frozen=True)
class Alternative:
    """One set of terms over the coming months.

    name     ``now``, or what is different.
    changes  What is different, by the name of the term, as text.
    """

    name: str
    changes: Mapping[str, str]
    months: tuple[PlannedMonth, ...]

    @property
    def total_cny(self) -> Decimal:
        """All months together. [CNY]"""
        return sum((month.priced.total_cny for month in self.months), Decimal(0))


def planned(supply: SupplyMonth, facts: Facts, known: date | None = None) -> PlannedMonth:
    """A month, priced in parts only where a price of its contract changes."""
    return PlannedMonth(supply, price_supply(joined_at_prices(supply, facts, known), facts, known))


def as_agreed(months: Sequence[SupplyMonth], facts: Facts, known: date | None = None) -> Alternative:
    """The months under the terms of today."""
    return _planned("now", {}, months, facts, known)


def basic_charge_choices(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None = None, step_kw: int = 1
) -> list[Alternative]:
    """The months on every demand basis, the cheapest first.

    A contract demand is chosen anew for each month, as it may be changed monthly; the basis is the same for
    all.
    step_kw  The contract demand is a multiple of this. [kW]
    """
    if months[0].contract.pricing_scheme is not PricingScheme.TWO_PART:
        raise UsageError("Only a two-part contract has a basic charge.", "Compare the schemes instead.")
    found = []
    for basis in DemandBasis:
        on_basis, changes = (
            [under(month, demand_basis=basis) for month in months],
            {"demand_basis": basis.value},
        )
        if any(month.missing_inputs for month in on_basis):
            continue
        if basis is DemandBasis.CONTRACT_DEMAND:
            best = [best_contract_demand(month, facts, known, step_kw) for month in on_basis]
            demands = (f"{month.supply.contract.contract_demand_kw:f}" for month in best)
            changes["contract_demand_kw"] = ", ".join(demands)
            found.append(Alternative(f"basis {basis.value}", changes, tuple(best)))
        else:
            found.append(_planned(f"basis {basis.value}", changes, on_basis, facts, known))
    return _cheapest_first(found)


def best_contract_demand(
    month: SupplyMonth, facts: Facts, known: date | None = None, step_kw: int = 1
) -> PlannedMonth:
    """The month with its cheapest contract demand; the smaller of two that cost the same.

    Up to the tolerance above it the demand costs nothing more and beyond it a multiple, so the cheapest lies
    where the highest demand uses the tolerance up, or at the least that is billed; only that and the
    multiples of the step beside the former are priced. Where a price changes inside the month each part of it
    has a highest demand of its own.
    """
    running = month.contract.running_capacity_kva
    parts = joined_at_prices(month, facts, known).segments
    highest = {segment.max_demand_kw for segment in parts if not segment.section}
    if None in highest or running is None:
        raise UsageError(
            "A contract demand is chosen by highest demand and capacity.",
            "Give max_demand_kw and running_capacity_kva.",
        )
    rule = facts.basic_charge.demand.on(month.month.first_day, known)
    least = rule.minimum_capacity_ratio * running
    places = [demand / rule.tolerance_ratio / step_kw for demand in highest if demand is not None]
    beside = {Decimal(step_kw * rounded(place)) for place in places for rounded in (math.floor, math.ceil)}
    tried = [least, *sorted(demand for demand in beside if demand > least)]
    # The first of the cheapest is the smallest.
    return min(
        (planned(under(month, contract_demand_kw=demand), facts, known) for demand in tried),
        key=lambda found: found.priced.total_cny,
    )


def scheme_choices(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None = None
) -> tuple[list[Alternative], dict[PricingScheme, str]]:
    """One-part and two-part where the capacity allows both, the cheapest first, two-part on its cheapest
    basis; and of a scheme that has no price at the contract's level what is lacking.
    """
    found: list[Alternative] = []
    lacking: dict[PricingScheme, str] = {}
    for scheme in open_schemes(months, facts, known):
        try:
            found += _on_scheme(scheme, months, facts, known)
        except FactNotForContractError as error:
            lacking[scheme] = str(error)
    return _cheapest_first(found), lacking


def open_schemes(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None = None
) -> Sequence[PricingScheme]:
    """The schemes that the contract's capacity is open to (ruling R12); single-part too where an old customer
    keeps it. None for homes.
    """
    contract, day = months[0].contract, months[0].month.first_day
    if contract.contract_capacity_kva is None:
        raise UsageError("The schemes allowed depend on the capacity.", "Give contract_capacity_kva.")
    if contract.customer_class not in IN_PARTS:
        return []
    allowed = facts.pricing_scheme.on(day, known).allowed(contract.contract_capacity_kva)
    kept = {PricingScheme.SINGLE_PART} if contract.keeps_single_part else set()
    return [scheme for scheme in PricingScheme if scheme in allowed or scheme in kept]


def _on_scheme(
    scheme: PricingScheme, months: Sequence[SupplyMonth], facts: Facts, known: date | None
) -> list[Alternative]:
    changes, contract = {"pricing_scheme": scheme.value}, months[0].contract
    if scheme is PricingScheme.SINGLE_PART:
        single = [
            under(month, pricing_scheme=scheme, demand_basis=None, contract_demand_kw=None)
            for month in months
        ]
        return [_planned("single-part", changes, single, facts, known)]
    running = contract.running_capacity_kva
    capacity = contract.contract_capacity_kva if running is None else running
    double = [under(month, pricing_scheme=scheme, running_capacity_kva=capacity) for month in months]
    return [
        replace(choice, name=f"two-part, {choice.name}", changes={**changes, **choice.changes})
        for choice in basic_charge_choices(double, facts, known)[:1]
    ]


def time_of_use_choices(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None = None
) -> list[Alternative]:
    """With and without time-of-use prices, the cheapest first; only where the class may choose and the split
    is known.

    ``bound_months`` among the changes says for how many months the choice would hold, where a fact does.
    """
    contract = months[0].contract
    if contract.customer_class not in (CustomerClass.GENERAL_COMMERCIAL, CustomerClass.RESIDENTIAL):
        raise UsageError(
            f"Time-of-use prices are no choice for {contract.customer_class.value}.",
            "Only general_commercial and residential may choose.",
        )
    _require_split(months)
    found = []
    bound = facts.time_of_use.option.on(months[0].month.first_day, known).get(contract.customer_class)
    for name, is_time_of_use in (("one price all day", False), ("time-of-use", True)):
        changes = {"is_time_of_use": str(is_time_of_use).lower()}
        if bound is not None and is_time_of_use is not contract.is_time_of_use:
            changes["bound_months"] = str(bound)
        other = [under(month, is_time_of_use=is_time_of_use) for month in months]
        found.append(_planned(name, changes, other, facts, known))
    return _cheapest_first(found)


def with_capacitors(
    months: Sequence[SupplyMonth],
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
    then, banks, reached = [], [], []
    for month in months:
        after = with_compensation(month, target)
        if month.lagging_kvarh is None or after.lagging_kvarh is None or after.leading_kvarh is None:
            raise UsageError(
                f"{month.month} has no reactive energy.", "Give lagging_kvarh and leading_kvarh."
            )
        then.append(after)
        banks.append(float(month.lagging_kvarh - after.lagging_kvarh) / (month.month.day_count * 24))
        reached.append(power_factor(after.lagging_kvarh, after.leading_kvarh, after.active_kwh))
    changes = {
        "bank_kvar_at_mean_power": str(step_kvar * math.ceil(max(banks) / step_kvar)),
        "power_factor_reached": str(min(reached)),
    }
    return _planned(f"power factor {target}", changes, then, facts, known)


def with_shift(
    months: Sequence[SupplyMonth],
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
    _require_split(months)
    then, moved = zip(*(with_shifted_energy(month, share, away, into) for month in months), strict=True)
    changes = {"moved_kwh": f"{sum(moved, Decimal(0)):f}"}
    return _planned(f"{share:%} into {into.value}", changes, then, facts, known)


def _require_split(months: Sequence[SupplyMonth]) -> None:
    for month in months:
        if any(segment.energy_by_period is None for segment in month.segments):
            raise UsageError(f"{month.month} has no split over periods.", "Give energy_by_period.")


def _planned(
    name: str, changes: Mapping[str, str], months: Iterable[SupplyMonth], facts: Facts, known: date | None
) -> Alternative:
    return Alternative(name, changes, tuple(planned(month, facts, known) for month in months))


def _cheapest_first(found: list[Alternative]) -> list[Alternative]:
    return sorted(found, key=lambda choice: (choice.total_cny, choice.name))
