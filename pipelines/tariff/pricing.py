"""Determinants + contract + facts -> the lines of a billing month. Pure, in decimals throughout."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, CustomerClass, PricingScheme
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.tariff.basic_charges import basic_charge_lines
from pipelines.tariff.contract import Contract, Determinants, missing_inputs
from pipelines.tariff.energy_charges import energy_lines
from pipelines.tariff.lines import BillLine, PricedMonth, average_price, least_sure, number_lines
from pipelines.tariff.power_factor import adjustment_line, power_factor
from pipelines.tariff.residential import residential_lines


def price_month(contract: Contract, determinants: Determinants, facts: Facts, known: date | None = None) -> PricedMonth:
    """Prices one billing month of one contract.

    known  Only facts known by this day count; none: all. A bill that is priced again gets the day of its first issue.
    Raises FactNotInForceError where a day of the month is not covered (the transmission price is asked first), and UsageError
    where the contract needs what the month lacks.
    """
    if determinants.energy_kwh < 0:
        raise UsageError(f"The energy of {determinants.month} must not be negative: {determinants.energy_kwh} kWh.")
    lines = _charge_lines(contract, determinants, facts, known)
    mean = _mean_power_factor(determinants)
    ratio: Decimal | None = None
    if mean is not None and contract.power_factor_standard is not None:
        line = adjustment_line(lines, mean, contract.power_factor_standard, determinants.month, facts, known)
        ratio = line.unit_price
        lines.append(line)
    total = sum((line.amount_cny for line in lines), Decimal("0.00"))
    return PricedMonth(
        month=determinants.month,
        lines=number_lines(lines),
        total_cny=total,
        is_illustrative=any(line.fact_confidence is Confidence.ILLUSTRATIVE for line in lines),
        lowest_confidence=least_sure(line.fact_confidence for line in lines),
        power_factor=mean,
        adjustment_ratio=ratio,
        average_price_cny_per_kwh=average_price(total, determinants.energy_kwh),
        missing_inputs=missing_inputs(contract, determinants),
    )


def _charge_lines(contract: Contract, determinants: Determinants, facts: Facts, known: date | None) -> list[BillLine]:
    if contract.customer_class is CustomerClass.RESIDENTIAL:
        return residential_lines(contract, determinants, facts, known)
    if contract.customer_class is CustomerClass.AGRICULTURE:
        raise FactNotInForceError("agriculture.energy", determinants.month.first_day, "no day: no agricultural price was found")
    lines = energy_lines(contract, determinants, facts, known)
    if contract.pricing_scheme is PricingScheme.TWO_PART:
        lines += basic_charge_lines(contract, determinants, facts, known)
    return lines


def _mean_power_factor(determinants: Determinants) -> Decimal | None:
    lagging, leading = determinants.lagging_kvarh, determinants.leading_kvarh
    if lagging is None or leading is None or not (determinants.energy_kwh or lagging or leading):
        return None
    return power_factor(lagging, leading, determinants.energy_kwh)
