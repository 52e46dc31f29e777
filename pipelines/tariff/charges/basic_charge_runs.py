"""Runs of days on which the basic charge stays what it is: a change of energy price or of time of use does
not break one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from pipelines.codes import DemandBasis, PricingScheme, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.tariff.contract import Contract, Segment, SupplyMonth
from pipelines.tariff.month_facts import Span
from pipelines.tariff.price_sheets import PriceSheets

_DAY = timedelta(days=1)
_Days = tuple[date, date]


class Run(NamedTuple):
    """Adjoining segments of one section with the same terms of the basic charge at the same price.

    days           Days in operation. [d]
    is_part        Whether they are fewer than the month's, so that each costs a thirtieth.
    max_demand_kw  Highest demand of the run. [kW]
    kva_days       Contract capacity times days, over the section's two-part segments. [kVA d]
    section_days   Days of those segments. [d]
    of_days        Days of operation by which a whole month's charge is divided where only the power factor's
                   standard changes inside it, so that
                   each standard adjusts its days; None: the charge is not divided so. [d]
    """

    section: str
    contract: Contract
    first_day: date
    last_day: date
    days: int
    is_part: bool
    max_demand_kw: Decimal | None
    kva_days: Decimal
    section_days: int
    of_days: int | None = None


class BasicKind(NamedTuple):
    """The terms of a run that the price of its basic charge depends on.

    is_part  Whether it is a part of a month that a rule divides.
    """

    voltage_level: VoltageLevel
    demand_basis: DemandBasis | None
    is_part: bool = False


def run_prices(
    basis: DemandBasis | None, day: date, facts: Facts, known: date | None
) -> Dated[PriceByVoltage]:
    """Where the price of a basic charge stands: in the catalogue on the days that it covers, else with
    transmission.
    """
    by_capacity = basis is DemandBasis.CAPACITY
    if facts.catalogue.covers(day, known):
        return facts.catalogue.basic_capacity if by_capacity else facts.catalogue.basic_demand
    return facts.transmission.two_part_capacity if by_capacity else facts.transmission.two_part_demand


def runs_of(supply: SupplyMonth, month: _Days, sheets: PriceSheets) -> list[Run]:
    """The runs of every section, in the order of the segments.

    month  Its first and last day.
    """
    found: dict[str, list[Segment]] = {}
    for segment in supply.segments:
        mine = found.setdefault(segment.section, [])
        if segment.contract.pricing_scheme is PricingScheme.TWO_PART:
            mine.append(segment)
    return [run for mine in found.values() if mine for run in _runs_of_section(mine, month, sheets)]


def _runs_of_section(segments: Sequence[Segment], month: _Days, sheets: PriceSheets) -> Iterator[Run]:
    spans = [span_days(each) for each in segments]
    kva_days = sum(
        (
            (each.contract.contract_capacity_kva or Decimal(0)) * days
            for each, days in zip(segments, spans, strict=True)
        ),
        Decimal(0),
    )
    groups = [[segments[0]]]
    if len(segments) > 1:
        keys = [_terms(each, sheets) for each in segments]
        for place, segment in enumerate(segments[1:], 1):
            if keys[place] == keys[place - 1] and groups[-1][-1].last_day + _DAY == segment.first_day:
                groups[-1].append(segment)
            else:
                groups.append([segment])
    month_days = (month[1] - month[0]).days + 1
    for group in groups:
        for part, days, is_part, demand, of_days in _by_standard(group, month_days):
            first, last = part[0], part[-1].last_day
            yield Run(
                first.section,
                first.contract,
                first.first_day,
                last,
                days,
                is_part,
                demand,
                kva_days,
                sum(spans),
                of_days,
            )


_Part = tuple[list[Segment], int, bool, Decimal | None, int | None]


def _by_standard(group: list[Segment], month_days: int) -> Iterator[_Part]:
    """Segments of one run by the standard of their power factor: what they are, days, whether a part, demand
    of the run, what divides them.

    A standard that changes touches neither capacity nor demand: the parts together cost what the run costs.
    """
    demands = [segment.max_demand_kw for segment in group]
    demand = None if None in demands else max(each for each in demands if each is not None)
    days = sum(_running_days(segment) for segment in group)
    is_part = days < month_days
    parts = [
        list(same) for _, same in groupby(group, key=lambda segment: segment.contract.power_factor_standard)
    ]
    if len(parts) == 1:
        yield group, days, is_part, demand, None
        return
    for part in parts:
        yield part, sum(map(_running_days, part)), True, demand, None if is_part else days


def span_days(segment: Segment) -> int:
    """Days of a segment. [d]"""
    return (segment.last_day - segment.first_day).days + 1


def _running_days(segment: Segment) -> int:
    days = span_days(segment)
    if segment.running_days is None:
        return days
    if not 0 <= segment.running_days <= days:
        month = f"{segment.first_day.year:04d}-{segment.first_day.month:02d}"
        raise UsageError(f"{segment.running_days} running days do not fit into {month}.")
    return segment.running_days


def _terms(segment: Segment, sheets: PriceSheets) -> tuple[object, ...]:
    """What must stay for a run to go on: the terms of the basic charge and its price on the day."""
    contract, day = segment.contract, segment.first_day
    demand = contract.contract_demand_kw if contract.demand_basis is DemandBasis.CONTRACT_DEMAND else None
    kind = BasicKind(contract.voltage_level, contract.demand_basis)
    price = None if contract.demand_basis is None else sheets.of(_price_on, kind, day, day)
    return *kind, contract.running_capacity_kva, demand, price


def _price_on(kind: BasicKind, span: Span) -> tuple[str, Decimal]:
    day = span.first_day
    dated = run_prices(kind.demand_basis, day, span.facts, span.known)
    return dated.fact_id, price_at_level(dated, dated.on(day, span.known), kind.voltage_level, day)
