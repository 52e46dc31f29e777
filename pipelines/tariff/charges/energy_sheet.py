"""The energy prices of one kind of contract, and how much energy each of them prices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.codes import (
    CustomerClass,
    LineComponent,
    PricingScheme,
    TouPeriod,
    TouSchedule,
    VoltageLevel,
)
from pipelines.errors import FactNotForContractError, UsageError, ZhixiangError
from pipelines.facts import Dated
from pipelines.periods import BillingMonth
from pipelines.tariff.contract import Contract, Segment
from pipelines.tariff.lines import Cell, LinePrice
from pipelines.units import Unit

PER_KWH = (Unit.KWH, Unit.CNY_PER_KWH)
TIERS = (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3)


class EnergyKind(NamedTuple):
    """The terms of a contract that its energy prices depend on.

    market  The market price as it is written, because equal prices may be written with more or fewer digits.
    """

    customer_class: CustomerClass
    pricing_scheme: PricingScheme
    voltage_level: VoltageLevel
    is_time_of_use: bool
    is_ev_charging: bool
    market: str | None
    household_persons: int | None
    is_combined_meter: bool
    supply_began: date | None

    @classmethod
    def of(cls, contract: Contract) -> EnergyKind:
        """The kind of a contract."""
        market = contract.market_price_cny_per_kwh
        return cls(
            contract.customer_class,
            contract.pricing_scheme,
            contract.voltage_level,
            contract.is_time_of_use,
            contract.is_ev_charging,
            None if market is None else str(market),
            contract.household_persons,
            contract.is_combined_meter,
            contract.supply_began,
        )

    @property
    def hours(self) -> TouSchedule | None:
        """Whose time-of-use hours split the energy, as ``Contract.hours``."""
        return TouSchedule.of(self.customer_class, self.is_ev_charging)


@dataclass(frozen=True)
class EnergySheet:
    """Energy prices of one kind of contract in one span of days.

    prices    In the order of the bill.
    periods   Periods in the order in which their energy is priced; empty where the energy is not split.
    without   Period that carries a line of nothing where there is no energy.
    refusals  Why energy in a period has no price.
    limits    Upper limits of tier 1 and 2 of the year; None without tiers. [kWh]
    """

    prices: tuple[LinePrice, ...]
    periods: tuple[TouPeriod, ...] = ()
    without: TouPeriod = TouPeriod.FLAT
    refusals: Mapping[TouPeriod, ZhixiangError] = field(default_factory=dict)
    limits: tuple[Decimal, Decimal] | None = None


def split_sheet(make: Callable[[], EnergySheet]) -> EnergySheet:
    """A sheet whose energy is split: what it cannot price is told only to those who have a split."""
    try:
        return make()
    except ZhixiangError as error:
        return EnergySheet((), tuple(TouPeriod), refusals=dict.fromkeys(TouPeriod, error))


def without_price(
    dated: Dated[Any], priced: Collection[TouPeriod], first_day: date
) -> dict[TouPeriod, ZhixiangError]:
    """Why energy in the periods that a fact does not price has no price."""
    return {
        period: FactNotForContractError(
            f"{dated.fact_id}.{period.value}", first_day, f"only the periods {', '.join(priced)}", dated.file
        )
        for period in TouPeriod
        if period not in priced
    }


def energy_quantities(segment: Segment, before_kwh: Decimal, sheet: EnergySheet) -> dict[Cell, Decimal]:
    """The energy that each cell of the sheet prices. [kWh]

    before_kwh  Energy of the calendar year before the segment, where there are tiers. [kWh]
    """
    energy, limits = segment.energy_kwh, sheet.limits
    if not sheet.periods:
        if limits is None:
            return {None: energy}
        parts = split_over_tiers(before_kwh, energy, limits)
        return {tier: part for tier, part in zip(TIERS, parts, strict=True) if part} or {TIERS[0]: parts[0]}
    split = checked_split(segment)
    used: dict[Cell, Decimal] = {period: part for period in sheet.periods if (part := split.get(period))}
    if sheet.refusals:
        asked = [period for period, part in split.items() if part] or [sheet.without]
        refused = next((period for period in asked if period in sheet.refusals), None)
        if refused is not None:
            raise sheet.refusals[refused].with_traceback(None)
    if not used:
        used[sheet.without] = split.get(sheet.without, Decimal(0))
    if limits is not None:
        # Every kilowatt-hour pays its period's price of the first tier; those above it what they cost more.
        parts = split_over_tiers(before_kwh, energy, limits)
        used.update((tier, part) for tier, part in zip(TIERS[1:], parts[1:], strict=True) if part)
    return used


def checked_split(segment: Segment) -> Mapping[TouPeriod, Decimal]:
    """The energy by period; raises UsageError where there is none or it does not sum to what the registers
    settled. [kWh]
    """
    split = segment.energy_by_period
    if split is None:
        raise UsageError(
            f"{BillingMonth.of(segment.first_day)} has no energy by time-of-use period, which the contract's "
            "prices need.",
            "Supply a load curve, or price the meter point without time of use.",
        )
    total = sum(split.values(), Decimal(0))
    if total != segment.energy_kwh or any(energy < 0 for energy in split.values()):
        raise UsageError(
            f"The periods of {BillingMonth.of(segment.first_day)} sum to {total} kWh, the registers settled "
            f"{segment.energy_kwh} kWh.",
            "The periods must sum to the energy of the month exactly.",
        )
    return split


def split_over_tiers(
    before_kwh: Decimal, energy_kwh: Decimal, limits: tuple[Decimal, Decimal]
) -> tuple[Decimal, Decimal, Decimal]:
    """The month's energy in each tier: the part of (before, before + energy] in (0, first], (first, second],
    (second, ...). [kWh]
    """
    after = before_kwh + energy_kwh
    upper = (limits[0], limits[1], max(after, limits[1]))
    lower = (Decimal(0), *limits)
    parts = [
        max(Decimal(0), min(after, high) - max(before_kwh, low))
        for low, high in zip(lower, upper, strict=True)
    ]
    return parts[0], parts[1], parts[2]
