"""Runs of days on which the basic charge stays what it is: a change of energy price or of time of use does not break one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

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


def run_prices(contract: Contract, day: date, facts: Facts, known: date | None) -> Dated[PriceByVoltage]:
    """Where the price of the contract's basic charge stands: in the catalogue on the days that it covers, else with transmission."""
    by_capacity = contract.demand_basis is DemandBasis.CAPACITY
    if facts.catalogue.covers(day, known):
        return facts.catalogue.basic_capacity if by_capacity else facts.catalogue.basic_demand
    return facts.transmission.two_part_capacity if by_capacity else facts.transmission.two_part_demand


def runs_of(supply: SupplyMonth, facts: Facts, known: date | None) -> list[Run]:
    """The runs of every section, in the order of the segments."""
    runs: list[Run] = []
    for section in dict.fromkeys(segment.section for segment in supply.segments):
        mine = [each for each in supply.segments if each.section == section and each.contract.pricing_scheme is PricingScheme.TWO_PART]
        runs += _runs_of_section(mine, supply, facts, known)
    return runs


def _runs_of_section(segments: Sequence[Segment], supply: SupplyMonth, facts: Facts, known: date | None) -> list[Run]:
    kva_days = sum(((each.contract.contract_capacity_kva or Decimal(0)) * span_days(each) for each in segments), Decimal(0))
    section_days = sum(span_days(each) for each in segments)
    runs: list[Run] = []
    key: tuple[object, ...] = ()
    for segment in segments:
        contract = segment.contract
        own_key = (*_terms(contract), _price(contract, segment.first_day, facts, known))
        if runs and own_key == key and runs[-1].last_day + _DAY == segment.first_day:
            runs[-1] = _joined(runs[-1], segment, supply.month)
            continue
        key = own_key
        days = _running_days(segment, supply.month)
        is_part = days < supply.month.day_count
        catalogue = facts.catalogue.covers(segment.first_day, known)
        runs.append(
            Run(
                segment.section, contract, segment.first_day, segment.last_day, days, is_part, segment.max_demand_kw, supply.energy_kwh,
                kva_days, section_days, catalogue,
            )
        )  # fmt: skip
    return runs


def span_days(segment: Segment) -> int:
    """Days of a segment. [d]"""
    return (segment.last_day - segment.first_day).days + 1


def _joined(run: Run, segment: Segment, month: BillingMonth) -> Run:
    demands = [demand for demand in (run.max_demand_kw, segment.max_demand_kw) if demand is not None]
    days = run.days + _running_days(segment, month)
    return replace(
        run, last_day=segment.last_day, days=days, is_part=days < month.day_count, max_demand_kw=max(demands) if len(demands) == 2 else None
    )


def _running_days(segment: Segment, month: BillingMonth) -> int:
    if segment.running_days is None:
        return span_days(segment)
    if not 0 <= segment.running_days <= span_days(segment):
        raise UsageError(f"{segment.running_days} running days do not fit into {month}.")
    return segment.running_days


def _terms(contract: Contract) -> tuple[object, ...]:
    demand = contract.contract_demand_kw if contract.demand_basis is DemandBasis.CONTRACT_DEMAND else None
    return contract.voltage_level, contract.running_capacity_kva, contract.demand_basis, demand, contract.power_factor_standard


def _price(contract: Contract, day: date, facts: Facts, known: date | None) -> tuple[str, Decimal | None]:
    if contract.demand_basis is None:
        return "", None
    dated = run_prices(contract, day, facts, known)
    return dated.fact_id, price_at_level(dated, dated.on(day, known), contract.voltage_level, day)
