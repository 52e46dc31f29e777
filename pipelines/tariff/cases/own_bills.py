"""The months of a case under prices of its own: from its curves, or from monthly bills by period."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tariff.cases.case_files import sum_of
from pipelines.tariff.cases.month_curve import QUARTER_MINUTES, MonthCurve, read_curve
from pipelines.tariff.cases.own_prices import (
    ANY_TIME,
    OwnBill,
    OwnMonth,
    OwnPrices,
    own_months,
    price_own,
)
from pipelines.tariff.cases.schema import MonthPart, TariffCase
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.tariff.contract import REACTIVE_REGISTERS


@dataclass(frozen=True)
class OwnPricedMonth:
    """A bill under prices of one's own.

    power_factor    Of the month; None where none is to be reached or reactive energy is not metered. [1]
    missing_inputs  What the prices ask for and the month lacks.
    """

    bill: OwnBill
    power_factor: Decimal | None
    missing_inputs: tuple[str, ...] = ()


def own_bills(case: TariffCase, folder: Path, facts: Facts) -> list[OwnPricedMonth]:
    """The months in the order of the case.

    folder  Where the case lies; curves are looked for beside it.
    facts   For the national table of the power factor alone: no price comes from there.
    Raises UsageError where the case has no prices of its own or a month nothing that they could price.
    """
    if case.own_prices is None:
        raise UsageError("The case has no prices of its own.", "docs/tariff-case.md describes every key.")
    prices, found = case.own_prices.prices(), []
    for place, part in enumerate(case.months):
        with case.at_month(place):
            found.append(_own_bill(part, case, prices, folder, facts))
    return found


def _own_bill(
    part: MonthPart, case: TariffCase, prices: OwnPrices, folder: Path, facts: Facts
) -> OwnPricedMonth:
    month = BillingMonth.parse(part.month)
    curve = None if part.curve is None else read_curve(folder / part.curve, month)
    if curve is None:
        measured = _as_billed(part, month, prices)
    else:
        (measured,) = own_months(prices, month.first_day, curve.energy_kwh, QUARTER_MINUTES)
    standard = prices.power_factor_standard
    if standard is None:
        return OwnPricedMonth(price_own(prices, measured), None)
    active = sum(measured.energy_kwh.values(), Decimal(0))
    mean = mean_power_factor(active, *_reactive(part, curve))
    if mean is None:
        return OwnPricedMonth(price_own(prices, measured), None, (REACTIVE_REGISTERS,))
    rule = facts.power_factor_adjustment.on(month.first_day, case.known)
    return OwnPricedMonth(price_own(prices, measured, rule.ratio(mean, standard)), mean)


def _as_billed(part: MonthPart, month: BillingMonth, prices: OwnPrices) -> OwnMonth:
    """What a monthly bill says, by period; all of it under the one price where there is but one."""
    energy = {period.value: kwh for period, kwh in (part.energy_by_period or {}).items()}
    if not energy and len(prices.energy) == 1 and part.energy_kwh is not None:
        energy = dict.fromkeys(prices.energy, part.energy_kwh)
    demand = {} if part.max_demand_kw is None or not prices.demand else {ANY_TIME: part.max_demand_kw}
    return OwnMonth(month, energy, demand)


def _reactive(part: MonthPart, curve: MonthCurve | None) -> tuple[Decimal | None, Decimal | None]:
    """Lagging and leading energy: as written, else of the curve. [kvarh]"""
    if curve is None or curve.lagging_kvarh is None or curve.leading_kvarh is None:
        return part.lagging_kvarh, part.leading_kvarh
    seen = sum_of(curve.lagging_kvarh, part.resolution_kwh), sum_of(curve.leading_kvarh, part.resolution_kwh)
    written = part.lagging_kvarh, part.leading_kvarh
    return (
        seen[0] if written[0] is None else written[0],
        seen[1] if written[1] is None else written[1],
    )
