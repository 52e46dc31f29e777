"""Runs of days on which the basic charge stays what it is: a change of energy price or of time of use does
not break one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from pipelines.codes import ContractNote, DemandBasis, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.tariff.charges.changed_capacity import (
    BilledSegment,
    billed_segments,
    highest_demand,
    two_part_sections,
)
from pipelines.tariff.contract import Contract, Segment, SupplyMonth
from pipelines.tariff.price_sheets import PriceSheets, Span

_DAY = timedelta(days=1)


class Run(NamedTuple):
    """Adjoining segments of one section with the same terms of the basic charge at the same price.

    days           Days in operation. [d]
    is_part        Whether they are fewer than the month's, or those of a period that is no month, so that
                   each costs a thirtieth.
    max_demand_kw  Highest demand of the run. [kW]
    kva_days       Contract capacity times days, over the section's two-part segments. [kVA d]
    section_days   Days of those segments. [d]
    of_days        Days of operation by which a whole month's charge is divided where only the power factor's
                   standard changes inside it, so that each standard adjusts its days; None: the charge is not
                   divided so. [d]
    rulings        The rulings by which it is charged otherwise than its parts were metered.
    period_days    Days of a billing period that is no month; None: what is said per month holds as it is. [d]
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
    rulings: tuple[ContractNote, ...] = ()
    period_days: int | None = None


class BasicKind(NamedTuple):
    """The terms of a run that the price of its basic charge depends on.

    is_part  Whether it is a part of a month that a rule divides.
    rulings  The rulings that it is charged by.
    """

    voltage_level: VoltageLevel
    demand_basis: DemandBasis | None
    is_part: bool = False
    rulings: tuple[ContractNote, ...] = ()


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


def runs_of(supply: SupplyMonth, sheets: PriceSheets) -> Iterator[Run]:
    """The runs of every section, in the order of the segments."""
    for mine in two_part_sections(supply):
        yield from _runs_of_section(mine, supply, sheets)


def _runs_of_section(segments: Sequence[Segment], supply: SupplyMonth, sheets: PriceSheets) -> Iterator[Run]:
    section_days = sum(map(span_days, segments))
    capacities = (each.contract.contract_capacity_kva or Decimal(0) for each in segments)
    kva_days = sum(
        (kva * span_days(each) for kva, each in zip(capacities, segments, strict=True)), Decimal(0)
    )
    for group in _alike(billed_segments(segments, supply, sheets), sheets):
        demand, days = highest_demand(group), sum(map(_running_days, group))
        rulings = tuple(dict.fromkeys(note for each in group for note in each.rulings))
        # A standard that changes touches neither capacity nor demand: its parts together cost what the run
        # costs.
        parts = [list(same) for _, same in groupby(group, key=_standard)]
        is_part = days < supply.billed.day_count or not supply.is_one_month
        of_days = None if is_part or len(parts) == 1 else days
        for part in parts:
            yield Run(
                part[0].segment.section,
                part[0].contract,
                part[0].segment.first_day,
                part[-1].segment.last_day,
                sum(map(_running_days, part)),
                is_part or len(parts) > 1,
                demand,
                kva_days,
                section_days,
                of_days,
                rulings,
                None if supply.is_one_month else supply.billed.day_count,
            )


def _alike(segments: Sequence[BilledSegment], sheets: PriceSheets) -> Iterator[list[BilledSegment]]:
    """Adjoining segments between which nothing of the basic charge changes."""
    group: list[BilledSegment] = []
    for billed in segments:
        follows = group and group[-1].segment.last_day + _DAY == billed.segment.first_day
        if group and not (follows and _terms(group[-1], sheets) == _terms(billed, sheets)):
            yield group
            group = []
        group.append(billed)
    if group:
        yield group


def _standard(billed: BilledSegment) -> Decimal | None:
    return billed.contract.power_factor_standard


def span_days(segment: Segment) -> int:
    """Days of a segment. [d]"""
    return (segment.last_day - segment.first_day).days + 1


def _running_days(billed: BilledSegment) -> int:
    segment = billed.segment
    days = span_days(segment)
    if segment.running_days is None or billed.is_charged_on:
        return days
    if not 0 <= segment.running_days <= days:
        span = f"{segment.first_day} to {segment.last_day}"
        raise UsageError(f"{segment.running_days} running days do not fit into {span}.")
    return segment.running_days


def _terms(billed: BilledSegment, sheets: PriceSheets) -> tuple[object, ...]:
    """What must stay for a run to go on: the terms of the basic charge and its price on the day."""
    contract, day = billed.contract, billed.segment.first_day
    demand = contract.contract_demand_kw if contract.demand_basis is DemandBasis.CONTRACT_DEMAND else None
    kind = BasicKind(contract.voltage_level, contract.demand_basis)
    price = None if contract.demand_basis is None else sheets.of(_price_on, kind, day, day)
    return *kind, contract.running_capacity_kva, demand, price


def _price_on(kind: BasicKind, span: Span) -> tuple[str, Decimal]:
    day = span.first_day
    dated = run_prices(kind.demand_basis, day, span.facts, span.known)
    return dated.fact_id, price_at_level(dated, dated.on(day, span.known), kind.voltage_level, day)
