"""Advice in yuan: the month is priced again by the same engine with one thing changed; the difference is the
saving.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipelines.codes import DemandBasis, PricingScheme, TouPeriod
from pipelines.facts import Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.tariff import Contract
from pipelines.tariff.whatif.changed_supplies import under, with_compensation, with_shifted_energy
from pipelines.tariff.whatif.choices import basic_charge_choices
from products.efficiency_bill.advice.less_energy import (
    base_load,
    high_days,
    on_weekends,
    to_baseline,
    to_peers,
    use_above_base,
)
from products.efficiency_bill.advice.situation import Advice, Found, Situation, advice_of, repriced
from products.efficiency_bill.rows import EfficiencyBillAdviceV1Inside
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


def advise(
    situation: Situation, facts: Facts, settings: EfficiencyBillSettings
) -> list[EfficiencyBillAdviceV1Inside]:
    """Advices ranked by saving, each priced by itself; fewer where fewer can be computed honestly.

    What changes the terms or the hours of supply comes before what asks for less energy; of either kind the
    largest savings are chosen.
    Of all that changes what the basic charge is raised on only the best stands.
    """
    found: dict[str, Advice] = {}
    for rule in _RULES:
        advice = rule(situation, facts, settings)
        if advice is not None and advice["saving_cny"] >= Decimal(repr(settings.least_saving_cny)):
            found[advice["advice_id"]] = advice
    chosen = sorted(found.values(), key=_by_kind)[: settings.advice_count]
    return [{"rank": rank, **advice} for rank, advice in enumerate(sorted(chosen, key=_by_saving), start=1)]


def _by_kind(advice: Advice) -> tuple[bool, bool, Decimal, str]:
    return advice["advice_id"] in _FILLING, advice["advice_id"] in _LESS_ENERGY, *_by_saving(advice)


def _by_saving(advice: Advice) -> tuple[Decimal, str]:
    return -advice["saving_cny"], advice["advice_id"]


def _notice(rule: NoticeRule) -> tuple[str, str]:
    """How often a term may change and how long before, in words."""
    zh, en = _EVERY.get(
        rule.every_months, (f"每 {rule.every_months} 个月", f"every {rule.every_months} months")
    )
    return (
        f"可{zh}变更，须提前{rule.notice_working_days}个工作日申请",
        f"may change {en}, {rule.notice_working_days} working days ahead",
    )


def _terms_by_basis(
    situation: Situation, facts: Facts, settings: EfficiencyBillSettings
) -> dict[DemandBasis, tuple[Decimal, Contract]]:
    """Of each demand basis the saving in this month and the terms; a contract demand is the cheapest for the
    highest demand of the latest months.

    None for a month in segments: its terms changed inside it, and what another basis would have saved then
    says nothing of the next month.
    Without a history there is none: fitted to the month that is over, it would always have been right.
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
    expected = supply
    if history:
        highest = replace(supply.segments[0], max_demand_kw=max(history))
        expected = replace(supply, segments=(highest,))
    choices = basic_charge_choices([expected], facts, step_kw=settings.contract_demand_step_kw)
    terms: dict[DemandBasis, tuple[Decimal, Contract]] = {}
    for other in (choice.months[0].supply.contract for choice in choices):
        basis = other.demand_basis
        then = under(supply, demand_basis=basis, contract_demand_kw=other.contract_demand_kw)
        is_known = bool(history) or basis is not DemandBasis.CONTRACT_DEMAND
        if basis is not None and is_known and not then.missing_inputs:
            terms[basis] = (repriced(situation, facts, then), other)
    return terms


