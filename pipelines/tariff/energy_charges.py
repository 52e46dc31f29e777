"""Energy lines: each component, split over time-of-use periods where the contract has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, LineComponent, PricingScheme, TouPeriod
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.prices import PriceByVoltage
from pipelines.tariff.contract import Contract, Determinants
from pipelines.tariff.lines import BillLine, least_sure, make_line
from pipelines.tariff.month_facts import price_of_month, version_of_month
from pipelines.units import Unit


@dataclass(frozen=True)
class ComponentPrice:
    """The price of one component before time of use. [CNY/kWh]"""

    component: LineComponent
    price: Decimal
    fact_id: str
    confidence: Confidence


def component_prices(contract: Contract, determinants: Determinants, facts: Facts, known: date | None) -> tuple[ComponentPrice, ...]:
    """Energy base, transmission, funds, in the order of the bill; a missing transmission price is reported first."""
    month = determinants.month
    two_part = contract.pricing_scheme is PricingScheme.TWO_PART
    dated = facts.transmission.two_part_energy if two_part else facts.transmission.single_part_energy
    transmission, cited = price_of_month(dated, contract.voltage_level, month, known)
    base = version_of_month(facts.energy_base, month, known)
    funds = version_of_month(facts.funds, month, known)
    return (
        ComponentPrice(LineComponent.ENERGY_BASE, base.value, facts.energy_base.fact_id, base.citation.confidence),
        ComponentPrice(LineComponent.TRANSMISSION, transmission, level_id(dated, contract), cited.citation.confidence),
        ComponentPrice(LineComponent.FUNDS, funds.value, facts.funds.fact_id, funds.citation.confidence),
    )


def level_id(dated: Dated[PriceByVoltage], contract: Contract) -> str:
    """Id of the price of the contract's voltage level."""
    return f"{dated.fact_id}.{contract.voltage_level.value}"


def energy_lines(contract: Contract, determinants: Determinants, facts: Facts, known: date | None) -> list[BillLine]:
    """One line per component and period that has energy; without time of use one per component."""
    prices = component_prices(contract, determinants, facts, known)
    if not contract.is_time_of_use:
        return [_plain_line(price, determinants.energy_kwh) for price in prices]
    split = checked_split(determinants)
    month = determinants.month
    dated = facts.time_of_use.ratio_table(contract.customer_class, month.first_day)
    ratios = version_of_month(dated, month, known)
    floating = version_of_month(facts.time_of_use.floating, month, known)
    used = [period for period in TouPeriod if split.get(period)] or [TouPeriod.FLAT]
    lines: list[BillLine] = []
    for price in prices:
        for period in used:
            energy = split.get(period, Decimal(0))
            if price.component in floating.value:
                lines.append(_floating_line(price, period, energy, dated, ratios, month.first_day))
            else:
                lines.append(_plain_line(price, energy, period))
    return lines


def _plain_line(price: ComponentPrice, energy_kwh: Decimal, period: TouPeriod | None = None) -> BillLine:
    formula = f"{energy_kwh:f} kWh × {price.price:f} CNY/kWh"
    return make_line(price.component, energy_kwh, Unit.KWH, price.price, Unit.CNY_PER_KWH, price.fact_id, price.confidence, formula, period)


def _floating_line(
    price: ComponentPrice,
    period: TouPeriod,
    energy_kwh: Decimal,
    dated: Dated[dict[TouPeriod, Decimal]],
    ratios: Version[dict[TouPeriod, Decimal]],
    first_day: date,
) -> BillLine:
    if period not in ratios.value:
        raise FactNotInForceError(f"{dated.fact_id}.{period.value}", first_day, f"only the periods {', '.join(ratios.value)}", dated.file)
    ratio = ratios.value[period]
    formula = f"{energy_kwh:f} kWh × ({price.price:f} CNY/kWh × {ratio:f} {dated.fact_id}.{period.value})"
    confidence = least_sure((price.confidence, ratios.citation.confidence))
    return make_line(price.component, energy_kwh, Unit.KWH, price.price * ratio, Unit.CNY_PER_KWH, price.fact_id, confidence, formula, period)


def checked_split(determinants: Determinants) -> Mapping[TouPeriod, Decimal]:
    """The energy by period; raises UsageError where there is none or it does not sum to what the registers settled. [kWh]"""
    split = determinants.energy_by_period
    if split is None:
        raise UsageError(
            f"{determinants.month} has no energy by time-of-use period, which the contract's prices need.",
            "Supply a load curve, or price the meter point without time of use.",
        )
    total = sum(split.values(), Decimal(0))
    if total != determinants.energy_kwh or any(energy < 0 for energy in split.values()):
        raise UsageError(
            f"The periods of {determinants.month} sum to {total} kWh, the registers settled {determinants.energy_kwh} kWh.",
            "Split the settled energy with split_by_largest_remainder.",
        )
    return split
