"""The basic charge (基本电费) of two-part customers, by capacity or by demand.

Equations (S running kVA, Mc contract demand, M maximum demand, Pc and Pd prices per month):
    capacity         Pc S
    contract demand  Pd Mc' + 2 Pd max(0, M - 1.05 Mc')   with Mc' = max(Mc, 0.40 S)
    actual demand    Pd M
Where the month's kWh per contract kVA reach 260, Pd is multiplied by 0.9. The figures are facts:
``basic_charge.*``.
Where terms or price change inside a month, or a billing period is no month, each run of days costs its days
thirtieths of the month's charge (ruling R8), but for days that the rulings of ``changed_capacity`` charge on.
A standard of the power factor that changes alone leaves the charge what it is and only divides it by days, so
that each standard adjusts its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.codes import ContractNote, DemandBasis, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.facts.contract_rules import DemandRule, UtilisationDiscount
from pipelines.periods import BillingMonth
from pipelines.tariff.charges.basic_charge_runs import BasicKind, Run, run_prices, runs_of
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.lines import Charge, Ground, LinePrice, line_price
from pipelines.tariff.price_sheets import PriceSheets, Span
from pipelines.units import Unit

_UNITS = {
    LineComponent.BASIC_CAPACITY: (Unit.KVA, Unit.CNY_PER_KVA),
    LineComponent.BASIC_DEMAND: (Unit.KW, Unit.CNY_PER_KW),
    LineComponent.DEMAND_EXCESS: (Unit.KW, Unit.CNY_PER_KW),
}


class BasicSheet(NamedTuple):
    """The price of the basic charge of one kind of run in its span of days.

    of_price, of_part  What the price, and the division by days and the rulings rest on.
    divisor            Days that a month's charge is divided by.
    """

    price: Decimal
    of_price: Ground
    divisor: Decimal = Decimal(1)
    of_part: tuple[Ground, ...] = ()


class DemandSheet(NamedTuple):
    """The prices of a kW of demand and of one of excess, without and with the discount of ruling R11, and the
    rule of a contract demand.
    """

    prices: tuple[tuple[LinePrice, LinePrice], tuple[LinePrice, LinePrice]]
    rule: DemandRule | None


class Discount(NamedTuple):
    """The rule on well-used capacity and what it rests on; it asks every demand-based contract for its
    capacity, but lowers the price on some bases alone.
    """

    rule: UtilisationDiscount
    ground: Ground
    is_open: bool


def basic_facts(facts: Facts, day: date, known: date | None) -> list[Dated[Any]]:
    """The facts whose change inside a month parts it for a contract in two parts."""
    return [
        run_prices(basis, day, facts, known) for basis in (DemandBasis.CAPACITY, DemandBasis.ACTUAL_DEMAND)
    ]


def every_basic_fact(facts: Facts) -> tuple[Dated[Any], ...]:
    """Every fact that a basic charge can depend on."""
    rules, transmission, catalogue = facts.basic_charge, facts.transmission, facts.catalogue
    return (
        transmission.two_part_capacity,
        transmission.two_part_demand,
        rules.demand,
        rules.utilisation,
        rules.running_days_per_month,
        rules.suspension_days,
        rules.changed_month,
        catalogue.basic_capacity,
        catalogue.basic_demand,
    )


def basic_charges(supply: SupplyMonth, sheets: PriceSheets) -> Iterator[Charge]:
    """The basic charge of each run of days, and the demand excess where there is any; none where the whole
    capacity is suspended.
    """
    energy_kwh, month = supply.energy_kwh, supply.days
    for run in runs_of(supply, sheets):
        contract = run.contract
        if contract.demand_basis is None:
            raise UsageError("A two-part contract needs a demand basis.", f"Known: {', '.join(DemandBasis)}.")
        is_divided = run.is_part and run.of_days is None
        kind = BasicKind(contract.voltage_level, contract.demand_basis, is_divided, run.rulings)
        days = (run.first_day, run.last_day)
        sheet = sheets.of(basic_sheet, kind, *days)
        if contract.running_capacity_kva == 0:
            continue
        share, part = None, ""
        if run.is_part:
            divisor = sheet.divisor if run.of_days is None else Decimal(run.of_days)
            share, part = (Decimal(run.days), divisor), f" × {run.days}/{divisor:f} d"
        if contract.demand_basis is DemandBasis.CAPACITY:
            capacity = _needed(contract.running_capacity_kva, "running capacity")
            charged = [(sheets.of(capacity_price, kind, *days), capacity, f"{capacity:f} kVA")]
        else:
            charged = _by_demand(run, kind, energy_kwh, sheets)
        terms, (first, last) = contract.power_factor_standard, (None, None) if days == month else days
        for price, quantity, shown in charged:
            yield Charge(price, quantity, shown + part, terms, first, last, run.section, share)


def basic_sheet(kind: BasicKind, span: Span) -> BasicSheet:
    """The price of a kind of run, and what divides it where it is a part of a month (ruling R8)."""
    dated = run_prices(kind.demand_basis, span.first_day, span.facts, span.known)
    price, of_price = span.level_price(dated, kind.voltage_level)
    rules = span.facts.basic_charge
    ruled: dict[ContractNote, Dated[Any]] = {
        ContractNote.SUSPENSION_TOO_SHORT: rules.suspension_days,
        ContractNote.HIGHEST_DEMAND_OF_MONTH: rules.changed_month,
    }
    of_rulings = tuple(span.held(ruled[note]).ground() for note in kind.rulings)
    if not kind.is_part:
        return BasicSheet(price, of_price, of_part=of_rulings)
    rule = span.held(rules.running_days_per_month)
    return BasicSheet(price, of_price, rule.value, (rule.ground(), *of_rulings))


def capacity_price(kind: BasicKind, span: Span) -> LinePrice:
    """The price of a kVA."""
    price, of_price, _, of_part = basic_sheet(kind, span)
    tail = f" × {price:f} {Unit.CNY_PER_KVA}"
    return _price(LineComponent.BASIC_CAPACITY, price, (of_price, *of_part), tail)


def utilisation_discount(kind: BasicKind, span: Span) -> Discount | None:
    """The discount of the month; none under a catalogue, which the rule came after."""
    facts = span.facts
    if facts.catalogue.covers(span.first_day, span.known):
        return None
    # The energy of the whole month counts, so the rule has to hold on all its days.
    first_day, last_day = (BillingMonth.of(day) for day in (span.first_day, span.last_day))
    of_month = span._replace(first_day=first_day.first_day, last_day=last_day.last_day)
    rule = of_month.held(facts.basic_charge.utilisation)
    return Discount(rule.value, rule.ground(), kind.demand_basis in rule.value.bases)


def demand_sheet(kind: BasicKind, span: Span) -> DemandSheet:
    """The prices of a kW."""
    price, of_price, _, of_part = basic_sheet(kind, span)
    discount, rule = utilisation_discount(kind, span), None
    grounds: tuple[Ground, ...] = (of_price,)
    if kind.demand_basis is DemandBasis.CONTRACT_DEMAND:
        held = span.held(span.facts.basic_charge.demand)
        rule, grounds = held.value, (of_price, held.ground())
    tail = f" × {price:f} {Unit.CNY_PER_KW}"
    plain = _demand_prices(price, (*grounds, *of_part), tail, rule)
    if discount is None or not discount.is_open:
        return DemandSheet((plain, plain), rule)
    ratio, said = discount.rule.price_ratio, discount.rule.threshold_kwh_per_kva
    tail += f" × {ratio:f} (at or above {said:f} kWh/kVA)"
    lower = _demand_prices(price * ratio, (*grounds, discount.ground, *of_part), tail, rule)
    return DemandSheet((plain, lower), rule)


def _demand_prices(
    price: Decimal, grounds: tuple[Ground, ...], tail: str, rule: DemandRule | None
) -> tuple[LinePrice, LinePrice]:
    """Of a kW of demand, and of one of excess."""
    multiple = Decimal(1) if rule is None else rule.excess_multiple
    return (
        _price(LineComponent.BASIC_DEMAND, price, grounds, tail),
        _price(LineComponent.DEMAND_EXCESS, price * multiple, grounds, f" × {multiple:f}{tail}"),
    )


def _price(component: LineComponent, price: Decimal, grounds: tuple[Ground, ...], tail: str) -> LinePrice:
    return line_price(component, price, _UNITS[component], grounds, tail)


def _by_demand(
    run: Run, kind: BasicKind, energy_kwh: Decimal, sheets: PriceSheets
) -> list[tuple[LinePrice, Decimal, str]]:
    """What is charged of which price, and how the quantity came about."""
    contract, demand = run.contract, run.max_demand_kw
    if demand is None:
        month = BillingMonth.of(run.first_day)
        raise UsageError(
            f"{month} has no maximum demand, which the contract's basic charge needs.",
            "Supply a load curve of 15 minutes or less.",
        )
    highest = " (highest of the month)" if ContractNote.HIGHEST_DEMAND_OF_MONTH in run.rulings else ""
    is_discounted = _is_discounted(run, kind, energy_kwh, sheets)
    sheet = sheets.of(demand_sheet, kind, run.first_day, run.last_day)
    of_demand, of_excess = sheet.prices[is_discounted]
    if sheet.rule is None:
        return [(of_demand, demand, f"{demand:f} kW{highest}")]
    agreed = _needed(contract.contract_demand_kw, "contract demand")
    capacity = _needed(contract.running_capacity_kva, "running capacity")
    least, tolerance = sheet.rule.minimum_capacity_ratio, sheet.rule.tolerance_ratio
    billed = max(agreed, least * capacity)
    raised = f" (contract {agreed:f} kW, raised to {least:f} × {capacity:f} kVA)" if billed > agreed else ""
    charged = [(of_demand, billed, f"{billed:f} kW{raised}")]
    excess = demand - tolerance * billed
    if excess > 0:
        charged.append((of_excess, excess, f"({demand:f} kW{highest} − {tolerance:f} × {billed:f} kW)"))
    return charged


def _is_discounted(run: Run, kind: BasicKind, energy_kwh: Decimal, sheets: PriceSheets) -> bool:
    """Whether the capacity is used well enough for the discount of ruling R11."""
    discount = sheets.of(utilisation_discount, kind, run.first_day, run.last_day)
    if discount is None:
        return False
    _needed(run.contract.contract_capacity_kva, "contract capacity")
    threshold = discount.rule.threshold_kwh_per_kva
    if run.period_days is not None:  # said per month
        threshold *= run.period_days / sheets.of(basic_sheet, kind, run.first_day, run.last_day).divisor
    return discount.is_open and energy_kwh * run.section_days >= threshold * run.kva_days


def _needed(value: Decimal | None, what: str) -> Decimal:
    if value is None or value <= 0:
        raise UsageError(
            f"A two-part contract on this basis needs a {what} above 0.", "Complete the contract."
        )
    return value
