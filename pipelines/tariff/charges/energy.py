"""Energy lines: each component, split over time-of-use periods where the contract has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, LineComponent, PricingScheme, TouPeriod
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.prices import PriceByVoltage
from pipelines.periods import BillingMonth
from pipelines.tariff.contract import Contract, Segment
from pipelines.tariff.lines import BillLine, Ground, make_line
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span
from pipelines.units import Unit

MARKET_PRICE = "contract.market_price_cny_per_kwh"


@dataclass(frozen=True)
class ComponentPrice:
    """The price of one component before time of use. [CNY/kWh]

    grounds  What it rests on; reading: how sure it is that these make the price so.
    text     How the price came about; empty where it is one figure.
    """

    component: LineComponent
    price: Decimal
    grounds: tuple[Ground, ...]
    text: str = ""
    reading: Confidence = Confidence.OFFICIAL

    @property
    def shown(self) -> str:
        """The price as a formula shows it."""
        return f"{self.price:f} CNY/kWh{self.text}"


def component_prices(
    contract: Contract, first_day: date, last_day: date, facts: Facts, known: date | None
) -> tuple[ComponentPrice, ...]:
    """Energy base, transmission, funds, in the order of the bill; a missing transmission price is reported
    first.
    """
    two_part = contract.pricing_scheme is PricingScheme.TWO_PART
    dated = facts.transmission.two_part_energy if two_part else facts.transmission.single_part_energy
    transmission, cited = price_of_span(dated, contract.voltage_level, first_day, last_day, known)
    base = _energy_base(contract, first_day, last_day, facts, known)
    funds = version_of_span(facts.funds, first_day, last_day, known)
    return (
        base,
        ComponentPrice(LineComponent.TRANSMISSION, transmission, (level_ground(dated, cited, contract),)),
        ComponentPrice(LineComponent.FUNDS, funds.value, (ground(facts.funds, funds),)),
    )


def _energy_base(
    contract: Contract, first_day: date, last_day: date, facts: Facts, known: date | None
) -> ComponentPrice:
    """Purchase, line loss and system operation in one price; with a market price the loss is that price's
    own.
    """
    market = contract.market_price_cny_per_kwh
    if market is None:
        base = version_of_span(facts.energy_base, first_day, last_day, known)
        return ComponentPrice(LineComponent.ENERGY_BASE, base.value, (ground(facts.energy_base, base),))
    if market < 0:
        raise UsageError(f"A market price must not be negative: {market}.")
    composition = version_of_span(facts.energy_composition, first_day, last_day, known)
    loss = version_of_span(facts.transmission.line_loss, first_day, last_day, known)
    price = market + market * loss.value + composition.value.system_operation
    text = (
        f" (market {market:f} + line loss {market:f} × {loss.value:f} + system operation "
        f"{composition.value.system_operation:f})"
    )
    grounds = (
        ground(facts.energy_composition, composition),
        ground(facts.transmission.line_loss, loss),
        (MARKET_PRICE, Confidence.UNVERIFIED),
    )
    # Whether the loss is p r or p r / (1 - r) no source says.
    return ComponentPrice(LineComponent.ENERGY_BASE, price, grounds, text, Confidence.UNVERIFIED)


def level_id(dated: Dated[PriceByVoltage], contract: Contract) -> str:
    """Id of the price of the contract's voltage level."""
    return f"{dated.fact_id}.{contract.voltage_level.value}"


def level_ground(
    dated: Dated[PriceByVoltage], version: Version[PriceByVoltage], contract: Contract
) -> Ground:
    """The price of the contract's voltage level as a line rests on it."""
    return ground(dated, version, f".{contract.voltage_level.value}")


def energy_lines(segment: Segment, facts: Facts, known: date | None) -> list[BillLine]:
    """One line per component and period that has energy; without time of use one per component."""
    contract, first_day, last_day = segment.contract, segment.first_day, segment.last_day
    prices = component_prices(contract, first_day, last_day, facts, known)
    if not contract.is_time_of_use:
        return [_plain_line(price, segment.energy_kwh) for price in prices]
    split = checked_split(segment)
    dated = facts.time_of_use.ratio_table(contract.customer_class, first_day)
    ratios = version_of_span(dated, first_day, last_day, known)
    floating = version_of_span(facts.time_of_use.floating, first_day, last_day, known)
    hours = facts.time_of_use.figures(contract.hours, first_day, last_day, known)
    of_period = (ground(facts.time_of_use.floating, floating), *hours)
    lines: list[BillLine] = []
    for price in prices:
        for period in periods_used(split):
            energy = split.get(period, Decimal(0))
            if price.component in floating.value:
                lines.append(_floating_line(price, period, energy, dated, ratios, first_day, of_period))
            else:
                lines.append(_plain_line(price, energy, period, of_period))
    return lines


def periods_used(split: Mapping[TouPeriod, Decimal]) -> list[TouPeriod]:
    """The periods that have energy, in their order; flat where none has."""
    return [period for period in TouPeriod if split.get(period)] or [TouPeriod.FLAT]


def _plain_line(
    price: ComponentPrice,
    energy_kwh: Decimal,
    period: TouPeriod | None = None,
    of_period: tuple[Ground, ...] = (),
) -> BillLine:
    formula, grounds = f"{energy_kwh:f} kWh × {price.shown}", (*price.grounds, *of_period)
    return make_line(
        price.component,
        energy_kwh,
        Unit.KWH,
        price.price,
        Unit.CNY_PER_KWH,
        grounds,
        formula,
        period,
        reading=price.reading,
    )


def _floating_line(
    price: ComponentPrice,
    period: TouPeriod,
    energy_kwh: Decimal,
    dated: Dated[dict[TouPeriod, Decimal]],
    ratios: Version[dict[TouPeriod, Decimal]],
    first_day: date,
    of_period: tuple[Ground, ...],
) -> BillLine:
    if period not in ratios.value:
        raise FactNotForContractError(
            f"{dated.fact_id}.{period.value}",
            first_day,
            f"only the periods {', '.join(ratios.value)}",
            dated.file,
        )
    ratio = ratios.value[period]
    formula = f"{energy_kwh:f} kWh × ({price.shown} × {ratio:f} {dated.fact_id}.{period.value})"
    grounds = (*price.grounds, ground(dated, ratios, f".{period.value}"), *of_period)
    return make_line(
        price.component,
        energy_kwh,
        Unit.KWH,
        price.price * ratio,
        Unit.CNY_PER_KWH,
        grounds,
        formula,
        period,
        reading=price.reading,
    )


def checked_split(segment: Segment) -> Mapping[TouPeriod, Decimal]:
    """The energy by period; raises UsageError where there is none or it does not sum to what the registers
    settled. [kWh]
    """
    split, month = segment.energy_by_period, BillingMonth.of(segment.first_day)
    if split is None:
        raise UsageError(
            f"{month} has no energy by time-of-use period, which the contract's prices need.",
            "Supply a load curve, or price the meter point without time of use.",
        )
    total = sum(split.values(), Decimal(0))
    if total != segment.energy_kwh or any(energy < 0 for energy in split.values()):
        raise UsageError(
            f"The periods of {month} sum to {total} kWh, the registers settled {segment.energy_kwh} kWh.",
            "The periods must sum to the energy of the month exactly.",
        )
    return split
