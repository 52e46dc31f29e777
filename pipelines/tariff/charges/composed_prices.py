"""Composed energy prices: purchase, transmission and funds, split over time-of-use periods where the contract
has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.codes import Confidence, LineComponent, PricingScheme, TouPeriod
from pipelines.errors import UsageError, ZhixiangError
from pipelines.facts import Dated, Facts, Version
from pipelines.tariff.charges.energy_sheet import (
    PER_KWH,
    EnergyKind,
    EnergySheet,
    level_ground,
    split_sheet,
    without_price,
)
from pipelines.tariff.lines import Ground, LinePrice, line_price
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span

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


def composed_sheet(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> EnergySheet:
    """One price per component and period; without time of use one per component."""
    prices = _component_prices(kind, first_day, last_day, facts, known)
    if not kind.is_time_of_use:
        return EnergySheet(tuple(_plain(price) for price in prices))
    return split_sheet(lambda: _by_period(kind, prices, first_day, last_day, facts, known))


def composed_facts(kind: EnergyKind, day: date, facts: Facts) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy."""
    two_part, transmission = kind.pricing_scheme is PricingScheme.TWO_PART, facts.transmission
    dated: list[Dated[Any]] = [
        transmission.two_part_energy if two_part else transmission.single_part_energy,
        facts.funds,
    ]
    dated += (
        [facts.energy_base]
        if kind.market is None
        else [
            facts.energy_composition,
            transmission.line_loss,
        ]
    )
    if kind.is_time_of_use:
        dated += [facts.time_of_use.ratio_table(kind.customer_class, day), facts.time_of_use.floating]
    return dated


def every_composed_fact(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a composed price can depend on."""
    transmission, hours = facts.transmission, facts.time_of_use
    return (
        facts.energy_base,
        facts.energy_composition,
        facts.funds,
        transmission.single_part_energy,
        transmission.two_part_energy,
        transmission.line_loss,
        *hours.ratio_tables.values(),
        *hours.schedules.values(),
        hours.ev_charging,
        hours.floating,
    )


def _component_prices(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> tuple[ComponentPrice, ...]:
    """Energy base, transmission, funds, in the order of the bill; a missing transmission price is reported
    first.
    """
    two_part = kind.pricing_scheme is PricingScheme.TWO_PART
    dated = facts.transmission.two_part_energy if two_part else facts.transmission.single_part_energy
    transmission, cited = price_of_span(dated, kind.voltage_level, first_day, last_day, known)
    base = _energy_base(kind, first_day, last_day, facts, known)
    funds = version_of_span(facts.funds, first_day, last_day, known)
    of_level = (level_ground(dated, cited, kind.voltage_level),)
    return (
        base,
        ComponentPrice(LineComponent.TRANSMISSION, transmission, of_level),
        ComponentPrice(LineComponent.FUNDS, funds.value, (ground(facts.funds, funds),)),
    )


def _energy_base(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> ComponentPrice:
    """Purchase, line loss and system operation in one price; with a market price the loss is that price's
    own.
    """
    if kind.market is None:
        base = version_of_span(facts.energy_base, first_day, last_day, known)
        return ComponentPrice(LineComponent.ENERGY_BASE, base.value, (ground(facts.energy_base, base),))
    market = Decimal(kind.market)
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


def _by_period(
    kind: EnergyKind,
    prices: tuple[ComponentPrice, ...],
    first_day: date,
    last_day: date,
    facts: Facts,
    known: date | None,
) -> EnergySheet:
    dated = facts.time_of_use.ratio_table(kind.customer_class, first_day)
    ratios = version_of_span(dated, first_day, last_day, known)
    floating = version_of_span(facts.time_of_use.floating, first_day, last_day, known)
    hours = facts.time_of_use.figures(kind.hours, first_day, last_day, known)
    of_period = (ground(facts.time_of_use.floating, floating), *hours)
    refusals: dict[TouPeriod, ZhixiangError] = {}
    if any(price.component in floating.value for price in prices):
        refusals = without_price(dated, ratios.value, first_day)
    found = [
        _floating(price, period, dated, ratios, of_period)
        if price.component in floating.value
        else _plain(price, period, of_period)
        for price in prices
        for period in TouPeriod
        if period not in refusals
    ]
    return EnergySheet(tuple(found), tuple(TouPeriod), refusals=refusals)


def _plain(
    price: ComponentPrice, period: TouPeriod | None = None, of_period: tuple[Ground, ...] = ()
) -> LinePrice:
    grounds = (*price.grounds, *of_period)
    return line_price(
        price.component,
        price.price,
        PER_KWH,
        grounds,
        f" kWh × {price.shown}",
        period,
        reading=price.reading,
    )


def _floating(
    price: ComponentPrice,
    period: TouPeriod,
    dated: Dated[dict[TouPeriod, Decimal]],
    ratios: Version[dict[TouPeriod, Decimal]],
    of_period: tuple[Ground, ...],
) -> LinePrice:
    ratio = ratios.value[period]
    grounds = (*price.grounds, ground(dated, ratios, f".{period.value}"), *of_period)
    tail = f" kWh × ({price.shown} × {ratio:f} {dated.fact_id}.{period.value})"
    return line_price(
        price.component, price.price * ratio, PER_KWH, grounds, tail, period, reading=price.reading
    )
