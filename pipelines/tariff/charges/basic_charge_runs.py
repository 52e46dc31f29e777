"""Runs of days on which the basic charge stays what it is: a change of energy price or of time of use does
not break one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from pipelines.codes import DemandBasis, PricingScheme
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.periods import BillingMonth
from pipelines.tariff.contract import Contract, Segment, SupplyMonth

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Run:
    """Adjoining segments of one section with the same terms of the basic charge at the same price.

    days           Days in operation. [d]
    is_part        Whether they are fewer than the month's, so that each costs a thirtieth.
    max_demand_kw  Highest demand of the run. [kW]
    month_kwh      Energy of the month, all sections and segments. [kWh]
    kva_days       Contract capacity times days, over the section's two-part segments. [kVA d]
    section_days   Days of those segments. [d]
    is_catalogue   Whether a catalogue sets the price.
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
    month_kwh: Decimal
    kva_days: Decimal
    section_days: int
    is_catalogue: bool
    of_days: int | None = None


def run_prices(contract: Contract, day: date, facts: Facts, known: date | None) -> Dated[PriceByVoltage]:
    """Where the price of the contract's basic charge stands: in the catalogue on the days that it covers,
    else with transmission.
    """
    by_capacity = contract.demand_basis is DemandBasis.CAPACITY
    if facts.catalogue.covers(day, known):
        return facts.catalogue.basic_capacity if by_capacity else facts.catalogue.basic_demand
    return facts.transmission.two_part_capacity if by_capacity else facts.transmission.two_part_demand


def runs_of(supply: SupplyMonth, facts: Facts, known: date | None) -> list[Run]:
    """The runs of every section, in the order of the segments."""
    runs: list[Run] = []
    for section in dict.fromkeys(segment.section for segment in supply.segments):
        mine = [
            each
            for each in supply.segments
            if each.section == section and each.contract.pricing_scheme is PricingScheme.TWO_PART
        ]
        runs += _runs_of_section(mine, supply, facts, known)
    return runs


def _runs_of_section(
    segments: Sequence[Segment], supply: SupplyMonth, facts: Facts, known: date | None
) -> list[Run]:
    kva_days = sum(
        ((each.contract.contract_capacity_kva or Decimal(0)) * span_days(each) for each in segments),
        Decimal(0),
    )
    section_days = sum(span_days(each) for each in segments)
    groups: list[list[Segment]] = []
    key: tuple[object, ...] = ()
    for segment in segments:
        own_key = (*_terms(segment.contract), _price(segment.contract, segment.first_day, facts, known))
        if groups and own_key == key and groups[-1][-1].last_day + _DAY == segment.first_day:
            groups[-1].append(segment)
        else:
            groups.append([segment])
        key = own_key
    return [
        Run(
            part[0].section,
            part[0].contract,
            part[0].first_day,
            part[-1].last_day,
            days,
            is_part,
            demand,
            supply.energy_kwh,
            kva_days,
            section_days,
            facts.catalogue.covers(part[0].first_day, known),
            of_days,
        )
        for group in groups
        for part, days, is_part, demand, of_days in _by_standard(group, supply.month)
    ]


_Part = tuple[list[Segment], int, bool, Decimal | None, int | None]


def _by_standard(group: list[Segment], month: BillingMonth) -> Iterator[_Part]:
    """Segments of one run by the standard of their power factor: what they are, days, whether a part, demand
    of the run, what divides them.

    A standard that changes touches neither capacity nor demand: the parts together cost what the run costs.
    """
    demands = [segment.max_demand_kw for segment in group]
    demand = None if None in demands else max(each for each in demands if each is not None)
    days = sum(_running_days(segment, month) for segment in group)
    is_part = days < month.day_count
    parts = [
        list(same) for _, same in groupby(group, key=lambda segment: segment.contract.power_factor_standard)
    ]
    if len(parts) == 1:
        yield group, days, is_part, demand, None
        return
    for part in parts:
        yield (
            part,
            sum(_running_days(segment, month) for segment in part),
            True,
            demand,
            None if is_part else days,
        )


def span_days(segment: Segment) -> int:
    """Days of a segment. [d]"""
    return (segment.last_day - segment.first_day).days + 1


def _running_days(segment: Segment, month: BillingMonth) -> int:
    if segment.running_days is None:
        return span_days(segment)
    if not 0 <= segment.running_days <= span_days(segment):
        raise UsageError(f"{segment.running_days} running days do not fit into {month}.")
    return segment.running_days


def _terms(contract: Contract) -> tuple[object, ...]:
    demand = contract.contract_demand_kw if contract.demand_basis is DemandBasis.CONTRACT_DEMAND else None
    return contract.voltage_level, contract.running_capacity_kva, contract.demand_basis, demand


def _price(contract: Contract, day: date, facts: Facts, known: date | None) -> tuple[str, Decimal | None]:
    if contract.demand_basis is None:
        return "", None
    dated = run_prices(contract, day, facts, known)
    return dated.fact_id, price_at_level(dated, dated.on(day, known), contract.voltage_level, day)