def _basic_charge(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
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
    if advised is current:
        monthly_zh, monthly_en = _notice(facts.basic_charge.contract_demand_change.on(first_day))
        agreed = (contract.contract_demand_kw or Decimal(0)).normalize()
        return advice_of(
            2,
            saving,
            f"合同最大需量由 {agreed:f} kW 调至 {fitted:f} kW，本月可少付约 {saving:,.2f} 元。",
            (
                f"A contract demand of {fitted:f} kW instead of {agreed:f} kW would have cost {saving:,.2f} "
                "CNY less."
            ),
            f"按近{months_zh}个月的最高需量，此合同需量最省；合同需量{monthly_zh}。",
            f"The cheapest for the highest demand of {months_en} months; it {monthly_en}.",
            contract_demand_kw=contract.contract_demand_kw,
            advised_kw=fitted,
            highest_kw=highest,
        )
    zh, en = _BASIS[advised]
    notice_zh, notice_en = _notice(facts.basic_charge.basis_change.on(first_day))
    assumption_zh, assumption_en = (
        f"按本月用电重新计价；计费方式{notice_zh}。",
        f"The month priced again; the basis {notice_en}.",
    )
    inputs: dict[str, Any] = {"basis_now": current.value, "basis_advised": advised.value}
    if advised is DemandBasis.CONTRACT_DEMAND:
        monthly_zh, monthly_en = _notice(facts.basic_charge.contract_demand_change.on(first_day))
        zh, en = f"{zh}（{fitted:f} kW）", f"{en} ({fitted:f} kW)"
        assumption_zh += f"按近{months_zh}个月的最高需量，此合同需量最省；合同需量{monthly_zh}。"
        cheapest = f"the cheapest for the highest demand of {months_en} months"
        assumption_en += f" The contract demand is {cheapest}; it {monthly_en}."
        inputs |= {"advised_kw": fitted, "highest_kw": highest}
    return advice_of(
        1,
        saving,
        f"基本电费改为{zh}计收，本月可少付约 {saving:,.2f} 元。",
        f"Basic charge {en} would have cost {saving:,.2f} CNY less this month.",
        assumption_zh,
        assumption_en,
        **inputs,
    )


def _capacitor(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Up to the standard: beyond it a bonus would need figures of the plant that no meter tells."""
    month, now = situation.supply, situation.priced.power_factor
    standards = {segment.contract.power_factor_standard for segment in month.segments} - {None}
    standard = (
        standards.pop() if len(standards) == 1 else None
    )  # with several there is no one factor to reach
    if (
        standard is None
        or now is None
        or now >= standard
        or month.lagging_kvarh is None
        or month.leading_kvarh is None
    ):
        return None
    if not month.energy_kwh:  # no bank gives a power factor to a month without active energy
        return None
    then = with_compensation(month, standard)
    compensated = month.lagging_kvarh - (then.lagging_kvarh or Decimal(0))
    saving, step = repriced(situation, facts, then), settings.capacitor_step_kvar
    bank = step * math.ceil(float(compensated) / (month.month.day_count * 24) / step)
    if saving <= 0:
        return None
    leads = abs(month.leading_kvarh)
    over_zh = f"本月已有 {leads:,.0f} kvarh 超前无功，须自动投切、" if leads else ""
    over_en = f" {leads:,.0f} kvarh were leading already: switch automatically." if leads else ""
    return advice_of(
        3,
        saving,
        (
            f"加装约 {bank} kvar 无功补偿，把功率因数由 {now:.2f} 提到 {standard:.2f}，本月可少付约 "
            f"{saving:,.2f} 元。"
        ),
        (
            f"About {bank} kvar of capacitors, raising the power factor from {now:.2f} to {standard:.2f}, "
            f"would have saved {saving:,.2f} CNY."
        ),
        f"按月平均有功功率估算容量；{over_zh}由专业人员核定并防止过补偿；不含设备投资。",
        (
            "Sized by mean active power; to be checked by an expert against over-compensation; without the "
            f"cost of the bank.{over_en}"
        ),
        power_factor=now,
        standard=standard,
        bank_kvar=bank,
        kvarh_compensated=compensated,
    )


def _shift(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    share, away = Decimal(repr(settings.shifted_peak_ratio)), (TouPeriod.SHARP, TouPeriod.PEAK)
    after, total = with_shifted_energy(situation.supply, share, away, TouPeriod.VALLEY)
    saving = repriced(situation, facts, after)
    if total == 0 or saving <= 0:
        return None
    return advice_of(
        4,
        saving,
        f"把 {share:.0%} 的尖峰、高峰电量（{total:,.0f} kWh）移到低谷，本月可少付约 {saving:,.2f} 元。",
        (
            f"Moving {share:.0%} of sharp and peak energy ({total:,.0f} kWh) into the valley would have "
            f"saved {saving:,.2f} CNY."
        ),
        "假定生产安排允许，且最大需量不变。",
        "Provided that production allows it and the maximum demand stays.",
        shifted_kwh=total,
        share=share,
    )


_RULES: tuple[Callable[[Situation, Facts, EfficiencyBillSettings], Found], ...] = (
    _basic_charge,
    _capacitor,
    _shift,
    to_baseline,
    to_peers,
    base_load,
    on_weekends,
    high_days,
    use_above_base,
)
_LESS_ENERGY = frozenset(("EB-A05", "EB-A06", "EB-A07", "EB-A08", "EB-A09", "EB-A10"))
# Says least of where to look, so it only fills a place that would stay empty.
_FILLING = frozenset(("EB-A10",))
