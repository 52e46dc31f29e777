"""What a supply would cost under other terms: the same engine prices the same months again.

Every function takes consecutive months as expected, and only facts that were known by ``known``; none: all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod
from pipelines.errors import FactNotForContractError, FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.tariff.changes import joined_at_prices
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.contract_notes import IN_PARTS
from pipelines.tariff.lines import PricedMonth
from pipelines.tariff.pricing import price_supply
from pipelines.tariff.whatif.changed_supplies import under, with_shifted_energy

_QUARTERS_OF_HOUR = 4
_NEEDS_DEMAND = (
    "A contract demand is chosen by highest demand and capacity.",
    "Give max_demand_kw and running_capacity_kva.",
)


@dataclass(frozen=True)
class PlannedMonth:
    """A month as expected, under the contract that is best for it, and its price."""

    supply: SupplyMonth
    priced: PricedMonth


@dataclass(frozen=True)
class Alternative:
    """One set of terms over the coming months.

    name          ``now``, or what is different.
    changes       What is different, by the name of the term, as text.
    is_hindsight  Whether it was fitted to each month's own demand, which nobody knows when it is asked for.
    is_bound      Whether its total is a bound that a real month may miss, and no promise.
    without_bank_cny  What the same would cost without its capacitors, where it is about one bank alone. [CNY]
    """

    name: str
    changes: Mapping[str, str]
    months: tuple[PlannedMonth, ...]
    is_hindsight: bool = False
    is_bound: bool = False
    without_bank_cny: Decimal | None = None

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
    """The months on every demand basis, the cheapest first; then, of several months, a contract demand that
    follows each month before, and last, as hindsight, the one that fits each month.

    The contract demand of the first ones is one for all months, the cheapest for their highest demands as
    expected. A contract demand for a single month is fitted to it, hence hindsight too.
    ``margin_kw`` among the changes says how far below the double charge the highest demand stays, a negative
    one how much of it is charged double.
    step_kw  The contract demand is a multiple of this. [kW]
    """
    if months[0].contract.pricing_scheme is not PricingScheme.TWO_PART:
        raise UsageError("Only a two-part contract has a basic charge.", "Compare the schemes instead.")
    found, fitted = [], []
    for basis in DemandBasis:
        name, changes = f"basis {basis.value}", {"demand_basis": basis.value}
        on_basis = [under(month, demand_basis=basis) for month in months]
        if any(month.missing_inputs for month in on_basis):
            continue
        if basis is not DemandBasis.CONTRACT_DEMAND:
            found.append(_planned(name, changes, on_basis, facts, known))
            continue
        best = _constant_contract_demand(on_basis, facts, known, step_kw)
        found.append(_by_contract_demand(name, best, facts, known, is_hindsight=len(months) == 1))
        if len(months) == 1:
            continue
        followed = _following_contract_demand(on_basis, facts, known, step_kw)
        if followed:
            found.append(_by_contract_demand(f"{name}, that of the month before", followed, facts, known))
        each = [best_contract_demand(month, facts, known, step_kw) for month in on_basis]
        hindsight = f"{name}, fitted to each month in hindsight"
        fitted.append(_by_contract_demand(hindsight, each, facts, known, is_hindsight=True))
    return _cheapest_first(found) + fitted


def _by_contract_demand(
    name: str,
    months: Sequence[PlannedMonth],
    facts: Facts,
    known: date | None,
    *,
    is_hindsight: bool = False,
) -> Alternative:
    """Months on contract demand, with their demands told: one for all of them, or each."""
    changes = {
        "demand_basis": DemandBasis.CONTRACT_DEMAND.value,
        "contract_demand_kw": told_demands([month.supply for month in months]),
        "margin_kw": f"{min(_margin_kw(month.supply, facts, known) for month in months).normalize():f}",
    }
    return Alternative(name, changes, tuple(months), is_hindsight)


def told_demands(months: Sequence[SupplyMonth]) -> str:
    """The contract demand of some months: one for all of them, or each."""
    demands = [month.contract.contract_demand_kw for month in months]
    told = ["-" if demand is None else f"{demand:f}" for demand in demands]
    return told[0] if len(set(told)) == 1 else ", ".join(told)


def _margin_kw(month: SupplyMonth, facts: Facts, known: date | None) -> Decimal:
    """How much higher the demand might be before any of it is charged double. [kW]"""
    rule, contract = facts.basic_charge.demand.on(month.days[0], known), month.contract
    least = rule.minimum_capacity_ratio * (contract.running_capacity_kva or Decimal(0))
    billed = max(contract.contract_demand_kw or Decimal(0), least)
    return rule.tolerance_ratio * billed - max(_highest_demands(month, facts, known))


def best_contract_demand(
    month: SupplyMonth, facts: Facts, known: date | None = None, step_kw: int = 1
) -> PlannedMonth:
    """The month with its cheapest contract demand; the smaller of two that cost the same."""
    (found,) = _constant_contract_demand([month], facts, known, step_kw)
    return found


def _constant_contract_demand(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None, step_kw: int
) -> list[PlannedMonth]:
    """The months with the one contract demand that is cheapest for all; the smallest of those that cost the
    same.

    Up to the tolerance above it a demand costs nothing more and beyond it a multiple, so the cheapest lies
    where the highest demand of a month uses the tolerance up, or at the least that is billed; only that and
    the multiples of the step beside the former are priced. Where a price changes inside a month each part of
    it has a highest demand of its own.
    """
    places: set[Decimal] = set()
    least = [_least_contract_demand(month, facts, known) for month in months]
    for month in months:
        tolerance = facts.basic_charge.demand.on(month.days[0], known).tolerance_ratio
        places |= {demand / tolerance / step_kw for demand in _highest_demands(month, facts, known)}
    beside = {Decimal(step_kw * rounded(place)) for place in places for rounded in (math.floor, math.ceil)}
    tried = [min(least), *sorted({demand for demand in (*beside, *least) if demand > min(least)})]
    # The first of the cheapest is the smallest.
    return min(
        (
            [planned(under(month, contract_demand_kw=demand), facts, known) for month in months]
            for demand in tried
        ),
        key=lambda found: sum(month.priced.total_cny for month in found),
    )


def _following_contract_demand(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None, step_kw: int
) -> list[PlannedMonth]:
    """The months with the contract demand that the highest demand of the month before asks for, the first
    one as agreed; none where none is agreed.
    """
    if months[0].contract.contract_demand_kw is None:
        return []
    found = [planned(months[0], facts, known)]
    for before, month in pairwise(months):
        tolerance = facts.basic_charge.demand.on(before.days[0], known).tolerance_ratio
        place = max(_highest_demands(before, facts, known)) / tolerance / step_kw
        demand = max(Decimal(step_kw * math.ceil(place)), _least_contract_demand(month, facts, known))
        found.append(planned(under(month, contract_demand_kw=demand), facts, known))
    return found


def _least_contract_demand(month: SupplyMonth, facts: Facts, known: date | None) -> Decimal:
    """The contract demand to which a smaller one is raised. [kW]"""
    running = month.contract.running_capacity_kva
    if running is None:
        raise UsageError(*_NEEDS_DEMAND)
    return facts.basic_charge.demand.on(month.days[0], known).minimum_capacity_ratio * running


def _highest_demands(month: SupplyMonth, facts: Facts, known: date | None) -> set[Decimal]:
    """The highest demand of each part of a month at one price. [kW]"""
    parts = joined_at_prices(month, facts, known).segments
    highest = {segment.max_demand_kw for segment in parts if not segment.section}
    found = {demand for demand in highest if demand is not None}
    if len(found) != len(highest):
        raise UsageError(*_NEEDS_DEMAND)
    return found


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
    contract, day = months[0].contract, months[0].days[0]
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
    bound = facts.time_of_use.option.on(months[0].days[0], known).get(contract.customer_class)
    for name, is_time_of_use in (("one price all day", False), ("time-of-use", True)):
        changes = {"is_time_of_use": str(is_time_of_use).lower()}
        if bound is not None and is_time_of_use is not contract.is_time_of_use:
            changes["bound_months"] = str(bound)
        other = [under(month, is_time_of_use=is_time_of_use) for month in months]
        found.append(_planned(name, changes, other, facts, known))
    return _cheapest_first(found)


def together(
    choices: Sequence[Alternative], now: Alternative, facts: Facts, known: date | None = None
) -> Alternative:
    """Several alternatives at once, priced anew: what each of them alone saves does not add up.

    Of each month an alternative gives what it changes: the contract, the reactive energy, the energy by
    period.
    """
    months = []
    for place, today in enumerate(now.months):
        month = today.supply
        for choice in choices:
            other, before = choice.months[place].supply, today.supply
            if (other.lagging_kvarh, other.leading_kvarh) != (before.lagging_kvarh, before.leading_kvarh):
                month = replace(month, lagging_kvarh=other.lagging_kvarh, leading_kvarh=other.leading_kvarh)
            segments = []
            for mine, theirs, old in zip(month.segments, other.segments, before.segments, strict=True):
                if theirs.contract != old.contract:
                    mine = replace(mine, contract=theirs.contract)
                if theirs.energy_by_period != old.energy_by_period:
                    mine = replace(mine, energy_by_period=theirs.energy_by_period)
                segments.append(mine)
            month = replace(month, segments=tuple(segments))
        months.append(month)
    changes = {name: text for choice in choices for name, text in choice.changes.items()}
    return _planned(" + ".join(choice.name for choice in choices), changes, months, facts, known)


def with_shift(
    months: Sequence[SupplyMonth],
    share: Decimal,
    away: Sequence[TouPeriod],
    into: TouPeriod,
    facts: Facts,
    known: date | None = None,
) -> Alternative:
    """The months with a share of some periods' energy moved into another; the highest demand is taken to
    stay. Where the hours of the other period cannot take it below that demand, or below the capacity where no
    demand is known, the total is a bound, and ``needed_kw`` among the changes says what they would need.

    share  Of the energy of each period of ``away``, 0 to 1. [1]
    """
    if not (share.is_finite() and 0 <= share <= 1):
        raise UsageError(f"A share lies from 0 to 1, not {share}.")
    _require_split(months)
    then, moved = zip(*(with_shifted_energy(month, share, away, into) for month in months), strict=True)
    changes = {"moved_kwh": f"{sum(moved, Decimal(0)):f}"}
    needed = [_needed_kw(month, into, facts, known) for month in then]
    is_bound = any(
        kw is not None and amount and kw > _highest_power(month)
        for kw, amount, month in zip(needed, moved, months, strict=True)
    )
    if is_bound:
        changes["needed_kw"] = f"{max(kw for kw in needed if kw is not None):,.1f}"
    found = _planned(f"{share:%} into {into.value}", changes, then, facts, known)
    return replace(found, is_bound=is_bound)


def _needed_kw(month: SupplyMonth, period: TouPeriod, facts: Facts, known: date | None) -> Decimal | None:
    """Mean power of the hours of a period in a month; None where its hours are not known. [kW]"""
    schedule = month.contract.hours
    if schedule is None:
        return None
    try:
        slots = facts.time_of_use.slot_matrix(month.billed.days, schedule, known)
    except FactNotInForceError:
        return None
    quarters = int((slots == list(TouPeriod).index(period)).sum())
    energies = (segment.energy_by_period or {} for segment in month.segments)
    energy = sum((parts.get(period, Decimal(0)) for parts in energies), Decimal(0))
    return energy * _QUARTERS_OF_HOUR / quarters if quarters else None


def _highest_power(month: SupplyMonth) -> Decimal:
    """What a month's load may draw: its highest demand, else the capacity; without either there is no limit.
    [kW]
    """
    contract = month.contract
    demands = [segment.max_demand_kw for segment in month.segments]
    known = [demand for demand in demands if demand is not None]
    if known and len(known) == len(demands):
        return max(known)
    capacity = contract.running_capacity_kva or contract.contract_capacity_kva
    return Decimal("Infinity") if capacity is None else capacity


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
