"""Whether two cases are made from the same but for where changes of prices cut their months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from pipelines.tariff import Segment, SupplyMonth
from products.efficiency_bill.case.text import case_as_text, case_from_text

_NO_ENERGY = Decimal(0)


def same_but_for_cuts(one: str, other: str) -> bool:
    """Of two kept cases: whether terms, metering and comparisons are equal, and both months once their
    adjoining parts of one contract are joined.

    A part's energy is rounded by itself: where the parts come to another total than the whole, the cases
    count as different.
    """
    if one == other:
        return True
    try:
        first, second = case_from_text(one), case_from_text(other)
    except ValueError:  # kept by a version whose cases read otherwise
        return False
    bare = [case_as_text(replace(case, supply=None, previous_supply=None)) for case in (first, second)]
    return (
        bare[0] == bare[1]
        and _uncut(first.priced_supply) == _uncut(second.priced_supply)
        and _uncut(first.priced_previous) == _uncut(second.priced_previous)
    )


def _uncut(supply: SupplyMonth | None) -> SupplyMonth | None:
    if supply is None:
        return None
    beside = supply.energy_kwh if supply.power_factor_kwh is None else supply.power_factor_kwh
    return replace(supply, segments=tuple(_joined(supply.segments)), power_factor_kwh=beside)


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    found: list[Segment] = []
    for segment in segments:
        if found and _goes_on(found[-1], segment):
            found[-1] = _together(found[-1], segment)
        else:
            found.append(segment)
    return found


def _goes_on(one: Segment, other: Segment) -> bool:
    is_same = (one.section, one.contract, one.running_days is None) == (
        other.section,
        other.contract,
        other.running_days is None,
    )
    is_alike = (one.energy_by_period is None) == (other.energy_by_period is None) and (
        one.max_demand_kw is None
    ) == (other.max_demand_kw is None)
    return is_same and is_alike and other.first_day - one.last_day == timedelta(days=1)


def _together(one: Segment, other: Segment) -> Segment:
    split, demand, running = one.energy_by_period, one.max_demand_kw, one.running_days
    if split is not None and other.energy_by_period is not None:
        periods = (*split, *(period for period in other.energy_by_period if period not in split))
        split = {
            period: split.get(period, _NO_ENERGY) + other.energy_by_period.get(period, _NO_ENERGY)
            for period in periods
        }
    if demand is not None and other.max_demand_kw is not None:
        demand = max(demand, other.max_demand_kw)
    if running is not None and other.running_days is not None:
        running += other.running_days
    energy = one.energy_kwh + other.energy_kwh
    return replace(
        one,
        last_day=other.last_day,
        energy_kwh=energy,
        energy_by_period=split,
        max_demand_kw=demand,
        running_days=running,
    )
