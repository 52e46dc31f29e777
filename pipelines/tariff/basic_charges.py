"""The basic charge (基本电费) of two-part customers, by capacity or by demand.

Equations (S running kVA, Mc contract demand, M maximum demand, Pc and Pd prices per month):
    capacity         Pc S
    contract demand  Pd Mc' + 2 Pd max(0, M - 1.05 Mc')   with Mc' = max(Mc, 0.40 S)
    actual demand    Pd M
Where the month's kWh per contract kVA reach 260, Pd is multiplied by 0.9. The figures are facts: ``basic_charge.*``.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, DemandBasis, LineComponent
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.tariff.contract import Contract, Determinants
from pipelines.tariff.energy_charges import level_id
from pipelines.tariff.lines import BillLine, least_sure, make_line
from pipelines.tariff.month_facts import price_of_month, version_of_month
from pipelines.units import Unit


def basic_charge_lines(contract: Contract, determinants: Determinants, facts: Facts, known: date | None) -> list[BillLine]:
    """The basic charge, and the demand excess where there is any."""
    if contract.demand_basis is None:
        raise UsageError("A two-part contract needs a demand basis.", f"Known: {', '.join(DemandBasis)}.")
    share, share_text, share_confidence = _month_share(determinants, facts, known)
    if contract.demand_basis is DemandBasis.CAPACITY:
        return [_capacity_line(contract, determinants, facts, known, share, share_text, share_confidence)]
    return _demand_lines(contract, determinants, facts, known, share, share_text, share_confidence)


def billed_contract_demand(contract_demand_kw: Decimal, running_capacity_kva: Decimal, minimum_capacity_ratio: Decimal) -> Decimal:
    """Contract demand, raised to its least share of the capacity. [kW]"""
    return max(contract_demand_kw, minimum_capacity_ratio * running_capacity_kva)


def _capacity_line(
    contract: Contract,
    determinants: Determinants,
    facts: Facts,
    known: date | None,
    share: Decimal,
    share_text: str,
    share_confidence: tuple[Confidence, ...],
) -> BillLine:
    dated = facts.transmission.two_part_capacity
    price, cited = price_of_month(dated, contract.voltage_level, determinants.month, known)
    capacity = _needed(contract.running_capacity_kva, "running capacity")
    confidence = least_sure((cited.citation.confidence, *share_confidence))
    formula = f"{capacity:f} kVA{share_text} × {price:f} CNY/kVA"
    return make_line(
        LineComponent.BASIC_CAPACITY, capacity * share, Unit.KVA, price, Unit.CNY_PER_KVA, level_id(dated, contract), confidence, formula
    )


def _demand_lines(
    contract: Contract,
    determinants: Determinants,
    facts: Facts,
    known: date | None,
    share: Decimal,
    share_text: str,
    share_confidence: tuple[Confidence, ...],
) -> list[BillLine]:
    dated = facts.transmission.two_part_demand
    price, cited = price_of_month(dated, contract.voltage_level, determinants.month, known)
    demand = determinants.max_demand_kw
    if demand is None:
        raise UsageError(
            f"{determinants.month} has no maximum demand, which the contract's basic charge needs.",
            "Supply a load curve of 15 minutes or less.",
        )
    discount, discount_text, discount_confidence = _discount(contract, determinants, facts, known)
    unit_price = price * discount
    price_text = f"{price:f} CNY/kW{discount_text}"
    sure = (cited.citation.confidence, *share_confidence, *discount_confidence)
    fact_id = level_id(dated, contract)
    if contract.demand_basis is DemandBasis.ACTUAL_DEMAND:
        formula = f"{demand:f} kW{share_text} × {price_text}"
        return [make_line(LineComponent.BASIC_DEMAND, demand * share, Unit.KW, unit_price, Unit.CNY_PER_KW, fact_id, least_sure(sure), formula)]
    rule = version_of_month(facts.basic_charge.demand, determinants.month, known)
    confidence = least_sure((*sure, rule.citation.confidence))
    agreed = _needed(contract.contract_demand_kw, "contract demand")
    capacity = _needed(contract.running_capacity_kva, "running capacity")
    billed = billed_contract_demand(agreed, capacity, rule.value.minimum_capacity_ratio)
    raised = f" (contract {agreed:f} kW, raised to {rule.value.minimum_capacity_ratio:f} × {capacity:f} kVA)" if billed > agreed else ""
    lines = [
        make_line(
            LineComponent.BASIC_DEMAND, billed * share, Unit.KW, unit_price, Unit.CNY_PER_KW, fact_id, confidence,
            f"{billed:f} kW{raised}{share_text} × {price_text}",
        )
    ]  # fmt: skip
    excess = demand - rule.value.tolerance_ratio * billed
    if excess > 0:
        multiple = rule.value.excess_multiple
        formula = f"({demand:f} kW − {rule.value.tolerance_ratio:f} × {billed:f} kW){share_text} × {multiple:f} × {price_text}"
        lines.append(
            make_line(LineComponent.DEMAND_EXCESS, excess * share, Unit.KW, unit_price * multiple, Unit.CNY_PER_KW, fact_id, confidence, formula)
        )
    return lines


def _discount(contract: Contract, determinants: Determinants, facts: Facts, known: date | None) -> tuple[Decimal, str, tuple[Confidence, ...]]:
    """The factor on the demand price, its text and how sure it is (ruling R11)."""
    rule = version_of_month(facts.basic_charge.utilisation, determinants.month, known)
    capacity = _needed(contract.contract_capacity_kva, "contract capacity")
    if contract.demand_basis not in rule.value.bases or determinants.energy_kwh < rule.value.threshold_kwh_per_kva * capacity:
        return Decimal(1), "", ()
    text = f" × {rule.value.price_ratio:f} (at or above {rule.value.threshold_kwh_per_kva:f} kWh/kVA)"
    return rule.value.price_ratio, text, (rule.citation.confidence,)


def _month_share(determinants: Determinants, facts: Facts, known: date | None) -> tuple[Decimal, str, tuple[Confidence, ...]]:
    """The share of the month's charge, its text and how sure it is (ruling R8)."""
    days = determinants.running_days
    if days is None or days == determinants.month.day_count:
        return Decimal(1), "", ()
    if not 0 <= days < determinants.month.day_count:
        raise UsageError(f"{days} running days do not fit into {determinants.month}.")
    rule = version_of_month(facts.basic_charge.running_days_per_month, determinants.month, known)
    return Decimal(days) / rule.value, f" × {days}/{rule.value:f} d", (rule.citation.confidence,)


def _needed(value: Decimal | None, what: str) -> Decimal:
    if value is None or value <= 0:
        raise UsageError(f"A two-part contract on this basis needs a {what} above 0.", "Complete the contract in the customer file.")
    return value
