"""Prices per kWh, kW and kVA: energy base, transmission, funds, residential tiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from pipelines.codes import CustomerClass, LineComponent, TouPeriod, VoltageLevel
from pipelines.errors import FactNotForContractError, FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.units import Unit

Code = TypeVar("Code", bound=StrEnum)
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

    first_limit_kwh: Decimal
    second_limit_kwh: Decimal
    flat: tuple[Decimal, Decimal, Decimal]
    by_period: dict[TouPeriod, tuple[Decimal, Decimal, Decimal]]
    household_persons: int
    household_extra_kwh: Decimal
    combined_choice_persons: int


def parse_price(written: MarkedMap, options: MarkedMap) -> Decimal:
    """One price. [the fact's unit]"""
    del options
    return written.decimal("value")


def number_between(
    low: str | int, high: str | int, *, above: bool = False, whole: bool = False
) -> Callable[[MarkedMap, MarkedMap], Decimal]:
    """A parser of one number within bounds, see MarkedMap.bounded."""
    return lambda written, _: written.bounded("value", low, high, above=above, whole=whole)


def parse_price_by_voltage(written: MarkedMap, options: MarkedMap) -> PriceByVoltage:
    """Prices by voltage level, of the reading that the file chooses where it offers several."""
    table = written.mapping("value")
    if "reading" in options:
        reading = options.text("reading")
        if reading not in table:
            raise options.error("reading", f"no reading named {reading!r}", f"Known: {', '.join(table)}.")
        for other in table:
            _levels(table.mapping(other))
        table = table.mapping(reading)
    return _levels(table)


def parse_period_prices(
    written: MarkedMap, options: MarkedMap
) -> dict[VoltageLevel, dict[TouPeriod, Decimal]]:
    """Prices by voltage level and period."""
    del options
    value = written.mapping("value")
    levels = {key: value.mapping(key) for key in value}
    return {
        parse_code(VoltageLevel, value, key): {
            parse_code(TouPeriod, row, name): row.decimal(name) for name in row
        }
        for key, row in levels.items()
    }


def _levels(table: MarkedMap) -> PriceByVoltage:
    return {parse_code(VoltageLevel, table, key): table.decimal(key) for key in table}


def parse_code(kind: type[Code], table: MarkedMap, key: str) -> Code:
    """A key that must be a member of a closed list."""
    return parse_code_text(kind, table, key, key)


def parse_code_text(kind: type[Code], table: MarkedMap, key: str, text: object) -> Code:
    """A text under a key that must be a member of a closed list."""
    try:
        return kind(str(text))
    except ValueError:
        noun = "component" if kind is LineComponent else kind.__name__
        raise table.error(key, f"{text!r} is no known {noun}", f"Known: {', '.join(kind)}.") from None


def parse_tiers(written: MarkedMap, options: MarkedMap) -> ResidentialTiers:
    """Limits and prices of the three tiers."""
    del options
    value = written.mapping("value")
    value.allow_only(
        (
            "first_limit_kwh",
            "second_limit_kwh",
            "flat",
            "by_period",
            "household_persons",
            "household_extra_kwh",
            "combined_choice_persons",
        )
    )
    first, second = value.decimal("first_limit_kwh"), value.decimal("second_limit_kwh")
    if not 0 < first < second:
        raise value.error("second_limit_kwh", "tier limits must grow")
    periods, flat = value.mapping("by_period"), _three(value, "flat")
    by_period = {parse_code(TouPeriod, periods, key): _three(periods, key) for key in periods}
    steps = [price - flat[0] for price in flat]
    for key in periods:
        # What lets a bill price the kWh of the upper tiers without knowing in which period they fell.
        if [price - by_period[TouPeriod(key)][0] for price in by_period[TouPeriod(key)]] != steps:
            said = ", ".join(f"{step:f}" for step in steps[1:])
            raise periods.error(
                key,
                f"tier 2 and 3 must cost as much more than tier 1 in {key} as without time of use: {said}",
            )
    persons = int(value.bounded("household_persons", 1, 100, whole=True))
    return ResidentialTiers(
        first_limit_kwh=first,
        second_limit_kwh=second,
        flat=flat,
        by_period=by_period,
        household_persons=persons,
        household_extra_kwh=value.bounded("household_extra_kwh", 0, 10_000),
        combined_choice_persons=int(value.bounded("combined_choice_persons", persons, 100, whole=True)),
    )


def _three(value: MarkedMap, key: str) -> tuple[Decimal, Decimal, Decimal]:
    prices = value.listing(key)
    if len(prices) != 3 or not all(isinstance(price, Decimal) for price in prices):
        raise value.error(key, f"{key} must list three prices")
    if not prices[0] <= prices[1] <= prices[2]:
        raise value.error(key, f"{key}: a higher tier must not cost less")
    return prices[0], prices[1], prices[2]
