"""What the energy of a month costs: each segment by the prices of its kind of contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from pipelines.codes import CustomerClass
from pipelines.errors import FactNotForContractError
from pipelines.facts import Dated, Facts
from pipelines.tariff.charges.catalogue_prices import catalogue_facts, catalogue_sheet
from pipelines.tariff.charges.composed_prices import composed_facts, composed_sheet, every_composed_fact
from pipelines.tariff.charges.energy_sheet import EnergyKind, EnergySheet, energy_quantities
from pipelines.tariff.charges.residential import residential_facts, residential_sheet
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.lines import Charge
from pipelines.tariff.price_sheets import PriceSheets, Span


def energy_sheet(kind: EnergyKind, span: Span) -> EnergySheet:
    """The energy prices of a kind of contract that hold on every day of a span.

    Raises FactNotInForceError where a day is not covered or the kind has no price, and UsageError where its
    terms cannot be meant or a price changes inside the span.
    """
    if kind.customer_class is CustomerClass.RESIDENTIAL:
        return residential_sheet(kind, span)
    if kind.customer_class is CustomerClass.AGRICULTURE:
        raise FactNotForContractError(
            "agriculture.energy", span.first_day, "no day: no agricultural price was found"
        )
    is_catalogue = span.facts.catalogue.covers(span.first_day, span.known)
    return catalogue_sheet(kind, span) if is_catalogue else composed_sheet(kind, span)


def energy_facts(kind: EnergyKind, day: date, facts: Facts, known: date | None) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy of a kind of contract."""
    if kind.customer_class is CustomerClass.RESIDENTIAL:
        return residential_facts(kind, facts)
    if facts.catalogue.covers(day, known):
        return catalogue_facts(kind, day, facts)
    return composed_facts(kind, day, facts)


def every_energy_fact(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a price of energy can depend on."""
    catalogue = facts.catalogue
    whole: list[Dated[Any]] = [*catalogue.energy.values(), catalogue.periods]
    return (*every_composed_fact(facts), facts.residential_tiers, facts.residential_combined, *whole)


def energy_charges(supply: SupplyMonth, sheets: PriceSheets) -> Iterator[Charge]:
    """The energy of each segment, in the order of its sheet; a line of the whole month names no days."""
    year_to_date, month = supply.year_to_date_kwh, supply.days
    for segment in supply.segments:
        contract, days = segment.contract, (segment.first_day, segment.last_day)
        sheet = sheets.of(energy_sheet, EnergyKind.of(contract), *days)
        quantities = energy_quantities(segment, year_to_date, sheet)
        if contract.customer_class is CustomerClass.RESIDENTIAL:
            year_to_date += segment.energy_kwh
        shown = {cell: (energy, f"{energy:f}") for cell, energy in quantities.items()}
        first, last = (None, None) if days == month else days
        terms, section = contract.power_factor_standard, segment.section
        for price in sheet.prices:
            found = shown.get(price.cell)
            if found is not None:
                yield Charge(price, *found, terms, first, last, section)
