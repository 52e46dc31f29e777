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
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.prices import ResidentialTiers
from pipelines.tariff.charges.energy_sheet import (
    PER_KWH,
    TIERS,
    EnergyKind,
    EnergySheet,
    level_ground,
    split_sheet,
)
from pipelines.tariff.lines import Ground, LinePrice, least_sure, line_price
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span

_MONTHS = 12
# The notice prices 不满1千伏 alone by tiers; another level has only the price of a combined meter.
TIERED_LEVEL = VoltageLevel.BELOW_1KV
BY_PERIOD = "residential.tiers.by_period"


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


def residential_sheet(
    kind: EnergyKind, first_day: date, last_day: date, facts: Facts, known: date | None
) -> EnergySheet:
    """The prices of the tiers, or that of a combined meter."""
    if kind.market is not None:
        raise UsageError(
            "A dwelling buys at the residential price, not on the market.",
            "Leave market_price_cny_per_kwh out of its contract.",
        )
    dated = facts.residential_tiers
    version = version_of_span(dated, first_day, last_day, known)
    if kind.is_combined_meter:
        return EnergySheet((_combined(kind, version, first_day, last_day, facts, known),))
    if kind.voltage_level is not TIERED_LEVEL:
        raise FactNotForContractError(
            dated.fact_id,
            first_day,
            f"dwellings at {TIERED_LEVEL.value}, not at {kind.voltage_level.value}",
            dated.file,
            version.line,
        )
    limits = tier_limits(version.value, kind.household_persons, kind.supply_began, first_day.year)
    # That a supply begun in the year has limits by months is an own reading.
    is_prorated = months_of_supply(kind.supply_began, first_day.year) < _MONTHS
    reading = Confidence.UNVERIFIED if is_prorated else Confidence.OFFICIAL
    parts = [".first_limit_kwh", ".second_limit_kwh"]
    if kind.household_persons is not None:
        parts += [".household_persons", ".household_extra_kwh"]
    of_limits = tuple(ground(dated, version, part) for part in parts)
    if kind.is_time_of_use:
        hours = facts.time_of_use.figures(kind.hours, first_day, last_day, known)
        return split_sheet(lambda: _by_period(version, of_limits, limits, hours, reading))
    flat = (ground(dated, version, ".flat"), *of_limits)
    prices = [
        _price(tier, version.value.flat[tier], flat, f"tier {tier + 1}", reading=reading)
        for tier in range(len(TIERS))
    ]
    return EnergySheet(tuple(prices), limits=limits)


def _by_period(
    version: Version[ResidentialTiers],
    of_limits: tuple[Ground, ...],
    limits: tuple[Decimal, Decimal],
    hours: tuple[Ground, ...],
    reading: Confidence,
) -> EnergySheet:
    table, sure = version.value.by_period, version.citation.confidence
    # Every kilowatt-hour pays the first tier, whatever the limits.
    prices = [
        _price(0, by_tier[0], ((f"{BY_PERIOD}.{period.value}", sure), *hours), "tier 1", period)
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
        grounds = ((BY_PERIOD, sure), *of_limits)
        prices.append(_price(tier, steps.pop(), grounds, f"tier {tier + 1} above tier 1", reading=derived))
    refusals: dict[TouPeriod, ZhixiangError] = {
        period: UsageError(
            f"Residential prices know no period {period.value}.", f"Known: {', '.join(table)}."
        )
        for period in TouPeriod
        if period not in table
    }
    return EnergySheet(tuple(prices), tuple(table), next(iter(table)), refusals, limits)


def _combined(
    kind: EnergyKind,
    version: Version[ResidentialTiers],
    first_day: date,
    last_day: date,
    facts: Facts,
    known: date | None,
) -> LinePrice:
    dated, tiers, persons = facts.residential_combined, version.value, kind.household_persons
    if persons is not None and persons < tiers.combined_choice_persons:
        raise UsageError(
            f"A household of {persons} cannot choose the price of a combined meter.",
            f"It is open from {tiers.combined_choice_persons} persons on.",
        )
    price, cited = price_of_span(dated, kind.voltage_level, first_day, last_day, known)
    grounds = [level_ground(dated, cited, kind.voltage_level)]
    if persons is not None:
        grounds.append(ground(facts.residential_tiers, version, ".combined_choice_persons"))
    tail = f" kWh × {price:f} CNY/kWh (combined meter)"
    return line_price(TIERS[0], price, PER_KWH, grounds, tail)


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
