"""Composed energy prices: purchase, transmission and funds, split over time-of-use periods where the contract
has them.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.codes import Confidence, LineComponent, PricingScheme, TouPeriod
from pipelines.errors import UsageError, ZhixiangError
from pipelines.facts import Dated, Facts
from pipelines.facts.prices import EnergyComposition, EnergyPart, PriceByVoltage
from pipelines.facts.time_of_use import Floating
from pipelines.tariff.charges.energy_sheet import PER_KWH, EnergyKind, EnergySheet, split_sheet, without_price
from pipelines.tariff.lines import Ground, LinePrice, line_price
from pipelines.tariff.price_sheets import Span

MARKET_PRICE = "contract.market_price_cny_per_kwh"


class ComponentPrice(NamedTuple):
    """The price of one component before time of use. [CNY/kWh]

    grounds  What it rests on; reading: how sure it is that these make the price so.
    text     How the price came about; empty where it is one figure.
    parts    What it is made of, where only a part of it may float.
    """

    component: LineComponent
    price: Decimal
    grounds: tuple[Ground, ...]
    text: str = ""
    reading: Confidence = Confidence.OFFICIAL
    parts: EnergyComposition | None = None


def per_kwh(facts: Facts) -> dict[LineComponent, Dated[Decimal]]:
    """The components that charge every kilowatt-hour one published figure, in the order of the bill."""
    return {LineComponent.FUNDS: facts.funds}


def composed_sheet(kind: EnergyKind, span: Span) -> EnergySheet:
    """One price per component and period; without time of use one per component."""
    prices = _component_prices(kind, span)
    if not kind.is_time_of_use:
        return EnergySheet(tuple(_line(price) for price in prices))
    return split_sheet(lambda: _by_period(kind, prices, span))


def composed_facts(kind: EnergyKind, day: date, facts: Facts) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy."""
    dated: list[Dated[Any]] = [_transmission(kind, facts), *per_kwh(facts).values()]
    if kind.market is None:
        dated.append(facts.energy_base)
    else:
        dated += [facts.energy_composition, facts.transmission.line_loss]
    if kind.is_time_of_use:
        floating = facts.time_of_use.floating
        dated += [facts.time_of_use.ratio_table(kind.customer_class, day), floating]
        if kind.market is None and any(_parts_among(version.value) for version in floating.versions):
            dated.append(facts.energy_composition)
    return dated


