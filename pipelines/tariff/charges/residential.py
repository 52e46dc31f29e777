"""Residential lines: tiers on the year's running kWh (ruling R13), or one price behind a combined meter.

With time of use every kWh pays its period's first-tier price, and the kWh of the upper tiers pay what those
tiers cost more;
that is possible because a tier costs the same more in every period, which is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, LineComponent, TouPeriod, VoltageLevel
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Facts, Version
from pipelines.facts.prices import ResidentialTiers
from pipelines.tariff.charges.energy import checked_split, level_ground
from pipelines.tariff.contract import Contract, Segment
from pipelines.tariff.lines import BillLine, Ground, least_sure, make_line
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span
from pipelines.units import Unit

_TIERS = (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3)
_MONTHS = 12
# The notice prices 不满1千伏 alone by tiers; another level has only the price of a combined meter.
TIERED_LEVEL = VoltageLevel.BELOW_1KV
BY_PERIOD = "residential.tiers.by_period"


@dataclass(frozen=True)
class _Basis:
    """What a line rests on, and how sure it is that it does so."""

    grounds: tuple[Ground, ...]
    reading: Confidence = Confidence.OFFICIAL

    def with_price(self, price: Ground) -> _Basis:
        """The same behind the price of a line."""
        return replace(self, grounds=(price, *self.grounds))


def tier_limits(tiers: ResidentialTiers, contract: Contract, year: int) -> tuple[Decimal, Decimal]:
    """Upper limits of tier 1 and 2 in a calendar year, by months of supply, the begun month counted. [kWh]"""
    months = months_of_supply(contract, year)
    persons = contract.household_persons or 0
    extra = tiers.household_extra_kwh * months if persons >= tiers.household_persons else Decimal(0)
    first, second = (
        limit * months / _MONTHS + extra for limit in (tiers.first_limit_kwh, tiers.second_limit_kwh)
    )
    return first, second


def months_of_supply(contract: Contract, year: int) -> int:
    """Months of a calendar year in which a dwelling is supplied, the begun month counted. [months]"""
    began = contract.supply_began
    return _MONTHS - began.month + 1 if began is not None and began.year == year else _MONTHS


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


def residential_lines(
    segment: Segment, before_kwh: Decimal, facts: Facts, known: date | None
) -> list[BillLine]:
    """Lines of a residential segment.

    before_kwh  Energy of the calendar year before the segment. [kWh]
    """
    contract = segment.contract
    if contract.market_price_cny_per_kwh is not None:
        raise UsageError(
            "A dwelling buys at the residential price, not on the market.",
            "Leave market_price_cny_per_kwh out of its contract.",
        )
    version = version_of_span(facts.residential_tiers, segment.first_day, segment.last_day, known)
    if contract.is_combined_meter:
        return [_combined_line(segment, version, facts, known)]
    if contract.voltage_level is not TIERED_LEVEL:
        dated = facts.residential_tiers
        raise FactNotForContractError(
            dated.fact_id,
            segment.first_day,
            f"dwellings at {TIERED_LEVEL.value}, not at {contract.voltage_level.value}",
            dated.file,
            version.line,
        )
    limits = tier_limits(version.value, contract, segment.first_day.year)
    parts = split_over_tiers(before_kwh, segment.energy_kwh, limits)
    is_prorated = months_of_supply(contract, segment.first_day.year) < _MONTHS
    # That a supply begun in the year has limits by months is an own reading.
    basis = _Basis(
        _tier_grounds(segment, facts, version), Confidence.UNVERIFIED if is_prorated else Confidence.OFFICIAL
    )
    if contract.is_time_of_use:
        return _period_lines(
            segment, version, parts, basis, facts.time_of_use.figures(contract.hours, *_days(segment), known)
        )
    used = [tier for tier in range(len(_TIERS)) if parts[tier]] or [0]
    price = ground(facts.residential_tiers, version, ".flat")
    return [
        _line(
            _TIERS[tier], parts[tier], version.value.flat[tier], basis.with_price(price), f"tier {tier + 1}"
        )
        for tier in used
    ]


def _days(segment: Segment) -> tuple[date, date]:
    return segment.first_day, segment.last_day


def _tier_grounds(segment: Segment, facts: Facts, version: Version[ResidentialTiers]) -> tuple[Ground, ...]:
    """The limits of the tiers, and what a large household's grow by."""
    parts = [".first_limit_kwh", ".second_limit_kwh"]
    if segment.contract.household_persons is not None:
        parts += [".household_persons", ".household_extra_kwh"]
    return tuple(ground(facts.residential_tiers, version, part) for part in parts)


def _period_lines(
    segment: Segment,
    version: Version[ResidentialTiers],
    parts: tuple[Decimal, ...],
    basis: _Basis,
    hours: tuple[Ground, ...],
) -> list[BillLine]:
    split = checked_split(segment)
    table, sure = version.value.by_period, version.citation.confidence
    # Every kilowatt-hour pays the first tier, whatever the limits.
    of_period = _Basis(hours)
    unknown = [period.value for period in split if split[period] and period not in table]
    if unknown:
        raise UsageError(f"Residential prices know no period {unknown[0]}.", f"Known: {', '.join(table)}.")
    used = [period for period in table if split.get(period)] or [next(iter(table))]
    lines = [
        _line(
            _TIERS[0],
            split.get(period, Decimal(0)),
            table[period][0],
            of_period.with_price((f"{BY_PERIOD}.{period.value}", sure)),
            "tier 1",
            period,
        )
        for period in used
    ]
    for tier in range(1, len(_TIERS)):
        steps = {prices[tier] - prices[0] for prices in table.values()}
        if len(steps) != 1:
            raise UsageError(
                f"Tier {tier + 1} does not cost the same more in every period.",
                "Price the tiers by period and kWh.",
            )
        if parts[tier]:
            derived = replace(
                basis.with_price((BY_PERIOD, sure)), reading=least_sure((basis.reading, Confidence.DERIVED))
            )
            lines.append(
                _line(_TIERS[tier], parts[tier], steps.pop(), derived, f"tier {tier + 1} above tier 1")
            )
    return lines


def _combined_line(
    segment: Segment, version: Version[ResidentialTiers], facts: Facts, known: date | None
) -> BillLine:
    contract, dated, tiers = segment.contract, facts.residential_combined, version.value
    if contract.household_persons is not None and contract.household_persons < tiers.combined_choice_persons:
        raise UsageError(
            f"A household of {contract.household_persons} cannot choose the price of a combined meter.",
            f"It is open from {tiers.combined_choice_persons} persons on.",
        )
    price, cited = price_of_span(dated, contract.voltage_level, segment.first_day, segment.last_day, known)
    choice = (
        ()
        if contract.household_persons is None
        else (ground(facts.residential_tiers, version, ".combined_choice_persons"),)
    )
    basis = _Basis(choice).with_price(level_ground(dated, cited, contract))
    return _line(_TIERS[0], segment.energy_kwh, price, basis, "combined meter")


def _line(
    component: LineComponent,
    energy_kwh: Decimal,
    price: Decimal,
    basis: _Basis,
    remark: str,
    period: TouPeriod | None = None,
) -> BillLine:
    formula = f"{energy_kwh:f} kWh × {price:f} CNY/kWh ({remark})"
    return make_line(
        component,
        energy_kwh,
        Unit.KWH,
        price,
        Unit.CNY_PER_KWH,
        basis.grounds,
        formula,
        period,
        reading=basis.reading,
    )
