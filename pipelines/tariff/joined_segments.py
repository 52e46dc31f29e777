"""Segments of a month in a row whose contract is one, joined again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from pipelines.tariff.contract import Segment

_DAY = timedelta(days=1)


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
