"""Advice in yuan: the month is priced again by the same engine with one thing changed; the difference is the
saving.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.codes import DemandBasis, PricingScheme, TouPeriod
from pipelines.facts import Facts
from pipelines.facts.contract_rules import NoticeRule
from pipelines.money import whole_steps
from pipelines.tariff import (
    Contract,
    Determinants,
    PricedMonth,
    SupplyMonth,
    missing_inputs,
    price_supply,
    supply_of,
)
from pipelines.tariff.whatif.changed_supplies import with_compensation, with_less_energy, with_shifted_energy
from pipelines.tariff.whatif.choices import basic_charge_choices
from products.efficiency_bill.case.case import DayUsage
from products.efficiency_bill.settings import EfficiencyBillSettings

_BASIS = {
    DemandBasis.CAPACITY: ("按变压器容量", "by transformer capacity"),
    DemandBasis.CONTRACT_DEMAND: ("按合同最大需量", "by contract demand"),
    DemandBasis.ACTUAL_DEMAND: ("按实际最大需量", "by actual demand"),
}

_EVERY = {1: ("按月", "monthly"), 3: ("按季", "quarterly"), 12: ("按年", "yearly")}


@dataclass(frozen=True)
class Situation:
    """What advice is drawn from.

    recent_demand_kw    Highest demands of the month and the two before, where known. [kW]
    baseline            expected, low and high energy of the month, or None. [kWh]
    intensity           own, median and best-quartile use of the peers and the floor area, or None. [kWh/m2,
                        m2]
    usage               What the days of the month tell, or None.
    supply              The month in segments where one contract does not price it whole; contract and
                        determinants do not give its total.
    """

    contract: Contract
    determinants: Determinants
    priced: PricedMonth
    recent_demand_kw: Sequence[Decimal]
    baseline: tuple[float, float, float] | None
    intensity: tuple[float, float, float, float] | None
    usage: DayUsage | None
    supply: SupplyMonth | None = None

    @property
    def billed(self) -> SupplyMonth:
        """What the bill prices."""
        return self.supply or supply_of(self.contract, self.determinants)


Found = dict[str, Any] | None


def advise(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> list[dict[str, Any]]:
    """Advices ranked by saving, each priced by itself; fewer where fewer can be computed honestly.

    What changes the terms or the hours of supply comes before what asks for less energy; of either kind the
    largest savings are chosen.
    Of all that changes what the basic charge is raised on only the best stands.
    """
    found: dict[str, dict[str, Any]] = {}
    for rule in _RULES:
        advice = rule(situation, facts, settings)
        if advice is not None and advice["saving_cny"] >= Decimal(repr(settings.least_saving_cny)):
            found[advice["advice_id"]] = advice
    chosen = sorted(found.values(), key=_by_kind)[: settings.advice_count]
    return [{"rank": rank, **advice} for rank, advice in enumerate(sorted(chosen, key=_by_saving), start=1)]


def _by_kind(advice: dict[str, Any]) -> tuple[bool, bool, Decimal, str]:
    return advice["advice_id"] in _FILLING, advice["advice_id"] in _LESS_ENERGY, *_by_saving(advice)


def _by_saving(advice: dict[str, Any]) -> tuple[Decimal, str]:
    return -advice["saving_cny"], advice["advice_id"]


def _advice(
    number: int, saving: Decimal, zh: str, en: str, assumption_zh: str, assumption_en: str, **inputs: Any
) -> dict[str, Any]:
    return {
        "advice_id": f"EB-A{number:02d}",
        "saving_cny": saving,
        "advice_zh": zh,
        "advice_en": en,
        "assumption_zh": assumption_zh,
        "assumption_en": assumption_en,
        "advice_inputs": json.dumps(inputs, sort_keys=True, default=str, ensure_ascii=False),
    }


def repriced(situation: Situation, facts: Facts, other: SupplyMonth) -> Decimal:
    """What the month would have cost less. [CNY]"""
    return situation.priced.total_cny - price_supply(other, facts).total_cny


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
    highest demand of three months.

    None for a month in segments: its terms changed inside it, and what another basis would have saved then
    says nothing of the next month.
    Without a history there is none: fitted to the month that is over, it would always have been right.
    """
    contract, measured, history = situation.contract, situation.determinants, situation.recent_demand_kw
    if (
        situation.supply is not None
        or contract.pricing_scheme is not PricingScheme.TWO_PART
        or contract.demand_basis is None
    ):
        return {}
    if (
        not contract.running_capacity_kva or not contract.contract_capacity_kva
    ):  # nothing to hold a demand against
        return {}
    expected = replace(measured, max_demand_kw=max(history)) if history else measured
    choices = basic_charge_choices(contract, [expected], facts, step_kw=settings.contract_demand_step_kw)
    terms = {
        basis: month.contract
        for choice in choices
        for month in choice.months
        if (basis := month.contract.demand_basis) is not None
    }
    return {
        basis: (repriced(situation, facts, supply_of(other, measured)), other)
        for basis, other in terms.items()
        if (history or basis is not DemandBasis.CONTRACT_DEMAND) and not missing_inputs(other, measured)
    }


