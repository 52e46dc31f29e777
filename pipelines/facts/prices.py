"""Prices per kWh, kW and kVA: energy base, transmission, funds, residential tiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from pipelines.codes import CustomerClass, TouPeriod, VoltageLevel
from pipelines.errors import FactNotForContractError, FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import (
    FactReader,
    Number,
    between,
    code_of,
    keys_of,
    must,
    not_negative,
    wrong,
)
from pipelines.facts.marked_yaml import MarkedList, MarkedMap
from pipelines.units import Unit

MOST_PERSONS = 100
HIGHEST_PRICE: Mapping[Unit, Decimal] = {
    Unit.CNY_PER_KWH: Decimal(2),
    Unit.CNY_PER_KW: Decimal(200),
    Unit.CNY_PER_KVA: Decimal(200),
    Unit.CNY: Decimal(1000),
}
"""Above these a price is taken for a slip, such as CNY/MWh or fen/kWh written for CNY/kWh. The highest ones
that were read are 1.0824 CNY/kWh of
the 2018 catalogue (an unlawful resale asked for 1.83) and 47.2 CNY/kW; even the smallest component, 0.0130
CNY/kWh, comes to 13 per MWh."""
PriceByVoltage = dict[VoltageLevel, Decimal]
Persons = Annotated[int, between(1, MOST_PERSONS, whole=True)]


def _price(value: object, info: ValidationInfo[Unit]) -> object:
    """Refuses a price below 0 or above the highest that can be meant in the fact's unit."""
    price = not_negative(value)
    unit: Unit = info.context
    if isinstance(price, Decimal) and price > HIGHEST_PRICE[unit]:
        raise wrong(
            f"a price of {price} {unit} cannot be meant; the highest allowed is {HIGHEST_PRICE[unit]}",
            hint="Is it written in another unit?",
        )
    return price


Price = Annotated[Decimal, BeforeValidator(_price)]
"""A price in the unit of its fact."""


@dataclass(frozen=True)
class TransmissionPrices:
    """Transmission and distribution prices (输配电价) of one reading of the published table.

    reading  Which reading of the source is in use, see the file.
    """

    reading: str
    single_part_energy: Dated[PriceByVoltage]
    two_part_energy: Dated[PriceByVoltage]
    two_part_capacity: Dated[PriceByVoltage]
    two_part_demand: Dated[PriceByVoltage]
    line_loss: Dated[Decimal]


class EnergyPart(StrEnum):
    """What the energy price before time of use is made of; each may float with the period or not."""

    PURCHASE = "purchase"
    LINE_LOSS = "line_loss"
    SYSTEM_OPERATION = "system_operation"


@dataclass(frozen=True)
class EnergyComposition:
    """What the energy price before time of use is made of, as published for a month. [CNY/kWh]

    purchase          The grid company's purchase (代理购电).
    line_loss         Fee for the losses of purchased energy (上网环节线损费用).
    system_operation  System operation (系统运行费用).
    """

    purchase: Decimal
    line_loss: Decimal
    system_operation: Decimal

    @property
    def total(self) -> Decimal:
        """The price before time of use. [CNY/kWh]"""
        return self.purchase + self.line_loss + self.system_operation

    def part(self, name: EnergyPart) -> Decimal:
        """The price of one of them. [CNY/kWh]"""
        price: Decimal = getattr(self, name.value)
        return price


@dataclass(frozen=True)
class Catalogue:
    """Whole prices of a catalogue (目录电价), transmission and funds inside them; superseded, kept for
    back-billing.

    periods  Prices by period of large industry, by voltage level. [CNY/kWh]
    """

    energy: Mapping[CustomerClass, Dated[PriceByVoltage]]
    periods: Dated[dict[VoltageLevel, dict[TouPeriod, Decimal]]]
    basic_capacity: Dated[PriceByVoltage]
    basic_demand: Dated[PriceByVoltage]

    def covers(self, day: date, known: date | None = None) -> bool:
        """Whether a catalogue price of large industry is in force on a day."""
        try:
            self.energy[CustomerClass.LARGE_INDUSTRY].version_on(day, known)
        except FactNotInForceError:
            return False
        return True

    def energy_of(self, customer_class: CustomerClass, day: date) -> Dated[PriceByVoltage]:
        """The whole prices of a class; raises FactNotInForceError for a class without any."""
        if customer_class not in self.energy:
            raise FactNotForContractError(
                f"catalogue.{customer_class.value}", day, f"only the classes {', '.join(self.energy)}"
            )
        return self.energy[customer_class]


