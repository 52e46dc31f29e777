"""Where prices change inside a month, and how its settled energy is split there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from pipelines.codes import PricingScheme, TouPeriod
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.money import split_by_largest_remainder
from pipelines.periods import BillingMonth
from pipelines.tariff.charges.basic_charge import basic_facts, every_basic_fact
from pipelines.tariff.charges.energy import energy_facts, every_energy_fact
from pipelines.tariff.charges.energy_sheet import EnergyKind
from pipelines.tariff.charges.power_factor import every_adjustment_fact
from pipelines.tariff.contract import Contract, Determinants, Segment, SupplyMonth, supply_of
from pipelines.tariff.month_facts import changes_inside

_DAY = timedelta(days=1)


def pricing_facts(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a price of a month can depend on."""
    return (*every_energy_fact(facts), *every_basic_fact(facts), *every_adjustment_fact(facts))


def change_days(
    contract: Contract, month: BillingMonth, facts: Facts, known: date | None = None
) -> tuple[date, ...]:
    """Days after the first on which a price of the contract changes inside the month: there its energy has to
    be split.

    Raises FactNotInForceError where a day is not covered.
    """
    first, last = month.first_day, month.last_day
    found: set[date] = set()
    for dated in _of_contract(contract, first, facts, known):
        found.update(changes_inside(dated, first, last, known))
    return tuple(sorted(found))


def _of_contract(contract: Contract, day: date, facts: Facts, known: date | None) -> list[Dated[Any]]:
    dated = energy_facts(EnergyKind.of(contract), day, facts, known)
    if contract.pricing_scheme is PricingScheme.TWO_PART:
        dated = [*dated, *basic_facts(facts, day, known)]
    return dated


def supply_in_parts(
    contract: Contract, determinants: Determinants, facts: Facts, known: date | None = None
) -> SupplyMonth:
    """A month under one contract, in a segment for each span of days without a change of price where the
    curve tells how much lies in each.

    Raises FactNotInForceError where a day is not covered.
    """
    use = determinants.by_day
    days = () if use is None else change_days(contract, determinants.month, facts, known)
    if use is None or not days:
        return supply_of(contract, determinants)
    edges = [0, *((day - determinants.month.first_day).days for day in days), determinants.month.day_count]
    spans = [slice(first, last) for first, last in pairwise(edges)]
    by_period = [[sum(column) for column in zip(*use.energy_kwh[span], strict=True)] for span in spans]
    highest = _scaled_demands([max(use.max_demand_kw[span]) for span in spans], determinants.max_demand_kw)
    return split_month(contract, determinants, days, [sum(row) for row in by_period], by_period, highest)


def _scaled_demands(seen: Sequence[Decimal], billed: Decimal | None) -> list[Decimal] | None:
    """The highest demand of each part; where another one than the curve's is billed, the part that saw the
    highest has it and no part more.
    """
    if billed is None:
        return None
    return [billed if demand == max(seen) else min(demand, billed) for demand in seen]


def split_month(
    contract: Contract,
    determinants: Determinants,
    days: Sequence[date],
    weights: Sequence[float],
    period_weights: Sequence[Sequence[float]] | None = None,
    demands_kw: Sequence[Decimal] | None = None,
) -> SupplyMonth:
    """A month under one contract split into segments at some days; its energy is kept exactly.

    days            First days of the second and later segments, in order.
    weights         What the curve saw in each segment; one more than days. [kWh]
    period_weights  The same by segment and period, in the order of TouPeriod; needed where the month is split
                    over periods. [kWh]
    demands_kw      Highest demand of each segment; none: the month's stands for each. [kW]
    Energy goes to the segments by largest remainder at the register's resolution, period by period where
    there are periods.
    """
    month, step = determinants.month, determinants.resolution_kwh
    firsts = [month.first_day, *days]
    if any(later <= earlier for earlier, later in pairwise(firsts)) or firsts[-1] > month.last_day:
        raise UsageError(f"{month} can be split only at days inside it, in order.")
    if len(weights) != len(firsts) or (demands_kw is not None and len(demands_kw) != len(firsts)):
        raise UsageError(f"{len(firsts)} segments need as many weights and demands.")
    splits: list[dict[TouPeriod, Decimal]] | None = None
    if determinants.energy_by_period is not None:
        splits = _split_periods(determinants, period_weights, weights)
        energies = [sum(split.values(), Decimal(0)) for split in splits]
    else:
        energies = split_by_largest_remainder(determinants.energy_kwh, list(weights), step)
    lasts = [first - _DAY for first in firsts[1:]] + [month.last_day]
    segments = tuple(
        Segment(
            contract,
            first,
            last,
            energies[place],
            splits[place] if splits is not None else None,
            demands_kw[place] if demands_kw is not None else determinants.max_demand_kw,
        )
        for place, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    )
    whole = SupplyMonth(month, segments, determinants.lagging_kvarh, determinants.leading_kvarh)
    return replace(
        whole, year_to_date_kwh=determinants.year_to_date_kwh, exported_kwh=determinants.exported_kwh
    )


def _split_periods(
    determinants: Determinants, period_weights: Sequence[Sequence[float]] | None, weights: Sequence[float]
) -> list[dict[TouPeriod, Decimal]]:
    if period_weights is None:
        raise UsageError(
            "A month with periods is split period by period.", "Give the weights of each segment by period."
        )
    splits: list[dict[TouPeriod, Decimal]] = [{} for _ in weights]
    for place, period in enumerate(TouPeriod):
        energy = (determinants.energy_by_period or {}).get(period)
        if energy is None:
            continue
        seen = [row[place] for row in period_weights]
        # Energy that the curve of no segment saw in its period follows the segments as a whole.
        parts = split_by_largest_remainder(
            energy, seen if sum(seen) > 0 else list(weights), determinants.resolution_kwh
        )
        for split, part in zip(splits, parts, strict=True):
            split[period] = part
    return splits
