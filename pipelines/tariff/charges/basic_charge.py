"""The basic charge (基本电费) of two-part customers, by capacity or by demand.

Equations (S running kVA, Mc contract demand, M maximum demand, Pc and Pd prices per month):
    capacity         Pc S
    contract demand  Pd Mc' + 2 Pd max(0, M - 1.05 Mc')   with Mc' = max(Mc, 0.40 S)
    actual demand    Pd M
Where the month's kWh per contract kVA reach 260, Pd is multiplied by 0.9. The figures are facts:
``basic_charge.*``.
Where terms or price change inside a month, each run of days costs its days thirtieths of the month's charge
(ruling R8). A standard of the power
factor that changes alone leaves the charge what it is and only divides it by days, so that each standard
adjusts its own.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.codes import DemandBasis, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.facts.contract_rules import UtilisationDiscount
from pipelines.periods import BillingMonth
from pipelines.tariff.charges.basic_charge_runs import Run, run_prices
from pipelines.tariff.charges.energy import level_ground
from pipelines.tariff.lines import BillLine, Ground, make_line
from pipelines.tariff.month_facts import ground, price_of_span, version_of_month, version_of_span
from pipelines.units import Unit

_Part = tuple[Decimal, Decimal, str, tuple[Ground, ...]]


def basic_charge_lines(run: Run, facts: Facts, known: date | None) -> list[BillLine]:
    """The basic charge of a run of days, and the demand excess where there is any; none where the whole
    capacity is suspended.
    """
    contract = run.contract
    if contract.demand_basis is None:
        raise UsageError("A two-part contract needs a demand basis.", f"Known: {', '.join(DemandBasis)}.")
    dated = run_prices(contract, run.first_day, facts, known)
    price, cited = price_of_span(dated, contract.voltage_level, run.first_day, run.last_day, known)
    part = _part_of_month(run, facts, known)
    if contract.running_capacity_kva == 0:
        return []
    if contract.demand_basis is DemandBasis.CAPACITY:
        capacity = _needed(contract.running_capacity_kva, "running capacity")
        days, month_days, text, of_part = part
        formula = f"{capacity:f} kVA{text} × {basic_price_text(price, contract.demand_basis)}"
        grounds = (level_ground(dated, cited, contract), *of_part)
        return [
            make_line(
                LineComponent.BASIC_CAPACITY,
                capacity,
                Unit.KVA,
                price,
                Unit.CNY_PER_KVA,
                grounds,
                formula,
                part=(days, month_days),
            )
        ]
    return _demand_lines(run, price, level_ground(dated, cited, contract), part, facts, known)


def billed_contract_demand(
    contract_demand_kw: Decimal, running_capacity_kva: Decimal, minimum_capacity_ratio: Decimal
) -> Decimal:
    """Contract demand, raised to its least share of the capacity. [kW]"""
    return max(contract_demand_kw, minimum_capacity_ratio * running_capacity_kva)


def _demand_lines(
    run: Run, price: Decimal, of_price: Ground, part: _Part, facts: Facts, known: date | None
) -> list[BillLine]:
    contract, demand = run.contract, run.max_demand_kw
    if demand is None:
        raise UsageError(
            (
                f"{BillingMonth.of(run.first_day)} has no maximum demand, which the contract's basic charge "
                "needs."
            ),
            "Supply a load curve of 15 minutes or less.",
        )
    discount, fall_text, of_discount = _discount(run, facts, known)
    unit_price = price * discount
    price_text = f"{basic_price_text(price, contract.demand_basis)}{fall_text}"
    days, month_days, part_text, of_part = part
    if contract.demand_basis is DemandBasis.ACTUAL_DEMAND:
        formula = f"{demand:f} kW{part_text} × {price_text}"
        return [
            make_line(
                LineComponent.BASIC_DEMAND,
                demand,
                Unit.KW,
                unit_price,
                Unit.CNY_PER_KW,
                (of_price, *of_discount, *of_part),
                formula,
                part=(days, month_days),
            )
        ]
    rule = version_of_span(facts.basic_charge.demand, run.first_day, run.last_day, known)
    grounds = (of_price, ground(facts.basic_charge.demand, rule), *of_discount, *of_part)
    agreed = _needed(contract.contract_demand_kw, "contract demand")
    capacity = _needed(contract.running_capacity_kva, "running capacity")
    billed = billed_contract_demand(agreed, capacity, rule.value.minimum_capacity_ratio)
    raised = (
        f" (contract {agreed:f} kW, raised to {rule.value.minimum_capacity_ratio:f} × {capacity:f} kVA)"
        if billed > agreed
        else ""
    )
    lines = [
        make_line(
            LineComponent.BASIC_DEMAND,
            billed,
            Unit.KW,
            unit_price,
            Unit.CNY_PER_KW,
            grounds,
            f"{billed:f} kW{raised}{part_text} × {price_text}",
            part=(days, month_days),
        )
    ]
    excess = demand - rule.value.tolerance_ratio * billed
    if excess > 0:
        multiple = rule.value.excess_multiple
        formula = (
            f"({demand:f} kW − {rule.value.tolerance_ratio:f} × {billed:f} kW){part_text} × {multiple:f} × "
            f"{price_text}"
        )
        doubled = unit_price * multiple
        lines.append(
            make_line(
                LineComponent.DEMAND_EXCESS,
                excess,
                Unit.KW,
                doubled,
                Unit.CNY_PER_KW,
                grounds,
                formula,
                part=(days, month_days),
            )
        )
    return lines


def _discount(run: Run, facts: Facts, known: date | None) -> tuple[Decimal, str, tuple[Ground, ...]]:
    """The factor on the demand price, its text and what it rests on (ruling R11); none under a catalogue,
    which the rule came after.
    """
    if run.is_catalogue:
        return Decimal(1), "", ()
    rule = version_of_month(facts.basic_charge.utilisation, BillingMonth.of(run.first_day), known)
    _needed(run.contract.contract_capacity_kva, "contract capacity")
    if (
        run.contract.demand_basis not in rule.value.bases
        or run.month_kwh * run.section_days < rule.value.threshold_kwh_per_kva * run.kva_days
    ):
        return Decimal(1), "", ()
    return rule.value.price_ratio, discount_text(rule.value), (ground(facts.basic_charge.utilisation, rule),)


def basic_price_text(price: Decimal, basis: DemandBasis | None) -> str:
    """The price of the basic charge as a formula writes it."""
    return f"{price:f} {Unit.CNY_PER_KVA if basis is DemandBasis.CAPACITY else Unit.CNY_PER_KW}"


def discount_text(rule: UtilisationDiscount) -> str:
    """What follows the price in a formula where the discount holds."""
    return f" × {rule.price_ratio:f} (at or above {rule.threshold_kwh_per_kva:f} kWh/kVA)"


def _part_of_month(run: Run, facts: Facts, known: date | None) -> _Part:
    """Days and the days they are divided by, the text and what it rests on (ruling R8)."""
    if not run.is_part:
        return Decimal(1), Decimal(1), "", ()
    if run.of_days is not None:
        return Decimal(run.days), Decimal(run.of_days), f" × {run.days}/{run.of_days} d", ()
    rule = version_of_span(facts.basic_charge.running_days_per_month, run.first_day, run.last_day, known)
    return (
        Decimal(run.days),
        rule.value,
        f" × {run.days}/{rule.value:f} d",
        (ground(facts.basic_charge.running_days_per_month, rule),),
    )


def _needed(value: Decimal | None, what: str) -> Decimal:
    if value is None or value <= 0:
        raise UsageError(
            f"A two-part contract on this basis needs a {what} above 0.", "Complete the contract."
        )
    return value
