"""A month in segments with other energy: less of it, some of it at other hours, less reactive energy beside
it. Terms and demands stay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.money import round_half_up, split_by_largest_remainder, whole_steps
from pipelines.tariff.contract import Segment, SupplyMonth

CENTI_KVARH = Decimal("0.01")


def with_less_energy(supply: SupplyMonth, saved_kwh: Decimal, resolution_kwh: Decimal) -> SupplyMonth:
    """The month with so much less energy; segments and periods keep their shares, reactive energy stays.

    saved_kwh       Above 0 and below the energy of the month. [kWh]
    resolution_kwh  The smallest step of the energies, unless what is left is finer, as after a deduction of a
                    finer meter. [kWh]
    """
    cells = [energy for segment in supply.segments for energy in _cells(segment)]
    left = supply.energy_kwh - saved_kwh
    step = Decimal(1).scaleb(int(left.as_tuple().exponent)) if left % resolution_kwh else resolution_kwh
    parts = iter(split_by_largest_remainder(left, [float(energy) for energy in cells], step))
    segments = tuple(
        _of_cells(segment, [next(parts) for _ in _cells(segment)]) for segment in supply.segments
    )
    beside = None if supply.power_factor_kwh is None else max(supply.power_factor_kwh - saved_kwh, Decimal(0))
    return replace(supply, segments=segments, power_factor_kwh=beside)


def with_shifted_energy(
    supply: SupplyMonth, share: Decimal, away: Sequence[TouPeriod], into: TouPeriod, resolution_kwh: Decimal
) -> tuple[SupplyMonth, Decimal]:
    """The month with a share of some periods' energy in another period, and how much was moved. [kWh]

    Only segments that are priced by periods move any, in whole register steps.
    """
    segments, total = [], Decimal(0)
    for segment in supply.segments:
        parts = segment.energy_by_period
        if parts is None or not segment.contract.is_time_of_use:
            segments.append(segment)
            continue
        after, moved = with_shifted_periods(parts, share, away, into, resolution_kwh)
        segments.append(replace(segment, energy_by_period=after))
        total += moved
    return replace(supply, segments=tuple(segments)), total


def with_shifted_periods(
    parts: Mapping[TouPeriod, Decimal],
    share: Decimal,
    away: Sequence[TouPeriod],
    into: TouPeriod,
    resolution_kwh: Decimal,
) -> tuple[dict[TouPeriod, Decimal], Decimal]:
    """A split with a share of some periods in another one, in whole register steps, and how much was moved.
    [kWh]
    """
    nothing = Decimal(0)
    moved = {
        period: whole_steps(parts.get(period, nothing) * share, resolution_kwh)
        for period in away
        if period is not into
    }
    total = sum(moved.values(), nothing)
    after = {period: parts.get(period, nothing) - moved.get(period, nothing) for period in TouPeriod}
    after[into] += total
    return after, total


def with_compensation(supply: SupplyMonth, target: Decimal) -> SupplyMonth:
    """The month with as much lagging reactive energy compensated as the target power factor asks for; leading
    energy stays.

    target  Above 0 and at most 1. [1]
    """
    if supply.lagging_kvarh is None or supply.leading_kvarh is None:
        return supply
    return replace(
        supply,
        lagging_kvarh=lagging_at(target, supply.active_kwh, supply.lagging_kvarh, supply.leading_kvarh),
    )


def lagging_at(
    target: Decimal, active_kwh: Decimal, lagging_kvarh: Decimal, leading_kvarh: Decimal
) -> Decimal:
    """Lagging reactive energy that leaves the target power factor, and no more than there is. [kvarh]

    Leading energy counts by its amount, as in the power factor itself.
    """
    allowed = Decimal(repr(float(active_kwh) * math.tan(math.acos(float(target))))) - abs(leading_kvarh)
    return max(min(lagging_kvarh, round_half_up(allowed, CENTI_KVARH)), Decimal(0))


def _cells(segment: Segment) -> list[Decimal]:
    return (
        [segment.energy_kwh] if segment.energy_by_period is None else list(segment.energy_by_period.values())
    )


def _of_cells(segment: Segment, cells: list[Decimal]) -> Segment:
    parts = segment.energy_by_period
    after = None if parts is None else dict(zip(parts, cells, strict=True))
    return replace(segment, energy_kwh=sum(cells, Decimal(0)), energy_by_period=after)