def price_at_level(
    dated: Dated[PriceByVoltage], prices: PriceByVoltage, level: VoltageLevel, day: date
) -> Decimal:
    """The price of one voltage level; raises FactNotInForceError where the source gives none for it."""
    if level not in prices:
        known = ", ".join(prices)
        raise FactNotForContractError(
            f"{dated.fact_id}.{level.value}", day, f"{dated.covers()} only the levels {known}", dated.file
        )
    return prices[level]


Tiers = tuple[Decimal, Decimal, Decimal]


def _three(value: object) -> object:
    if not isinstance(value, MarkedList) or len(value) != 3:
        raise must("list three prices")
    return value


def _not_falling(prices: Tiers) -> Tiers:
    if not prices[0] <= prices[1] <= prices[2]:
        raise must("rise from tier to tier: a higher tier must not cost less")
    return prices


Period = Annotated[TouPeriod, code_of(TouPeriod)]
_PricesOfTiers = Annotated[tuple[Price, Price, Price], BeforeValidator(_three), AfterValidator(_not_falling)]


@dataclass(frozen=True)
class ResidentialTiers:
    """Yearly tiers of a dwelling with its own meter (ruling R13); limits are half-open, (0, first], (first,
    second], (second, ...).

    first_limit_kwh, second_limit_kwh  Running energy of the calendar year. [kWh]
    flat                               Price of tier 1, 2, 3 without time of use. [CNY/kWh]
    by_period                          The same with time of use, by period. [CNY/kWh]
    household_persons                  From so many persons the limits grow by ``household_extra_kwh`` per
                                       month.
    combined_choice_persons            From so many persons the combined-meter price may be chosen instead.
    """

    first_limit_kwh: Number
    second_limit_kwh: Number
    flat: _PricesOfTiers
    by_period: dict[Period, _PricesOfTiers]
    household_persons: Persons
    household_extra_kwh: Annotated[Decimal, between(0, 10_000)]
    combined_choice_persons: Persons


def _steps_alike(tiers: ResidentialTiers) -> ResidentialTiers:
    if not 0 < tiers.first_limit_kwh < tiers.second_limit_kwh:
        raise wrong("tier limits must grow", "second_limit_kwh")
    steps = [price - tiers.flat[0] for price in tiers.flat]
    for period, prices in tiers.by_period.items():
        # What lets a bill price the kWh of the upper tiers without knowing in which period they fell.
        if [price - prices[0] for price in prices] != steps:
            said = ", ".join(f"{step:f}" for step in steps[1:])
            raise wrong(
                f"tier 2 and 3 must cost as much more than tier 1 in {period} as without time of use: {said}",
                "by_period",
                str(period),
            )
    if tiers.combined_choice_persons < tiers.household_persons:
        span = f"a whole number from {tiers.household_persons} to {MOST_PERSONS}"
        raise wrong(
            f"combined_choice_persons must be {span}, not {tiers.combined_choice_persons}",
            "combined_choice_persons",
        )
    return tiers


def _of_reading(readings: dict[str, PriceByVoltage], options: MarkedMap) -> PriceByVoltage:
    reading: str = options["reading"]
    if reading not in readings:
        raise options.error("reading", f"no reading named {reading!r}", f"Known: {', '.join(readings)}.")
    return readings[reading]


_Level = Annotated[VoltageLevel, code_of(VoltageLevel)]
_PriceByLevel = dict[_Level, Price]

PRICE = FactReader[Decimal](Price)
"""One price. [the fact's unit]"""
PRICE_BY_VOLTAGE = FactReader[PriceByVoltage](_PriceByLevel)
"""Prices by voltage level."""
PRICE_BY_READING = FactReader[PriceByVoltage](dict[str, _PriceByLevel], _of_reading)
"""The same, of the reading that the file chooses among several."""
PERIOD_PRICES = FactReader[dict[VoltageLevel, dict[TouPeriod, Decimal]]](dict[_Level, dict[Period, Price]])
"""Prices by voltage level and period."""
TIERS = FactReader[ResidentialTiers](
    Annotated[ResidentialTiers, keys_of(ResidentialTiers), AfterValidator(_steps_alike)]
)
"""Limits and prices of the three tiers."""
