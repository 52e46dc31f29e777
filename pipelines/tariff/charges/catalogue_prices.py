"""Energy prices under a catalogue of whole prices (目录电价), as before prices were composed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.codes import CustomerClass, LineComponent, TouPeriod
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.tariff.charges.energy_sheet import PER_KWH, EnergyKind, EnergySheet, split_sheet, without_price
from pipelines.tariff.lines import Ground, LinePrice, line_price
from pipelines.tariff.price_sheets import Span


def catalogue_sheet(kind: EnergyKind, span: Span) -> EnergySheet:
    """One whole price, or one per period; transmission and funds are inside it."""
    if kind.market is not None:
        raise UsageError(
            "A market price takes the place of the grid company's purchase; a catalogue has whole prices "
            "only."
        )
    if kind.is_time_of_use:
        return split_sheet(lambda: _by_period(kind, span))
    dated = span.facts.catalogue.energy_of(kind.customer_class, span.first_day)
    price, ground = span.level_price(dated, kind.voltage_level)
    return EnergySheet((_price(price, (ground,)),))


def catalogue_facts(kind: EnergyKind, day: date, facts: Facts) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy."""
    catalogue = facts.catalogue
    return [catalogue.periods if kind.is_time_of_use else catalogue.energy_of(kind.customer_class, day)]


def _by_period(kind: EnergyKind, span: Span) -> EnergySheet:
    periods, level = span.held(span.facts.catalogue.periods), kind.voltage_level
    dated = periods.dated
    if kind.customer_class is not CustomerClass.LARGE_INDUSTRY or level not in periods.value:
        asked = f"{dated.fact_id}.{kind.customer_class.value}.{level.value}"
        raise FactNotForContractError(
            asked, span.first_day, f"large industry at {', '.join(periods.value)}", dated.file
        )
    table, hours = periods.value[level], span.hours(kind.hours)
    prices = tuple(
        _price(price, (periods.ground(f"{level.value}.{period.value}"), *hours), period)
        for period, price in table.items()
    )
    return EnergySheet(prices, tuple(table), next(iter(table)), without_price(dated, table, span.first_day))


def _price(price: Decimal, grounds: tuple[Ground, ...], period: TouPeriod | None = None) -> LinePrice:
    tail = f" kWh × {price:f} CNY/kWh (catalogue)"
    return line_price(LineComponent.CATALOGUE_ENERGY, price, PER_KWH, grounds, tail, period)
