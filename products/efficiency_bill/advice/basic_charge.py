"""Advice on what the basic charge is raised on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipelines.codes import ChangeBegin, DemandBasis, PricingScheme
from pipelines.facts import Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.tariff import Contract, SupplyMonth
from pipelines.tariff.whatif.changed_supplies import under
from pipelines.tariff.whatif.choices import basic_charge_choices
from products.efficiency_bill.advice.situation import Proposal, Situation, advice_of, repriced
from products.efficiency_bill.settings import EfficiencyBillSettings

_BASIS = {
    DemandBasis.CAPACITY: ("按变压器容量", "by transformer capacity"),
    DemandBasis.CONTRACT_DEMAND: ("按合同最大需量", "by contract demand"),
    DemandBasis.ACTUAL_DEMAND: ("按实际最大需量", "by actual demand"),
}

_COUNTED = {
    2: ("两", "two"),
    3: ("三", "three"),
    4: ("四", "four"),
    5: ("五", "five"),
    6: ("六", "six"),
    7: ("七", "seven"),
    8: ("八", "eight"),
    9: ("九", "nine"),
    10: ("十", "ten"),
}
_EVERY = {1: ("按月", "monthly"), 3: ("按季", "quarterly"), 12: ("按年", "yearly")}


def _notice(rule: NoticeRule, situation: Situation) -> tuple[str, str]:
    """How often a term may change, how long before and from when, in words."""
    zh, en = _EVERY.get(
        rule.every_months, (f"每 {rule.every_months} 个月", f"every {rule.every_months} months")
    )
    is_by_quarter = rule.begins is ChangeBegin.QUARTER and situation.grounds is not None
    begins = ("，自下一自然季度起执行", ", from the next natural quarter on") if is_by_quarter else ("", "")
    return (
        f"可{zh}变更，须提前{rule.notice_working_days}个工作日申请{begins[0]}",
        f"may change {en}, {rule.notice_working_days} working days ahead{begins[1]}",
    )


def _risk(situation: Situation, facts: Facts, contract_demand_kw: Decimal | None) -> tuple[str, str]:
    """From which demand on a contract demand is charged more than it, in words; nothing of a case that an
    earlier version kept.
    """
    if situation.grounds is None or contract_demand_kw is None:
        return "", ""
    rule, contract = facts.basic_charge.demand.on(situation.supply.month.first_day), situation.supply.contract
    least = rule.minimum_capacity_ratio * (contract.running_capacity_kva or Decimal(0))
    limit, multiple = rule.tolerance_ratio * max(contract_demand_kw, least), rule.excess_multiple.normalize()
    return (
        f"最大需量超过 {limit:,.1f} kW 的部分按 {multiple:f} 倍计收。",
        f" What a demand exceeds {limit:,.1f} kW by is charged {multiple:f} times.",
    )


def _terms_by_basis(
    situation: Situation, facts: Facts, settings: EfficiencyBillSettings
) -> dict[DemandBasis, tuple[Decimal, Contract]]:
    """Of each demand basis the saving in this month and the terms; a contract demand is the cheapest for the
    highest demand of the latest months.

    None for a month in segments: its terms changed inside it, and what another basis would have saved then
    says nothing of the next month.
    Without all of these months there is none: fitted to the month that is over, it would always have been
    right.
    """
    supply, history = situation.supply, situation.recent_demand_kw
    contract = supply.contract
    if (
        not supply.is_whole
        or contract.pricing_scheme is not PricingScheme.TWO_PART
        or contract.demand_basis is None
    ):
        return {}
    if (
        not contract.running_capacity_kva or not contract.contract_capacity_kva
    ):  # nothing to hold a demand against
        return {}
    # A case that an earlier version kept is advised as it was then.
    has_history = len(history) >= (1 if situation.grounds is None else settings.demand_months)
    expected = supply
    if history:
        highest = replace(supply.segments[0], max_demand_kw=max(history))
        expected = replace(supply, segments=(highest,))
    choices = basic_charge_choices([expected], facts, step_kw=settings.contract_demand_step_kw)
    terms: dict[DemandBasis, tuple[Decimal, Contract]] = {}
    for other in (choice.months[0].supply.contract for choice in choices):
        basis = other.demand_basis
        then = under(supply, demand_basis=basis, contract_demand_kw=other.contract_demand_kw)
        is_known = has_history or basis is not DemandBasis.CONTRACT_DEMAND
        if basis is not None and is_known and not then.missing_inputs:
            terms[basis] = (repriced(situation, facts, then), other)
    return terms


def basic_charge(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """The cheapest basis with its best terms; of two that save the same the one that is agreed."""
    contract = situation.supply.contract
    current, terms = contract.demand_basis, _terms_by_basis(situation, facts, settings)
    if current is None or not terms:
        return None
    advised = min(terms, key=lambda basis: (-terms[basis][0], basis is not current, basis))
    saving, other = terms[advised]
    if saving <= 0:
        return None
    first_day = situation.supply.month.first_day
    months_zh, months_en = _COUNTED[settings.demand_months]
    fitted, highest = other.contract_demand_kw, max(situation.recent_demand_kw, default=None)
    said = situation.said(saving)
    risk_zh, risk_en = _risk(situation, facts, fitted)

    def change(supply: SupplyMonth) -> SupplyMonth:
        return under(supply, demand_basis=other.demand_basis, contract_demand_kw=fitted)

    if advised is current:
        monthly_zh, monthly_en = _notice(facts.basic_charge.contract_demand_change.on(first_day), situation)
        agreed = (contract.contract_demand_kw or Decimal(0)).normalize()
        advice = advice_of(
            2,
            saving,
            f"合同最大需量由 {agreed:f} kW 调至 {fitted:f} kW，本月可少付约 {said} 元。",
            (f"A contract demand of {fitted:f} kW instead of {agreed:f} kW would have cost {said} CNY less."),
            f"按近{months_zh}个月的最高需量，此合同需量最省；合同需量{monthly_zh}。{risk_zh}",
            f"The cheapest for the highest demand of {months_en} months; it {monthly_en}.{risk_en}",
            contract_demand_kw=contract.contract_demand_kw,
            advised_kw=fitted,
            highest_kw=highest,
        )
        return Proposal(advice, change)
    zh, en = _BASIS[advised]
    notice_zh, notice_en = _notice(facts.basic_charge.basis_change.on(first_day), situation)
    assumption_zh, assumption_en = (
        f"按本月用电重新计价；计费方式{notice_zh}。",
        f"The month priced again; the basis {notice_en}.",
    )
    inputs: dict[str, Any] = {"basis_now": current.value, "basis_advised": advised.value}
    if advised is DemandBasis.CONTRACT_DEMAND:
        monthly_zh, monthly_en = _notice(facts.basic_charge.contract_demand_change.on(first_day), situation)
        zh, en = f"{zh}（{fitted:f} kW）", f"{en} ({fitted:f} kW)"
        assumption_zh += f"按近{months_zh}个月的最高需量，此合同需量最省；合同需量{monthly_zh}。{risk_zh}"
        cheapest = f"the cheapest for the highest demand of {months_en} months"
        assumption_en += f" The contract demand is {cheapest}; it {monthly_en}.{risk_en}"
        inputs |= {"advised_kw": fitted, "highest_kw": highest}
    advice = advice_of(
        1,
        saving,
        f"基本电费改为{zh}计收，本月可少付约 {said} 元。",
        f"Basic charge {en} would have cost {said} CNY less this month.",
        assumption_zh,
        assumption_en,
        **inputs,
    )
    return Proposal(advice, change)
