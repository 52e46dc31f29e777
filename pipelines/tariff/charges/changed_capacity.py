"""What of the capacity in operation the basic charge knows, where it changes inside a month.

A suspension that begins and ends inside the month and is too short leaves the charge as it is (ruling R16);
how long one lasts that reaches the month's edge cannot be told from the month, nor whether the year has more
than six months of it or whether whole transformers are suspended: neither is checked. On the demand bases the
month's highest demand bills a month in which the capacity changes (ruling R17). Days or bases that no fact
covers, and any month as it was known before the rulings, are billed as they were metered, part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from pipelines.codes import ContractNote, DemandBasis, PricingScheme
from pipelines.errors import FactNotInForceError
from pipelines.tariff.contract import Contract, Segment, SupplyMonth
from pipelines.tariff.price_sheets import PriceSheets, Span

_DAY = timedelta(days=1)


class CapacityRules(NamedTuple):
    """What the rulings say in a month.

    suspension_days  A suspension of fewer days does not count; 0: each counts. [d]
    bases            Demand bases on which the month's highest demand bills a changed month.
    """

    suspension_days: Decimal
    bases: frozenset[DemandBasis]


class BilledSegment(NamedTuple):
    """A segment as the basic charge counts it.

    contract       With the capacity that is charged.
    is_charged_on  Whether the segment is charged although its own capacity is suspended.
    max_demand_kw  The demand that is billed. [kW]
    rulings        The rulings by which it is charged otherwise than metered.
    """

    segment: Segment
    contract: Contract
    is_charged_on: bool
    max_demand_kw: Decimal | None
    rulings: tuple[ContractNote, ...] = ()


def capacity_rules(_kind: None, span: Span) -> CapacityRules:
    """The rulings in force and known in the month that begins with a day; a price sheet."""
    days, bases = Decimal(0), frozenset[DemandBasis]()
    with suppress(FactNotInForceError):
        days = span.facts.basic_charge.suspension_days.on(span.first_day, span.known)
    with suppress(FactNotInForceError):
        bases = span.facts.basic_charge.changed_month.on(span.first_day, span.known).bases
    return CapacityRules(days, bases)


def ruling_notes(supply: SupplyMonth, sheets: PriceSheets) -> set[ContractNote]:
    """The rulings by which the basic charge of a month is another than its parts as metered."""
    capacities = {
        each.contract.running_capacity_kva
        for each in supply.segments
        if each.contract.pricing_scheme is PricingScheme.TWO_PART
    }
    if len(capacities) < 2:
        return set()
    return {
        note
        for mine in two_part_sections(supply)
        for billed in billed_segments(mine, supply, sheets)
        for note in billed.rulings
    }


def two_part_sections(supply: SupplyMonth) -> list[list[Segment]]:
    """The segments with a basic charge, section by section in the order of the supply."""
    sections: dict[str, list[Segment]] = {}
    for segment in supply.segments:
        mine = sections.setdefault(segment.section, [])
        if segment.contract.pricing_scheme is PricingScheme.TWO_PART:
            mine.append(segment)
    return list(sections.values())


def billed_segments(
    segments: Sequence[Segment], supply: SupplyMonth, sheets: PriceSheets
) -> list[BilledSegment]:
    """The segments of one section as the basic charge counts them."""
    metered = [BilledSegment(each, each.contract, False, each.max_demand_kw) for each in segments]
    if len(segments) < 2 or len({each.contract.running_capacity_kva for each in segments}) < 2:
        return metered
    first, _ = supply.days
    rules = sheets.of(capacity_rules, None, first, first)
    return _by_highest_demand(_without_short_suspensions(metered, rules), rules)


def _without_short_suspensions(segments: list[BilledSegment], rules: CapacityRules) -> list[BilledSegment]:
    """The segments with the capacity of the days around each suspension that is too short.

    Filled from the lowest step up: of two transformers that are suspended one after the other each is
    measured by its own days.
    """
    found = list(segments)
    while short := _short_suspension(found, rules.suspension_days):
        begin, end, capacity = short
        for place in range(begin, end):
            found[place] = _charged(found[place], capacity, ContractNote.SUSPENSION_TOO_SHORT)
    return found


def _short_suspension(
    segments: Sequence[BilledSegment], least_days: Decimal
) -> tuple[int, int, Decimal] | None:
    """First and last place of a suspension that is too short, and the capacity beside it; None without
    one.
    """
    levels = [
        (capacity, list(places))
        for capacity, places in groupby(
            range(len(segments)), key=lambda place: segments[place].contract.running_capacity_kva
        )
    ]
    for (before, left), (now, places), (after, right) in zip(levels, levels[1:], levels[2:], strict=False):
        if before is None or now is None or after is None or not now < min(before, after):
            continue
        begin, end = places[0], places[-1] + 1
        days = segments[right[0]].segment.first_day - segments[begin].segment.first_day
        is_whole = all(
            segments[place].segment.last_day + _DAY == segments[place + 1].segment.first_day
            for place in range(left[-1], end)
        )
        if is_whole and days.days < least_days and all(map(_is_suspended, segments[begin:end])):
            return begin, end, min(before, after)
    return None


def _is_suspended(billed: BilledSegment) -> bool:
    """Whether less is in operation than the contract has: a smaller contract is no suspension."""
    agreed, running = billed.contract.contract_capacity_kva, billed.contract.running_capacity_kva
    return agreed is not None and running is not None and running < agreed


def _by_highest_demand(segments: list[BilledSegment], rules: CapacityRules) -> list[BilledSegment]:
    """The segments with the month's highest demand and capacity where the capacity changes."""
    by_demand = [place for place, each in enumerate(segments) if each.contract.demand_basis in rules.bases]
    capacities = {segments[place].contract.running_capacity_kva for place in by_demand}
    known = [capacity for capacity in capacities if capacity is not None]
    if len(capacities) < 2 or not known:
        return segments
    demand, found = highest_demand([segments[place] for place in by_demand]), list(segments)
    for place in by_demand:
        charged = _charged(segments[place], max(known), ContractNote.HIGHEST_DEMAND_OF_MONTH)
        found[place] = charged._replace(max_demand_kw=demand)
    return found


def highest_demand(segments: Sequence[BilledSegment]) -> Decimal | None:
    """The highest demand of some segments; None where one in operation has none. [kW]"""
    if len(segments) == 1:
        return segments[0].max_demand_kw
    demands = [
        each.max_demand_kw
        for each in segments
        if each.max_demand_kw is not None or each.segment.contract.running_capacity_kva != 0
    ]
    known = [demand for demand in demands if demand is not None]
    return max(known) if known and len(known) == len(demands) else None


def _charged(billed: BilledSegment, capacity: Decimal, ruling: ContractNote) -> BilledSegment:
    was_idle, contract = billed.segment.contract.running_capacity_kva == 0, billed.contract
    if contract.running_capacity_kva != capacity:
        contract = replace(contract, running_capacity_kva=capacity)
    return billed._replace(
        contract=contract,
        is_charged_on=was_idle and capacity != 0,
        rulings=(*billed.rulings, ruling),
    )
