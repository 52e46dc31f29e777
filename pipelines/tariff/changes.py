"""Where prices change inside a month, and how its settled energy is cut there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise, repeat
from typing import Any

from pipelines.codes import PricingScheme, TouPeriod
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.money import split_by_largest_remainder
from pipelines.periods import BillingDays
from pipelines.tariff.charges.basic_charge import basic_facts, every_basic_fact
from pipelines.tariff.charges.energy import energy_facts, every_energy_fact
from pipelines.tariff.charges.energy_sheet import EnergyKind
from pipelines.tariff.charges.power_factor import every_adjustment_fact
from pipelines.tariff.contract import Contract, Segment, SupplyMonth
from pipelines.tariff.price_sheets import changes_inside

_DAY = timedelta(days=1)


def pricing_facts(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a price of a month can depend on."""
    return (*every_energy_fact(facts), *every_basic_fact(facts), *every_adjustment_fact(facts))


def change_days(
    contract: Contract, month: BillingDays, facts: Facts, known: date | None = None
) -> tuple[date, ...]:
    """Days after the first on which a price of the contract changes inside the month or period: there its
    energy has to be cut.

    Raises FactNotInForceError where a day is not covered.
    """
    first, last = month.first_day, month.last_day
    dated = energy_facts(EnergyKind.of(contract), first, facts, known)
    if contract.pricing_scheme is PricingScheme.TWO_PART:
        dated = [*dated, *basic_facts(facts, first, known)]
    return tuple(sorted({day for each in dated for day in changes_inside(each, first, last, known)}))


def every_change_day(month: BillingDays, facts: Facts, known: date | None = None) -> tuple[date, ...]:
    """Days after the first on which a price of any contract changes inside the month or period."""
    found: set[date] = set()
    for dated in pricing_facts(facts):
        with suppress(FactNotInForceError):
            found.update(changes_inside(dated, month.first_day, month.last_day, known))
    return tuple(sorted(found))


def joined_at_prices(supply: SupplyMonth, facts: Facts, known: date | None = None) -> SupplyMonth:
    """The month with adjoining segments of one contract as one, unless a price of it changes between them.

    Raises FactNotInForceError where a day is not covered.
    """
    if len(supply.segments) == 1:
        return supply
    days = {
        each: change_days(each, supply.billed, facts, known)
        for each in {segment.contract for segment in supply.segments}
    }
    found = joined_segments(supply.segments, lambda _, later: later.first_day not in days[later.contract])
    return replace(supply, segments=tuple(found))


def cut_month(
    supply: SupplyMonth,
    days: Sequence[date],
    seen_kwh: Sequence[Sequence[float]],
    seen_kw: Sequence[Decimal] | None = None,
) -> SupplyMonth:
    """A month under one contract cut at some days; its energy is kept exactly.

    days      First days of the second and later parts, in order.
    seen_kwh  What the curve saw in each part, one more than days, by period in the order of TouPeriod; of a
              month that is not split over periods the sums alone count. [kWh]
    seen_kw   Highest demand that it saw in each part; none: the month's stands for each. Where another one
              than the curve's is billed, the part that saw the highest has it and no part more. [kW]
    Energy goes to the parts by largest remainder at the register's resolution, period by period where there
    are periods.
    """
    month, whole = supply.billed, supply.segments[0]
    firsts = [month.first_day, *days]
    if any(later <= earlier for earlier, later in pairwise(firsts)) or firsts[-1] > month.last_day:
        raise UsageError(f"{month} can be cut only at days inside it, in order.")
    if {len(seen_kwh), len(firsts if seen_kw is None else seen_kw)} != {len(firsts)}:
        raise UsageError(f"{len(firsts)} parts of {month} need as many energies and demands.")
    if whole.energy_by_period is None:
        weights = [sum(row) for row in seen_kwh]
        energies = split_by_largest_remainder(whole.energy_kwh, weights, supply.resolution_kwh)
        parts = [replace(whole, energy_kwh=energy) for energy in energies]
    else:
        splits = _split_periods(whole.energy_by_period, seen_kwh, supply.resolution_kwh)
        parts = [
            replace(whole, energy_kwh=sum(split.values(), Decimal(0)), energy_by_period=split)
            for split in splits
        ]
    lasts = [*(first - _DAY for first in days), month.last_day]
    segments = tuple(
        replace(part, first_day=first, last_day=last, max_demand_kw=demand)
        for part, first, last, demand in zip(parts, firsts, lasts, _demands(whole, seen_kw), strict=False)
    )
    return replace(supply, segments=segments)


def _demands(whole: Segment, seen_kw: Sequence[Decimal] | None) -> Iterable[Decimal | None]:
    billed = whole.max_demand_kw
    if billed is None or seen_kw is None:
        return repeat(billed)
    return [billed if demand == max(seen_kw) else min(demand, billed) for demand in seen_kw]


def _split_periods(
    energy_by_period: Mapping[TouPeriod, Decimal], seen_kwh: Sequence[Sequence[float]], step: Decimal
) -> list[dict[TouPeriod, Decimal]]:
    if any(len(row) != len(TouPeriod) for row in seen_kwh):
        raise UsageError(
            "A month with periods is cut period by period.", "Give what was seen of each part by period."
        )
    splits: list[dict[TouPeriod, Decimal]] = [{} for _ in seen_kwh]
    for place, period in enumerate(TouPeriod):
        if period not in energy_by_period:
            continue
        seen = [row[place] for row in seen_kwh]
        # Energy that the curve of no part saw in its period follows the parts as a whole.
        weights = seen if sum(seen) > 0 else [sum(row) for row in seen_kwh]
        for split, part in zip(
            splits, split_by_largest_remainder(energy_by_period[period], weights, step), strict=True
        ):
            split[period] = part
    return splits


def joined_segments(
    segments: Iterable[Segment], may_join: Callable[[Segment, Segment], bool]
) -> list[Segment]:
    """Adjoining segments of one section and contract as one.

    may_join  Asked of two that go on from one another: whether nothing else parts them.
    """
    found: list[Segment] = []
    for segment in segments:
        if found and _goes_on(found[-1], segment) and may_join(found[-1], segment):
            found[-1] = joined(found[-1], segment)
        else:
            found.append(segment)
    return found


def joined(one: Segment, other: Segment) -> Segment:
    """Two segments in a row as one; what one of them lacks, both lack.

    Energies and running days add up, the higher demand counts.
    """
    split = demand = running = None
    if one.energy_by_period is not None and other.energy_by_period is not None:
        split = {
            period: one.energy_by_period.get(period, Decimal(0))
            + other.energy_by_period.get(period, Decimal(0))
            for period in dict.fromkeys([*one.energy_by_period, *other.energy_by_period])
        }
    if one.max_demand_kw is not None and other.max_demand_kw is not None:
        demand = max(one.max_demand_kw, other.max_demand_kw)
    if one.running_days is not None and other.running_days is not None:
        running = one.running_days + other.running_days
    return replace(
        one,
        last_day=other.last_day,
        energy_kwh=one.energy_kwh + other.energy_kwh,
        energy_by_period=split,
        max_demand_kw=demand,
        running_days=running,
    )


def _goes_on(one: Segment, other: Segment) -> bool:
    """Days without a count of their own run throughout, so they are never added to counted ones."""
    return (
        (one.section, one.contract, one.running_days is None)
        == (other.section, other.contract, other.running_days is None)
    ) and other.first_day - one.last_day == _DAY
