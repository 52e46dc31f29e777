"""Whether two cases are made from the same but for where changes of prices cut their months."""

from __future__ import annotations

from dataclasses import replace

from pipelines.tariff import Segment, SupplyMonth
from pipelines.tariff.changes import joined_segments
from products.efficiency_bill.case.case import BASELINE, BASELINE_MODEL, WEATHER, Case
from products.efficiency_bill.case.text import case_as_text, case_from_text

_OF_BASELINE = frozenset((BASELINE, BASELINE_MODEL, WEATHER))


def same_but_for_cuts(one: str, other: str, *, by_baseline: bool = True) -> bool:
    """Of two kept cases: whether terms, metering and comparisons are equal, and both months once their
    adjoining parts of one contract are joined.

    by_baseline  False: what the baseline says of the month does not count.

    A part's energy is rounded by itself: where the parts come to another total than the whole, the cases
    count as different.
    """
    if one == other:
        return True
    try:
        first, second = case_from_text(one), case_from_text(other)
    except ValueError:  # kept by a version whose cases read otherwise
        return False
    if not by_baseline:
        first, second = _without_baseline(first), _without_baseline(second)
    return (
        _text_beside(first) == _text_beside(second)
        and _uncut(first.supply) == _uncut(second.supply)
        and _uncut(first.previous_supply) == _uncut(second.previous_supply)
    )


def is_cut_of(cut: str, whole: str) -> bool:
    """Of two kept cases: whether the first is the second, which one contract priced whole, cut where prices
    change and nothing else.
    """
    try:
        first, second = case_from_text(cut), case_from_text(whole)
    except ValueError:  # kept by a version whose cases read otherwise
        return False
    if first.supply is None or second.supply is None or not second.supply.is_whole:
        return False
    sums = [
        replace(supply, segments=(), power_factor_kwh=supply.active_kwh)
        for supply in (first.supply, second.supply)
    ]
    parts = [list(map(_unmetered, case.supply.segments)) for case in (first, second) if case.supply]
    return (
        _text_beside(first) == _text_beside(second)
        and first.previous_supply == second.previous_supply
        and sums[0] == sums[1]
        and joined_segments(parts[0], lambda *_: True) == parts[1]
    )


def _text_beside(case: Case) -> str:
    """All that a case says beside its supplies; what advice rests on issues nothing anew."""
    return case_as_text(replace(case, supply=None, previous_supply=None, grounds=None))


def _unmetered(segment: Segment) -> Segment:
    """What stays of a segment when it is cut: a part without time of use has no split, and demands of several
    meters do not peak together in each part.
    """
    split = segment.energy_by_period if segment.contract.is_time_of_use else None
    return replace(segment, energy_by_period=split, max_demand_kw=None)


def _without_baseline(case: Case) -> Case:
    unknown: list[float | None] = [None] * len(case.day_columns["day_kwh"])
    return replace(
        case,
        baseline=None,
        day_columns={
            "day_kwh": case.day_columns["day_kwh"],
            "day_expected_kwh": unknown,
            "day_low_kwh": unknown,
            "day_high_kwh": unknown,
        },
        lacks=tuple(name for name in case.lacks if name not in _OF_BASELINE),
    )


def _uncut(supply: SupplyMonth | None) -> SupplyMonth | None:
    if supply is None:
        return None
    segments = tuple(joined_segments(supply.segments, _is_alike))
    return replace(supply, segments=segments, power_factor_kwh=supply.active_kwh)


def _is_alike(one: Segment, other: Segment) -> bool:
    """Whether both tell the same: a sum of what one alone tells would hide that the other lacks it."""
    return (one.energy_by_period is None, one.max_demand_kw is None) == (
        other.energy_by_period is None,
        other.max_demand_kw is None,
    )