def _basic_charge(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """The cheapest basis with its best terms; of two that save the same the one that is agreed."""
    contract, current = situation.contract, situation.contract.demand_basis
    terms = _terms_by_basis(situation, facts, settings)
    if current is None or not terms:
        return None
    advised = min(terms, key=lambda basis: (-terms[basis][0], basis is not current, basis))
    saving, other = terms[advised]
    if saving <= 0:
        return None
    first_day = situation.determinants.month.first_day
    fitted, highest = other.contract_demand_kw, max(situation.recent_demand_kw, default=None)
    if advised is current:
        monthly_zh, monthly_en = _notice(facts.basic_charge.contract_demand_change.on(first_day))
        agreed = (contract.contract_demand_kw or Decimal(0)).normalize()
        return _advice(
            2,
            saving,
            f"合同最大需量由 {agreed:f} kW 调至 {fitted:f} kW，本月可少付约 {saving:,.2f} 元。",
            f"A contract demand of {fitted:f} kW instead of {agreed:f} kW would have cost {saving:,.2f} CNY less.",
            f"按近三个月的最高需量，此合同需量最省；合同需量{monthly_zh}。",
            f"The cheapest for the highest demand of three months; it {monthly_en}.",
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
        assumption_zh += f"按近三个月的最高需量，此合同需量最省；合同需量{monthly_zh}。"
        assumption_en += (
            f" The contract demand is the cheapest for the highest demand of three months; it {monthly_en}."
        )
        inputs |= {"advised_kw": fitted, "highest_kw": highest}
    return _advice(
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
    month, now = situation.billed, situation.priced.power_factor
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
    return _advice(
        3,
        saving,
        f"加装约 {bank} kvar 无功补偿，把功率因数由 {now:.2f} 提到 {standard:.2f}，本月可少付约 {saving:,.2f} 元。",
        f"About {bank} kvar of capacitors, raising the power factor from {now:.2f} to {standard:.2f}, would have saved {saving:,.2f} CNY.",
        f"按月平均有功功率估算容量；{over_zh}由专业人员核定并防止过补偿；不含设备投资。",
        f"Sized by mean active power; to be checked by an expert against over-compensation; without the cost of the bank.{over_en}",
        power_factor=now,
        standard=standard,
        bank_kvar=bank,
        kvarh_compensated=compensated,
    )


def _shift(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    share, away = Decimal(repr(settings.shifted_peak_ratio)), (TouPeriod.SHARP, TouPeriod.PEAK)
    after, total = with_shifted_energy(
        situation.billed, share, away, TouPeriod.VALLEY, situation.determinants.resolution_kwh
    )
    saving = repriced(situation, facts, after)
    if total == 0 or saving <= 0:
        return None
    return _advice(
        4,
        saving,
        f"把 {share:.0%} 的尖峰、高峰电量（{total:,.0f} kWh）移到低谷，本月可少付约 {saving:,.2f} 元。",
        f"Moving {share:.0%} of sharp and peak energy ({total:,.0f} kWh) into the valley would have saved {saving:,.2f} CNY.",
        "假定生产安排允许，且最大需量不变。",
        "Provided that production allows it and the maximum demand stays.",
        shifted_kwh=total,
        share=share,
    )


def _less_energy(situation: Situation, facts: Facts, saved_kwh: float) -> tuple[Decimal, Decimal] | None:
    """Energy saved and what it saves; the periods keep their shares, demand and reactive energy stay. [kWh,
    CNY]
    """
    resolution = situation.determinants.resolution_kwh
    saved = whole_steps(Decimal(repr(saved_kwh)), resolution)
    if saved <= 0 or saved >= situation.billed.energy_kwh:
        return None
    saving = repriced(situation, facts, with_less_energy(situation.billed, saved, resolution))
    return (saved, saving) if saving > 0 else None


def _unchanged(situation: Situation) -> tuple[str, str]:
    """What a saving of energy leaves as it is, where the bill knows of it."""
    if situation.determinants.energy_by_period is None:
        return "", ""
    return "分时比例、最大需量和无功电量不变。", " Period shares, demand and reactive energy unchanged."


def _to_baseline(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Only above the expectation: the band's lower edge says how unsure the baseline is, not what can be
    reached.
    """
    if situation.baseline is None:
        return None
    expected = situation.baseline[0]
    found = _less_energy(situation, facts, float(situation.determinants.energy_kwh) - expected)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    return _advice(
        5,
        saving,
        f"用电回到自身基线（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"Use at its own baseline ({saved:,.0f} kWh less) would have saved {saving:,.2f} CNY.",
        "基线由往期用电和气温推算，不考虑本月经营变化。" + kept_zh,
        "The baseline follows past use and weather; it does not know of changes in the business." + kept_en,
        goal_kwh=round(expected, 2),
        saved_kwh=saved,
    )


def _to_peers(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    if situation.intensity is None:
        return None
    own, median, best, area = situation.intensity
    goal, zh, en = (
        (median, "同类中位数", "the peers' median")
        if own > median
        else (best, "同类前四分之一水平", "the peers' best quarter")
    )
    found = _less_energy(situation, facts, (own - goal) * area / 2)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    return _advice(
        6,
        saving,
        f"单位面积用电与{zh}的差距缩小一半（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"Closing half the gap to {en} per square metre ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "同类按主要用途划分，未区分设备与营业时间。" + kept_zh,
        "Peers share the main use; equipment and opening hours may differ." + kept_en,
        own_kwh_per_m2=round(own, 4),
        goal_kwh_per_m2=round(goal, 4),
        saved_kwh=saved,
    )


def _base_load(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    base = situation.usage.base_load_kwh if situation.usage else 0.0
    found = _less_energy(situation, facts, base * settings.base_load_cut_ratio)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    share, lowest = f"{settings.base_load_cut_ratio:.0%}", f"{settings.lowest_day_ratio:.0%}"
    return _advice(
        7,
        saving,
        f"把不停歇的基础负荷降低 {share}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"A base load lower by {share} ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        f"基础负荷取本月用电最低的 {lowest} 的日子；可查通风、水泵、待机设备。{kept_zh}",
        f"The base load is that of the month's lowest {lowest} of days; look at ventilation, pumps, standby.{kept_en}",
        base_load_kwh=round(base, 2),
        cut_ratio=settings.base_load_cut_ratio,
        saved_kwh=saved,
    )


def _weekend(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    excess = situation.usage.weekend_excess_kwh if situation.usage else 0.0
    found = _less_energy(situation, facts, excess * settings.weekend_cut_ratio)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    share = f"{settings.weekend_cut_ratio:.0%}"
    return _advice(
        8,
        saving,
        f"周末高于基础负荷的用电减少 {share}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"{share} less weekend use above the base load ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "假定周末用电并非经营所必需。" + kept_zh,
        "Provided that the weekend's use is not needed for business." + kept_en,
        weekend_excess_kwh=round(excess, 2),
        cut_ratio=settings.weekend_cut_ratio,
        saved_kwh=saved,
    )


def _high_days(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    excess, level = (
        (situation.usage.high_excess_kwh, situation.usage.high_day_kwh) if situation.usage else (0.0, 0.0)
    )
    found = _less_energy(situation, facts, excess)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    share = f"{settings.highest_day_ratio:.0%}"
    return _advice(
        9,
        saving,
        f"用电最高的 {share} 的日子降到每天 {level:,.0f} kWh（共少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"The highest {share} of days at {level:,.0f} kWh a day ({saved:,.0f} kWh less) would have saved {saving:,.2f} CNY.",
        "假定这些日子的高用电不是天气或业务所必需。" + kept_zh,
        "Provided that neither weather nor business needs the higher use on these days." + kept_en,
        high_day_kwh=round(level, 2),
        high_excess_kwh=round(excess, 2),
        saved_kwh=saved,
    )


def _use_above_base(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    if situation.usage is None:
        return None
    excess = float(situation.determinants.energy_kwh) - situation.usage.base_load_kwh
    found = _less_energy(situation, facts, excess * settings.use_above_base_cut_ratio)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    share = f"{settings.use_above_base_cut_ratio:.0%}"
    return _advice(
        10,
        saving,
        f"把高于基础负荷的用电减少 {share}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"{share} less use above the base load ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "例如空调、照明和设备晚开早关；假定不影响经营。" + kept_zh,
        "Such as switching cooling, light and machines on later and off earlier; provided that the business allows it."
        + kept_en,
        above_base_kwh=round(excess, 2),
        cut_ratio=settings.use_above_base_cut_ratio,
        saved_kwh=saved,
    )


_RULES: tuple[Callable[[Situation, Facts, EfficiencyBillSettings], Found], ...] = (
    _basic_charge,
    _capacitor,
    _shift,
    _to_baseline,
    _to_peers,
    _base_load,
    _weekend,
    _high_days,
    _use_above_base,
)
_LESS_ENERGY = frozenset(("EB-A05", "EB-A06", "EB-A07", "EB-A08", "EB-A09", "EB-A10"))
# Says least of where to look, so it only fills a place that would stay empty.
_FILLING = frozenset(("EB-A10",))
