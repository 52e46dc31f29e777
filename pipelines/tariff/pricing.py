"""A supply + facts -> the lines of a billing month. Pure, in decimals throughout.

Three stages, each written once: price sheets say what is charged at which price (``price_sheets.py``), the
modules of ``charges`` how much of it, and ``settle_lines`` makes the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal, localcontext

from pipelines.codes import Confidence, ContractNote, CustomerClass
from pipelines.errors import UsageError, ZhixiangError
from pipelines.facts import Facts
from pipelines.tariff.charges.basic_charge import basic_charges
from pipelines.tariff.charges.changed_capacity import ruling_notes
from pipelines.tariff.charges.energy import energy_charges
from pipelines.tariff.charges.exported_energy import export_charges
from pipelines.tariff.charges.power_factor import adjustment_charges, mean_power_factor
from pipelines.tariff.contract import Segment, SupplyMonth
from pipelines.tariff.contract_notes import as_ruled, contract_rules, period_notes
from pipelines.tariff.lines import PricedMonth, average_price, least_sure, settle_lines
from pipelines.tariff.price_sheets import price_sheets

EXACT_DIGITS = 60
_DAY = timedelta(days=1)


def price_supply(supply: SupplyMonth, facts: Facts, known: date | None = None) -> PricedMonth:
    """Prices a billing month: energy by segment, basic charge by runs of unchanged terms, one power factor
    for the month.

    known  Only facts known by this day count; none: all. A bill that is priced again gets the day of its
           first issue.
    Lines stand in the order energy by segment, basic charge by section, adjustment, energy fed in.
    Raises FactNotInForceError where a day of the month is not covered (the transmission price is asked
    first), and UsageError where the contract needs what the month lacks or cannot be meant.
    """
    _check(supply)
    sheets, (first, _) = price_sheets(facts, known), supply.days
    supply, beside = as_ruled(supply, sheets.of(contract_rules, None, first, first))
    found = beside | ruling_notes(supply, sheets) | period_notes(supply)
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        charges = [*energy_charges(supply, sheets), *basic_charges(supply, sheets)]
        lines, adjustments = settle_lines(charges), []
        mean = mean_power_factor(supply.active_kwh, supply.lagging_kvarh, supply.leading_kvarh)
        if mean is not None:
            adjusted = adjustment_charges(charges, lines, mean, supply.days, sheets)
            adjustments = settle_lines(adjusted, len(lines) + 1)
        lines += adjustments
        lines += settle_lines(export_charges(supply), len(lines) + 1)
        total = sum([line.amount_cny for line in lines], Decimal("0.00"))
        sure = {line.fact_confidence for line in lines}
        return PricedMonth(
            month=supply.month,
            lines=tuple(lines),
            total_cny=total,
            is_illustrative=Confidence.ILLUSTRATIVE in sure,
            lowest_confidence=least_sure(sure),
            power_factor=mean,
            adjustment_ratio=adjustments[0].unit_price if adjustments else None,
            average_price_cny_per_kwh=average_price(total, supply.energy_kwh),
            missing_inputs=supply.missing_inputs,
            notes=tuple(note for note in ContractNote if note in found) if found else (),
        )


def price_each(
    supplies: Iterable[SupplyMonth], facts: Facts, known: date | None = None
) -> Iterator[PricedMonth | ZhixiangError]:
    """The priced months in the order of the supplies; in place of one that cannot be priced the error that
    ``price_supply`` raises for it.
    """
    for supply in supplies:
        try:
            yield price_supply(supply, facts, known)
        except ZhixiangError as error:
            yield error


def _has_tiers(segment: Segment) -> bool:
    contract = segment.contract
    return contract.customer_class is CustomerClass.RESIDENTIAL and not contract.is_combined_meter


def _check(supply: SupplyMonth) -> None:
    first_day, last_day = supply.days
    if not supply.segments:
        raise UsageError(f"{supply.month} has no segment to price.")
    if first_day.year != last_day.year and any(map(_has_tiers, supply.segments)):
        raise UsageError(
            f"The period {supply.billed} lies in two years, and a dwelling's tiers begin anew on 1 January.",
            "Give the days up to 31 December and those after it in two cases; `year_to_date_kwh` carries on.",
        )
    last: dict[str, date] = {}
    for segment in supply.segments:
        if segment.energy_kwh < 0:
            raise UsageError(f"The energy of {supply.month} must not be negative: {segment.energy_kwh} kWh.")
        if not first_day <= segment.first_day <= segment.last_day <= last_day:
            raise UsageError(
                f"The segment from {segment.first_day} to {segment.last_day} does not lie in {supply.billed}."
            )
        if segment.section in last and segment.first_day <= last[segment.section]:
            raise UsageError(
                f"Two segments of {supply.month} price {segment.first_day}.",
                "Segments of one section follow one another.",
            )
        if segment.section == "" and "" in last and segment.first_day > last[""] + _DAY:
            between = f"{last[''] + _DAY} to {segment.first_day - _DAY}"
            raise UsageError(
                f"No segment of {supply.month} prices {between}.",
                "Segments of the main part follow one another without a gap.",
            )
        last[segment.section] = segment.last_day
    if supply.exported_kwh < 0:
        raise UsageError(f"Energy fed in must not be negative: {supply.exported_kwh} kWh.")
