"""Residential prices: tiers on the year's running kWh (ruling R13), or one price behind a combined meter.

With time of use every kWh pays its period's first-tier price, and the kWh of the upper tiers pay what those
tiers cost more;
that is possible because a tier costs the same more in every period, which is checked.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.codes import Confidence, TouPeriod, VoltageLevel
from pipelines.errors import FactNotForContractError, UsageError, ZhixiangError
from pipelines.facts import Dated, Facts
from pipelines.facts.prices import ResidentialTiers
from pipelines.tariff.charges.energy_sheet import (
    PER_KWH,
    TIERS,
    EnergyKind,
    EnergySheet,
    split_sheet,
)
from pipelines.tariff.lines import Ground, LinePrice, least_sure, line_price
from pipelines.tariff.price_sheets import Held, Span

_MONTHS = 12
# The notice prices 不满1千伏 alone by tiers; another level has only the price of a combined meter.
TIERED_LEVEL = VoltageLevel.BELOW_1KV


def tier_limits(
    tiers: ResidentialTiers, persons: int | None, supply_began: date | None, year: int
) -> tuple[Decimal, Decimal]:
    """Upper limits of tier 1 and 2 in a calendar year, by months of supply, the begun month counted. [kWh]

    persons, supply_began  As in ``Contract``.
    """
    months = months_of_supply(supply_began, year)
    extra = tiers.household_extra_kwh * months if (persons or 0) >= tiers.household_persons else Decimal(0)
    first, second = (
        limit * months / _MONTHS + extra for limit in (tiers.first_limit_kwh, tiers.second_limit_kwh)
    )
    return first, second


def months_of_supply(supply_began: date | None, year: int) -> int:
    """Months of a calendar year in which a dwelling is supplied, the begun month counted. [months]"""
    began = supply_began
    return _MONTHS - began.month + 1 if began is not None and began.year == year else _MONTHS


def residential_facts(kind: EnergyKind, facts: Facts) -> list[Dated[Any]]:
    """The facts whose change inside a month parts the energy."""
    return [facts.residential_combined if kind.is_combined_meter else facts.residential_tiers]


def residential_sheet(kind: EnergyKind, span: Span) -> EnergySheet:
    """The prices of the tiers, or that of a combined meter."""
    if kind.market is not None:
        raise UsageError(
            "A dwelling buys at the residential price, not on the market.",
            "Leave market_price_cny_per_kwh out of its contract.",
        )
    tiers = span.held(span.facts.residential_tiers)
    if kind.is_combined_meter:
        return EnergySheet((_combined(kind, tiers, span),))
    if kind.voltage_level is not TIERED_LEVEL:
        raise FactNotForContractError(
            tiers.dated.fact_id,
            span.first_day,
            f"dwellings at {TIERED_LEVEL.value}, not at {kind.voltage_level.value}",
            tiers.dated.file,
            tiers.version.line,
        )
    year = span.first_day.year
    limits = tier_limits(tiers.value, kind.household_persons, kind.supply_began, year)
    # That a supply begun in the year has limits by months is an own reading.
    is_prorated = months_of_supply(kind.supply_began, year) < _MONTHS
    reading = Confidence.UNVERIFIED if is_prorated else Confidence.OFFICIAL
    parts = ["first_limit_kwh", "second_limit_kwh"]
    if kind.household_persons is not None:
        parts += ["household_persons", "household_extra_kwh"]
    of_limits = tuple(map(tiers.ground, parts))
    if kind.is_time_of_use:
        hours = span.hours(kind.hours)
        return split_sheet(lambda: _by_period(tiers, of_limits, limits, hours, reading))
    flat = (tiers.ground("flat"), *of_limits)
    prices = [
        _price(tier, tiers.value.flat[tier], flat, f"tier {tier + 1}", reading=reading)
        for tier in range(len(TIERS))
    ]
    return EnergySheet(tuple(prices), limits=limits)


def _by_period(
    tiers: Held[ResidentialTiers],
    of_limits: tuple[Ground, ...],
    limits: tuple[Decimal, Decimal],
    hours: tuple[Ground, ...],
    reading: Confidence,
) -> EnergySheet:
    table = tiers.value.by_period
    # Every kilowatt-hour pays the first tier, whatever the limits.
    prices = [
        _price(0, by_tier[0], (tiers.ground(f"by_period.{period.value}"), *hours), "tier 1", period)
        for period, by_tier in table.items()
    ]
    derived = least_sure((reading, Confidence.DERIVED))
    for tier in range(1, len(TIERS)):
        steps = {by_tier[tier] - by_tier[0] for by_tier in table.values()}
        if len(steps) != 1:
            raise UsageError(
                f"Tier {tier + 1} does not cost the same more in every period.",
                "Price the tiers by period and kWh.",
            )
        grounds = (tiers.ground("by_period"), *of_limits)
        prices.append(_price(tier, steps.pop(), grounds, f"tier {tier + 1} above tier 1", reading=derived))
    refusals: dict[TouPeriod, ZhixiangError] = {
        period: UsageError(
            f"Residential prices know no period {period.value}.", f"Known: {', '.join(table)}."
        )
        for period in TouPeriod
        if period not in table
    }
    return EnergySheet(tuple(prices), tuple(table), next(iter(table)), refusals, limits)


def _combined(kind: EnergyKind, tiers: Held[ResidentialTiers], span: Span) -> LinePrice:
    persons, least = kind.household_persons, tiers.value.combined_choice_persons
    if persons is not None and persons < least:
        raise UsageError(
            f"A household of {persons} cannot choose the price of a combined meter.",
            f"It is open from {least} persons on.",
        )
    price, of_level = span.level_price(span.facts.residential_combined, kind.voltage_level)
    chosen = () if persons is None else (tiers.ground("combined_choice_persons"),)
    tail = f" kWh × {price:f} CNY/kWh (combined meter)"
    return line_price(TIERS[0], price, PER_KWH, (of_level, *chosen), tail)


def _price(
    tier: int,
    price: Decimal,
    grounds: tuple[Ground, ...],
    remark: str,
    period: TouPeriod | None = None,
    reading: Confidence = Confidence.OFFICIAL,
) -> LinePrice:
    tail, cell = f" kWh × {price:f} CNY/kWh ({remark})", TIERS[tier] if period is None else period
    return line_price(TIERS[tier], price, PER_KWH, grounds, tail, period, cell, reading)
