"""Determinants + contract + facts -> the lines of a billing month. Pure, in decimals throughout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext

from pipelines.codes import Confidence, CustomerClass, LineComponent
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Facts
from pipelines.tariff.changes import supply_in_parts
from pipelines.tariff.charges.basic_charge import basic_charge_lines
from pipelines.tariff.charges.basic_charge_runs import runs_of, span_days
from pipelines.tariff.charges.catalogue_prices import catalogue_lines
from pipelines.tariff.charges.energy import energy_lines
from pipelines.tariff.charges.power_factor import adjustment_line, mean_power_factor
from pipelines.tariff.charges.residential import residential_lines
from pipelines.tariff.contract import Contract, Determinants, SupplyMonth, missing_of_supply
from pipelines.tariff.contract_notes import as_ruled, contract_rules
from pipelines.tariff.lines import BillLine, PricedMonth, average_price, least_sure, make_line, number_lines
from pipelines.units import Unit

EXACT_DIGITS = 60
_DAY = timedelta(days=1)
# A term of the contract: no document of it was read.
EXPORTED = ("contract.export_price_cny_per_kwh", Confidence.UNVERIFIED)
# A line with the standard of its contract, by which the adjustment finds its base.
_Charge = tuple[Decimal | None, BillLine]


def price_month(
    contract: Contract, determinants: Determinants, facts: Facts, known: date | None = None
) -> PricedMonth:
    """Prices one billing month of one contract.

    known  Only facts known by this day count; none: all. A bill that is priced again gets the day of its
           first issue.
    A month in which a price changes is priced in parts where ``determinants.by_day`` tells how much lies in
    each.
    Raises FactNotInForceError where a day of the month is not covered (the transmission price is asked
    first), and UsageError
    where the contract needs what the month lacks.
    """
    return price_supply(supply_in_parts(contract, determinants, facts, known), facts, known)


def price_supply(supply: SupplyMonth, facts: Facts, known: date | None = None) -> PricedMonth:
    """Prices a month in segments: energy by segment, basic charge by runs of unchanged terms, one power
    factor for the month.

    Lines stand in the order energy by segment, basic charge by section, adjustment, energy fed in.
    Raises as ``price_month`` does.
    """
    _check(supply)
    supply, notes = as_ruled(supply, contract_rules(supply.month.first_day, facts, known))
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        charges = [*_energy(supply, facts, known), *_basic(supply, facts, known)]
        mean = mean_power_factor(supply.active_kwh, supply.lagging_kvarh, supply.leading_kvarh)
        adjustments = _adjustments(charges, mean, supply, facts, known)
        lines = [line for _, line in charges] + adjustments + _exported(supply)
        total = sum((line.amount_cny for line in lines), Decimal("0.00"))
        return PricedMonth(
            month=supply.month,
            lines=number_lines(lines),
            total_cny=total,
            is_illustrative=any(line.fact_confidence is Confidence.ILLUSTRATIVE for line in lines),
            lowest_confidence=least_sure(line.fact_confidence for line in lines),
            power_factor=mean,
            adjustment_ratio=adjustments[0].unit_price if adjustments else None,
            average_price_cny_per_kwh=average_price(total, supply.energy_kwh),
            missing_inputs=missing_of_supply(supply),
            notes=notes,
        )


def _check(supply: SupplyMonth) -> None:
    if not supply.segments:
        raise UsageError(f"{supply.month} has no segment to price.")
    last: dict[str, date] = {}
    for segment in supply.segments:
        if segment.energy_kwh < 0:
            raise UsageError(f"The energy of {supply.month} must not be negative: {segment.energy_kwh} kWh.")
        if not supply.month.first_day <= segment.first_day <= segment.last_day <= supply.month.last_day:
            raise UsageError(
                f"The segment from {segment.first_day} to {segment.last_day} does not lie in {supply.month}."
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


def _energy(supply: SupplyMonth, facts: Facts, known: date | None) -> Iterable[_Charge]:
    year_to_date = supply.year_to_date_kwh
    for segment in supply.segments:
        contract = segment.contract
        if contract.customer_class is CustomerClass.RESIDENTIAL:
            lines = residential_lines(segment, year_to_date, facts, known)
            year_to_date += segment.energy_kwh
        elif contract.customer_class is CustomerClass.AGRICULTURE:
            raise FactNotForContractError(
                "agriculture.energy", segment.first_day, "no day: no agricultural price was found"
            )
        elif facts.catalogue.covers(segment.first_day, known):
            lines = catalogue_lines(segment, facts, known)
        else:
            lines = energy_lines(segment, facts, known)
        for line in lines:
            yield (
                contract.power_factor_standard,
                replace(_dated(line, segment.first_day, segment.last_day, supply), section=segment.section),
            )


def _basic(supply: SupplyMonth, facts: Facts, known: date | None) -> Iterable[_Charge]:
    for run in runs_of(supply, facts, known):
        for line in basic_charge_lines(run, facts, known):
            yield (
                run.contract.power_factor_standard,
                replace(_dated(line, run.first_day, run.last_day, supply), section=run.section),
            )


def _dated(line: BillLine, first_day: date, last_day: date, supply: SupplyMonth) -> BillLine:
    if (first_day, last_day) == (supply.month.first_day, supply.month.last_day):
        return line
    return replace(line, first_day=first_day, last_day=last_day)


def _adjustments(
    charges: Iterable[_Charge], mean: Decimal | None, supply: SupplyMonth, facts: Facts, known: date | None
) -> list[BillLine]:
    """One adjustment for each standard that applies; the base of each are the lines of its own segments."""
    if mean is None:
        return []
    bases: dict[Decimal, list[BillLine]] = {}
    for standard, line in charges:
        if standard is not None:
            bases.setdefault(standard, []).append(line)
    return [
        adjustment_line(lines, mean, standard, supply.month, facts, known)
        for standard, lines in bases.items()
    ]


def _exported(supply: SupplyMonth) -> list[BillLine]:
    """The credit for energy fed in, at the price that the contract agrees; without a price it is not bought.

    The first section with a price feeds in; where its price changes, begins or ends inside the month, the
    energy goes by days.
    """
    buying = next(
        (each.section for each in supply.segments if each.contract.export_price_cny_per_kwh is not None), None
    )
    if buying is None or not supply.exported_kwh:
        return []
    spans: list[tuple[Decimal | None, date, date]] = []
    for segment in supply.segments:
        price = segment.contract.export_price_cny_per_kwh
        if segment.section != buying:
            continue
        if price is not None and price < 0:
            raise UsageError(f"An export price must not be negative: {price}.")
        if spans and spans[-1][0] == price:
            spans[-1] = (price, spans[-1][1], segment.last_day)
        else:
            spans.append((price, segment.first_day, segment.last_day))
    counted = sum(span_days(each) for each in supply.segments if each.section == buying)
    return [
        line
        for price, first_day, last_day in spans
        if price is not None
        for line in _credit(supply, price, first_day, last_day, None if len(spans) == 1 else counted)
    ]


def _credit(
    supply: SupplyMonth, price: Decimal, first_day: date, last_day: date, counted_days: int | None
) -> Iterable[BillLine]:
    """One credit line; ``counted_days`` are those that the month's energy is divided by, none where one price
    buys it all.
    """
    days, quantity, text = (last_day - first_day).days + 1, supply.exported_kwh, ""
    part = (Decimal(1), Decimal(1))
    if counted_days is not None:
        part, text = (Decimal(days), Decimal(counted_days)), f" × {days}/{counted_days} d"
    formula = f"{quantity:f} kWh{text} × −{price:f} CNY/kWh (fed into the grid, price of the contract)"
    line = make_line(
        LineComponent.EXPORTED_ENERGY,
        quantity,
        Unit.KWH,
        -price,
        Unit.CNY_PER_KWH,
        (EXPORTED,),
        formula,
        part=part,
    )
    yield line if counted_days is None else replace(line, first_day=first_day, last_day=last_day)