def every_composed_fact(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a composed price can depend on."""
    transmission, hours = facts.transmission, facts.time_of_use
    return (
        facts.energy_base,
        facts.energy_composition,
        *per_kwh(facts).values(),
        transmission.single_part_energy,
        transmission.two_part_energy,
        transmission.line_loss,
        *hours.ratio_tables.values(),
        *hours.schedules.values(),
        hours.ev_charging,
        hours.floating,
    )


def _transmission(kind: EnergyKind, facts: Facts) -> Dated[PriceByVoltage]:
    is_two_part = kind.pricing_scheme is PricingScheme.TWO_PART
    return facts.transmission.two_part_energy if is_two_part else facts.transmission.single_part_energy


def _component_prices(kind: EnergyKind, span: Span) -> tuple[ComponentPrice, ...]:
    """Energy base, transmission, and what each kWh pays, in the order of the bill; a missing transmission
    price is reported first.
    """
    transmission, of_level = span.level_price(_transmission(kind, span.facts), kind.voltage_level)
    prices = [_energy_base(kind, span), ComponentPrice(LineComponent.TRANSMISSION, transmission, (of_level,))]
    for component, dated in per_kwh(span.facts).items():
        held = span.held(dated)
        prices.append(ComponentPrice(component, held.value, (held.ground(),)))
    return tuple(prices)


def _energy_base(kind: EnergyKind, span: Span) -> ComponentPrice:
    """Purchase, line loss and system operation in one price; with a market price the loss is that price's
    own.
    """
    if kind.market is None:
        base = span.held(span.facts.energy_base)
        return ComponentPrice(LineComponent.ENERGY_BASE, base.value, (base.ground(),))
    market = Decimal(kind.market)
    if market < 0:
        raise UsageError(f"A market price must not be negative: {market}.")
    composition = span.held(span.facts.energy_composition)
    loss, operation = span.held(span.facts.transmission.line_loss), composition.value.system_operation
    parts = EnergyComposition(market, market * loss.value, operation)
    text = f" (market {market:f} + line loss {market:f} × {loss.value:f} + system operation {operation:f})"
    grounds = (composition.ground(), loss.ground(), (MARKET_PRICE, Confidence.UNVERIFIED))
    # Whether the loss is p r or p r / (1 - r) no source says.
    return ComponentPrice(LineComponent.ENERGY_BASE, parts.total, grounds, text, Confidence.UNVERIFIED, parts)


def _parts_among(floating: frozenset[Floating]) -> tuple[EnergyPart, ...]:
    """The parts of the energy base that float alone."""
    return tuple(part for part in EnergyPart if part in floating)


def _with_parts(price: ComponentPrice, span: Span) -> ComponentPrice:
    """The energy base with what it is made of; raises FactNotInForceError where only its sum is known: what
    floats of it cannot be told then.
    """
    if price.component is not LineComponent.ENERGY_BASE or price.parts is not None:
        return price
    composition = span.held(span.facts.energy_composition)
    return price._replace(parts=composition.value, grounds=(*price.grounds, composition.ground()))


def _by_period(kind: EnergyKind, prices: tuple[ComponentPrice, ...], span: Span) -> EnergySheet:
    hours = span.facts.time_of_use
    ratios = span.held(hours.ratio_table(kind.customer_class, span.first_day))
    floating = span.held(hours.floating)
    of_period = (floating.ground(), *span.hours(kind.hours))
    parts = _parts_among(floating.value)
    if parts:
        prices = tuple(_with_parts(price, span) for price in prices)
    refusals: dict[TouPeriod, ZhixiangError] = {}
    if parts or any(price.component in floating.value for price in prices):
        refusals = without_price(ratios.dated, ratios.value, span.first_day)
    found = []
    for price in prices:
        for period in (each for each in TouPeriod if each not in refusals):
            if price.component in floating.value:
                of_ratio = ratios.ground(period.value)
                found.append(_line(price, period, (of_ratio, *of_period), ratios.value[period]))
            elif parts and price.parts is not None:
                of_ratio = ratios.ground(period.value)
                found.append(_line(price, period, (of_ratio, *of_period), ratios.value[period], parts))
            else:
                found.append(_line(price, period, of_period))
    return EnergySheet(tuple(found), tuple(TouPeriod), refusals=refusals)


def _line(
    price: ComponentPrice,
    period: TouPeriod | None = None,
    grounds: tuple[Ground, ...] = (),
    ratio: Decimal | None = None,
    parts: tuple[EnergyPart, ...] = (),
) -> LinePrice:
    """The row of a component.

    ratio  What it floats by in the period, named by the first of the grounds; None: it does not float.
    parts  Those of its parts that alone float by it; none: all of it.
    """
    shown, unit_price = f"{price.price:f} CNY/kWh{price.text}", price.price
    if ratio is not None and parts and price.parts is not None:
        floats = sum((price.parts.part(part) for part in parts), Decimal(0))
        rest = price.price - floats
        shown = f"({' + '.join(parts)} {floats:f} × {ratio:f} {grounds[0][0]} + {rest:f})"
        unit_price = floats * ratio + rest
    elif ratio is not None:
        shown, unit_price = f"({shown} × {ratio:f} {grounds[0][0]})", unit_price * ratio
    every = (*price.grounds, *grounds)
    tail = f" kWh × {shown}"
    return line_price(price.component, unit_price, PER_KWH, every, tail, period, reading=price.reading)
