"""Energy prices under a catalogue of whole prices (目录电价), as it held before prices were composed; kept
for back-billing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from pipelines.codes import CustomerClass, LineComponent
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Dated, Facts
from pipelines.tariff.charges.energy_sheet import (
    PER_KWH,
    EnergyKind,
    EnergySheet,
    level_ground,
    split_sheet,
    without_price,
)
from pipelines.tariff.lines import line_price
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span


def catalogue_sheet(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> EnergySheet:
    """One whole price, or one per period; transmission and funds are inside it."""
    if kind.market is not None:
        raise UsageError(
            "A market price takes the place of the grid company's purchase; a catalogue has whole prices "
            "only."
        )
    if kind.is_time_of_use:
        return split_sheet(lambda: _by_period(kind, first_day, last_day, facts, known))
    dated = facts.catalogue.energy_of(kind.customer_class, first_day)
    price, cited = price_of_span(dated, kind.voltage_level, first_day, last_day, known)
    grounds = (level_ground(dated, cited, kind.voltage_level),)
    tail = f" kWh × {price:f} CNY/kWh (catalogue)"
    return EnergySheet((line_price(LineComponent.CATALOGUE_ENERGY, price, PER_KWH, grounds, tail),))


def catalogue_facts(kind: EnergyKind, day: date, facts: Facts) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy."""
    catalogue = facts.catalogue
    return [catalogue.periods if kind.is_time_of_use else catalogue.energy_of(kind.customer_class, day)]


def _by_period(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> EnergySheet:
    periods, level = facts.catalogue.periods, kind.voltage_level
    version = version_of_span(periods, first_day, last_day, known)
    if kind.customer_class is not CustomerClass.LARGE_INDUSTRY or level not in version.value:
        asked = f"{periods.fact_id}.{kind.customer_class.value}.{level.value}"
        raise FactNotForContractError(
            asked, first_day, f"large industry at {', '.join(version.value)}", periods.file
        )
    table = version.value[level]
    hours = facts.time_of_use.figures(kind.hours, first_day, last_day, known)
    prices = [
        line_price(
            LineComponent.CATALOGUE_ENERGY,
            price,
            PER_KWH,
            (ground(periods, version, f".{level.value}.{period.value}"), *hours),
            f" kWh × {price:f} CNY/kWh (catalogue)",
            period,
        )
        for period, price in table.items()
    ]
    refusals = without_price(periods, table, first_day)
    return EnergySheet(tuple(prices), tuple(table), next(iter(table)), refusals)
