"""What the calculator of the price page works with: every figure as exact text, read off the engine's own
price sheets.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pipelines.codes import (
    Confidence,
    CustomerClass,
    LineComponent,
    PricingScheme,
    VoltageLevel,
)
from pipelines.errors import FactNotInForceError
from pipelines.facts import Dated, Facts
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract
from pipelines.tariff.changes import pricing_facts
from pipelines.tariff.charges.energy import energy_sheet
from pipelines.tariff.charges.energy_sheet import EnergyKind
from pipelines.tariff.charges.residential import tier_limits
from pipelines.tariff.price_sheets import price_sheets

T = TypeVar("T")
CLASSES = (CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL)
HUNDREDTHS = 101
MONTHS = 12
_DAY = timedelta(days=1)


def in_force(dated: Dated[T], day: date) -> T | None:
    """The value on a day; None where no version covers it."""
    try:
        return dated.on(day)
    except FactNotInForceError:
        return None


def price_spans(facts: Facts, month: BillingMonth) -> list[tuple[date, date]]:
    """The month in spans of days inside which no price changes, begins or ends: (first day, last day)."""
    watched = (*pricing_facts(facts), facts.pricing_scheme)
    candidates = {
        day
        for dated in watched
        for version in dated.versions
        for day in (
            version.effective_from,
            version.effective_to + _DAY if version.effective_to else version.effective_from,
        )
        if month.first_day < day <= month.last_day
    }
    changes = sorted(
        day
        for day in candidates
        if any(in_force(dated, day) != in_force(dated, day - _DAY) for dated in watched)
    )
    firsts = [month.first_day, *changes]
    return list(zip(firsts, [*(day - _DAY for day in changes), month.last_day], strict=True))


def calculator_figures(facts: Facts, month: BillingMonth) -> dict[str, Any]:
    """The figures of each span of the month; what is not in force there is empty or None."""
    return {
        "month": str(month),
        "spans": [_span_figures(facts, first, last) for first, last in price_spans(facts, month)],
    }


def _span_figures(facts: Facts, first: date, last: date) -> dict[str, Any]:
    """Unit prices by class, scheme, level and period, basic prices, rules, adjustment table, residential
    tiers of one span.

    ``illustrative`` names the components whose price rests on a version of that confidence.
    """
    capacity, demand = (
        in_force(dated, first) or {}
        for dated in (facts.transmission.two_part_capacity, facts.transmission.two_part_demand)
    )
    rule, use = in_force(facts.basic_charge.demand, first), in_force(facts.basic_charge.utilisation, first)
    scheme, left_out = in_force(facts.pricing_scheme, first), in_force(facts.power_factor_not_adjusted, first)
    illustrative: set[LineComponent] = _illustrative_beside_energy(facts, first)
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "energy": {
            kind.value: {
                way.value: dict(_levels(facts, kind, way, first, last, illustrative)) for way in PricingScheme
            }
            for kind in CLASSES
        },
        "basic": {
            level.value: {"capacity": f"{capacity[level]:f}", "demand": f"{demand[level]:f}"}
            for level in capacity
            if level in demand
        },
        "demand": {
            name: f"{getattr(rule, name):f}"
            for name in ("tolerance_ratio", "excess_multiple", "minimum_capacity_ratio")
        }
        if rule
        else None,
        "utilisation": {
            "threshold": f"{use.threshold_kwh_per_kva:f}",
            "ratio": f"{use.price_ratio:f}",
            "bases": sorted(basis.value for basis in use.bases),
        }
        if use
        else None,
        "schemes": {
            "single_up_to": f"{scheme.single_part_up_to_kva:f}",
            "two_from": f"{scheme.two_part_from_kva:f}",
        }
        if scheme
        else None,
        "base_excludes": sorted(
            component.value for component in in_force(facts.power_factor_base_excludes, first) or ()
        ),
        "standards": _standards(in_force(facts.power_factor_adjustment, first)),
        "not_adjusted": {
            "below_kva": f"{left_out.below_kva:f}",
            "classes": sorted(kind.value for kind in left_out.classes),
        }
        if left_out
        else None,
        "residential": _residential(facts, first),
        "is_catalogue": facts.catalogue.covers(first),
        "illustrative": sorted(component.value for component in illustrative),
    }


def _illustrative_beside_energy(facts: Facts, day: date) -> set[LineComponent]:
    resting: dict[LineComponent, Dated[Any]] = {
        LineComponent.BASIC_CAPACITY: facts.transmission.two_part_capacity,
        LineComponent.BASIC_DEMAND: facts.transmission.two_part_demand,
        LineComponent.DEMAND_EXCESS: facts.transmission.two_part_demand,
        **dict.fromkeys(
            (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3), facts.residential_tiers
        ),
    }
    return {component for component, dated in resting.items() if _is_illustrative(dated, day)}


def _is_illustrative(dated: Dated[Any], day: date) -> bool:
    try:
        return dated.version_on(day).citation.confidence is Confidence.ILLUSTRATIVE
    except FactNotInForceError:
        return False


def _standards(rule: PowerFactorRule | None) -> dict[str, list[str]]:
    """Adjustment at each hundredth of the power factor from 0.00 on, by standard. [1]"""
    if rule is None:
        return {}
    return {
        f"{standard:f}": [f"{rule.ratio(Decimal(step) / 100, standard):f}" for step in range(HUNDREDTHS)]
        for standard in rule.standards
    }


def _levels(
    facts: Facts,
    kind_of_class: CustomerClass,
    way: PricingScheme,
    first: date,
    last: date,
    illustrative: set[LineComponent],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each voltage level that has a price: component -> period -> unit price; the period ``all`` without
    time of use.

    Adds the components that rest on an illustrative price to ``illustrative``.
    """
    if facts.catalogue.covers(first):
        return
    for level in VoltageLevel:
        found: dict[str, dict[str, str]] = {}
        for is_time_of_use in (True, False):
            kind = EnergyKind.of(Contract(kind_of_class, way, level, is_time_of_use))
            try:
                prices = price_sheets(facts, None).of(energy_sheet, kind, first, last).prices
            except FactNotInForceError:  # no such level
                continue
            for price in prices:
                period = price.period.value if price.period else "all"
                found.setdefault(price.component.value, {})[period] = f"{price.unit_price:f}"
                if price.fact_confidence is Confidence.ILLUSTRATIVE:
                    illustrative.add(price.component)
        if found:
            yield level.value, found


def _residential(facts: Facts, day: date) -> dict[str, Any] | None:
    """Tiers with their limits by months of supply in the year, for a small and a large household."""
    tiers = in_force(facts.residential_tiers, day)
    if tiers is None:
        return None
    limits = {}
    for name, persons in (("limits", None), ("limits_large", tiers.household_persons)):
        limits[name] = {
            str(months): [
                f"{limit:f}"
                for limit in tier_limits(tiers, persons, date(day.year, MONTHS + 1 - months, 1), day.year)
            ]
            for months in range(1, MONTHS + 1)
        }
    return {
        **limits,
        "flat": [f"{price:f}" for price in tiers.flat],
        "by_period": {
            period.value: [f"{price:f}" for price in prices] for period, prices in tiers.by_period.items()
        },
        "household_persons": tiers.household_persons,
        "combined_persons": tiers.combined_choice_persons,
        "combined": {
            level.value: f"{price:f}"
            for level, price in (in_force(facts.residential_combined, day) or {}).items()
        },
    }
