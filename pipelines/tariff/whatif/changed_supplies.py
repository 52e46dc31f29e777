"""A month under other terms, or with less energy, some of it at other hours, or less reactive energy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipelines.codes import TouPeriod
from pipelines.money import round_half_up, split_by_largest_remainder, whole_steps
from pipelines.tariff.contract import Segment, SupplyMonth

CENTI_KVARH = Decimal("0.01")
NOTHING = Decimal(0)


def under(supply: SupplyMonth, **terms: Any) -> SupplyMonth:
    """The month with other terms in every contract of its main part."""
    segments = (
        each if each.section else replace(each, contract=replace(each.contract, **terms))
        for each in supply.segments
    )
    return replace(supply, segments=tuple(segments))


def with_less_energy(
    supply: SupplyMonth, saved_kwh: Decimal, saved_by_period: Mapping[TouPeriod, float] | None = None
) -> SupplyMonth:
    """The month with so much less energy; segments and periods keep their shares, reactive energy stays.

    saved_kwh        Above 0 and below the energy of the month. [kWh]
    saved_by_period  In which periods it is saved; a month whose periods hold less keeps its shares. [kWh]
    Energies stay whole register steps, unless what is left is finer, as after a deduction of a finer meter.
    """
    cells = [energy for segment in supply.segments for energy in _cells(segment)]
    left, step = supply.energy_kwh - saved_kwh, supply.resolution_kwh
    if left % step:
        step = Decimal(1).scaleb(int(left.as_tuple().exponent))
    weights = _left_by_period(supply, saved_by_period) or [float(energy) for energy in cells]
    parts = iter(split_by_largest_remainder(left, weights, step))
    segments = tuple(
        _of_cells(segment, [next(parts) for _ in _cells(segment)]) for segment in supply.segments
    )
    beside = None if supply.power_factor_kwh is None else max(supply.power_factor_kwh - saved_kwh, NOTHING)
    return replace(supply, segments=segments, power_factor_kwh=beside)


def with_shifted_energy(
    supply: SupplyMonth, share: Decimal, away: Sequence[TouPeriod], into: TouPeriod
) -> tuple[SupplyMonth, Decimal]:
    """The month with a share of some periods' energy in another period, and how much was moved. [kWh]

    Only segments that are priced by periods move any, in whole register steps.
    """
    segments, total = [], NOTHING
    for segment in supply.segments:
        parts = segment.energy_by_period
        if parts is not None and segment.contract.is_time_of_use:
            moved = {
                period: whole_steps(parts.get(period, NOTHING) * share, supply.resolution_kwh)
                for period in away
                if period is not into
            }
            after = {period: parts.get(period, NOTHING) - moved.get(period, NOTHING) for period in TouPeriod}
            after[into] += sum(moved.values(), NOTHING)
            total += sum(moved.values(), NOTHING)
            segment = replace(segment, energy_by_period=after)
        segments.append(segment)
    return replace(supply, segments=tuple(segments)), total


def with_compensation(supply: SupplyMonth, target: Decimal) -> SupplyMonth:
    """The month with as much lagging reactive energy compensated as the target power factor asks for, and no
    more than there is; leading energy stays and counts by its amount, as in the power factor itself.

    target  Above 0 and at most 1. [1]
    """
    if supply.lagging_kvarh is None or supply.leading_kvarh is None:
        return supply
    reactive = Decimal(repr(float(supply.active_kwh) * math.tan(math.acos(float(target)))))
    allowed = round_half_up(reactive - abs(supply.leading_kvarh), CENTI_KVARH)
    return replace(supply, lagging_kvarh=max(min(supply.lagging_kvarh, allowed), NOTHING))


def with_less_reactive(supply: SupplyMonth, lagging_kvarh: float, leading_kvarh: float) -> SupplyMonth:
    """The month with so much less lagging and leading energy, a negative amount more, none below nothing.
    [kvarh]
    """
    if supply.lagging_kvarh is None or supply.leading_kvarh is None:
        return supply
    less_lagging, less_leading = (
        round_half_up(Decimal(repr(value)), CENTI_KVARH) for value in (lagging_kvarh, leading_kvarh)
    )
    return replace(
        supply,
        lagging_kvarh=max(supply.lagging_kvarh - less_lagging, NOTHING),
        leading_kvarh=max(abs(supply.leading_kvarh) - less_leading, NOTHING),
    )


def _left_by_period(supply: SupplyMonth, saved: Mapping[TouPeriod, float] | None) -> list[float] | None:
    """What each period of a month of one contract has left; None where it cannot be told. [kWh]"""
    parts = supply.segments[0].energy_by_period
    if saved is None or parts is None or len(supply.segments) > 1:
        return None
    left = [float(energy) - saved.get(period, 0.0) for period, energy in parts.items()]
    return left if min(left) >= 0 else None


def _cells(segment: Segment) -> list[Decimal]:
    parts = segment.energy_by_period
    return [segment.energy_kwh] if parts is None else list(parts.values())


def _of_cells(segment: Segment, cells: list[Decimal]) -> Segment:
    parts = segment.energy_by_period
    after = None if parts is None else dict(zip(parts, cells, strict=True))
    return replace(segment, energy_kwh=sum(cells, NOTHING), energy_by_period=after)
