"""Advice in yuan: the month is priced again by the same engine with one thing changed; the difference is the saving."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.codes import DemandBasis, PricingScheme, TouPeriod
from pipelines.facts import Facts
from pipelines.money import round_half_up
from pipelines.tariff import Contract, Determinants, PricedMonth, missing_inputs, price_month
from products.efficiency_bill.settings import EfficiencyBillSettings

_BASIS = {
    DemandBasis.CAPACITY: ("按变压器容量", "by transformer capacity"),
    DemandBasis.CONTRACT_DEMAND: ("按合同最大需量", "by contract demand"),
    DemandBasis.ACTUAL_DEMAND: ("按实际最大需量", "by actual demand"),
}


@dataclass(frozen=True)
class Situation:
    """What advice is drawn from.

    recent_demand_kw    Highest demands of the month and the two before, where known. [kW]
    baseline            expected, low and high energy of the month, or None. [kWh]
    intensity           own, median and best-quartile use of the peers and the floor area, or None. [kWh/m2, m2]
    base_load_kwh       Energy of the month if every day were like its lowest tenth, or None. [kWh]
    weekend_excess_kwh  Energy of Saturdays and Sundays above that base load, or None. [kWh]
    """

    contract: Contract
    determinants: Determinants
    priced: PricedMonth
    recent_demand_kw: Sequence[Decimal]
    baseline: tuple[float, float, float] | None
    intensity: tuple[float, float, float, float] | None
    base_load_kwh: float | None
    weekend_excess_kwh: float | None


Found = dict[str, Any] | None


def advise(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> list[dict[str, Any]]:
    """The advices with the largest savings; fewer where fewer can be computed honestly. Never two that change the same thing."""
    found: list[dict[str, Any]] = []
    for rule in _RULES:
        advice = rule(situation, facts, settings)
        if advice is not None and advice["saving_cny"] >= Decimal(repr(settings.least_saving_cny)):
            found.append(advice)
    ordered = sorted(found, key=lambda advice: (-advice["saving_cny"], advice["advice_id"]))
    kept = [advice for place, advice in enumerate(ordered) if not any(_same_lever(advice, better) for better in ordered[:place])]
    chosen = kept[: settings.advice_count]
    return [{"rank": rank, **advice} for rank, advice in enumerate(chosen, start=1)]


# Both change the basic charge: whoever follows one has no use for the other.
_SAME_LEVER = frozenset({"EB-A01", "EB-A02"})


def _same_lever(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {one["advice_id"], other["advice_id"]} == _SAME_LEVER


def _advice(number: int, saving: Decimal, zh: str, en: str, assumption_zh: str, assumption_en: str, **inputs: Any) -> dict[str, Any]:
    return {
        "advice_id": f"EB-A{number:02d}",
        "saving_cny": saving,
        "advice_zh": zh,
        "advice_en": en,
        "assumption_zh": assumption_zh,
        "assumption_en": assumption_en,
        "advice_inputs": json.dumps(inputs, sort_keys=True, default=str, ensure_ascii=False),
    }


def repriced(situation: Situation, facts: Facts, contract: Contract | None = None, determinants: Determinants | None = None) -> Decimal:
    """What the month would have cost less. [CNY]"""
    other = price_month(contract or situation.contract, determinants or situation.determinants, facts)
    return situation.priced.total_cny - other.total_cny


def _basis(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    contract, current = situation.contract, situation.contract.demand_basis
    if contract.pricing_scheme is not PricingScheme.TWO_PART or current is None:
        return None
    best: tuple[Decimal, DemandBasis] | None = None
    for basis in DemandBasis:
        other = replace(contract, demand_basis=basis)
        needs_demand = basis is DemandBasis.CONTRACT_DEMAND and contract.contract_demand_kw is None
        if basis is current or needs_demand or (basis is DemandBasis.CAPACITY and contract.running_capacity_kva is None):
            continue
        if missing_inputs(other, situation.determinants):
            continue
        saving = repriced(situation, facts, contract=other)
        if best is None or saving > best[0]:
            best = (saving, basis)
    if best is None or best[0] <= 0:
        return None
    zh, en = _BASIS[best[1]]
    return _advice(
        1, best[0],
        f"基本电费改为{zh}计收，本月可少付约 {best[0]:,.2f} 元。", f"Basic charge {en} would have cost {best[0]:,.2f} CNY less this month.",
        "按本月用电重新计价；计费方式可按季变更，须提前15个工作日申请。", "The month priced again; the basis may change quarterly, 15 working days ahead.",
        basis_now=current.value, basis_advised=best[1].value,
    )  # fmt: skip


def _contract_demand(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    contract = situation.contract
    if contract.demand_basis is not DemandBasis.CONTRACT_DEMAND or contract.contract_demand_kw is None or not situation.recent_demand_kw:
        return None
    rule = facts.basic_charge.demand.on(situation.determinants.month.first_day)
    fitted = Decimal(math.ceil(max(situation.recent_demand_kw) / rule.tolerance_ratio / 10) * 10)
    if fitted >= contract.contract_demand_kw:
        return None
    saving = repriced(situation, facts, contract=replace(contract, contract_demand_kw=fitted))
    if saving <= 0:
        return None
    return _advice(
        2, saving,
        f"合同最大需量由 {contract.contract_demand_kw:f} kW 调至 {fitted:f} kW，本月可少付约 {saving:,.2f} 元。",
        f"A contract demand of {fitted:f} kW instead of {contract.contract_demand_kw:f} kW would have cost {saving:,.2f} CNY less.",
        "按近三个月最高需量并留容许范围；合同需量可按月变更，须提前5个工作日申请。",
        "By the highest demand of three months within the band allowed; may change monthly, 5 working days ahead.",
        contract_demand_kw=contract.contract_demand_kw, advised_kw=fitted, highest_kw=max(situation.recent_demand_kw),
    )  # fmt: skip


def _capacitor(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Qc = P (tan phi1 - tan phi2); the leading part stays, the lagging part falls to what the standard allows."""
    standard, now = situation.contract.power_factor_standard, situation.priced.power_factor
    measured = situation.determinants
    if standard is None or now is None or now >= standard or measured.lagging_kvarh is None or measured.leading_kvarh is None:
        return None
    active, reactive = float(measured.energy_kwh), float(measured.lagging_kvarh + abs(measured.leading_kvarh))
    allowed = active * math.tan(math.acos(float(standard)))
    needed = Decimal(repr(reactive - allowed)).quantize(Decimal("0.01"))
    lagging = max(measured.lagging_kvarh - needed, Decimal(0))
    saving = repriced(situation, facts, determinants=replace(measured, lagging_kvarh=lagging))
    hours = measured.month.day_count * 24
    bank = math.ceil((reactive - allowed) / hours / 10) * 10
    if saving <= 0:
        return None
    return _advice(
        3, saving,
        f"加装约 {bank} kvar 无功补偿，把功率因数由 {now} 提到 {standard}，本月可少付约 {saving:,.2f} 元。",
        f"About {bank} kvar of capacitors, raising the power factor from {now} to {standard}, would have saved {saving:,.2f} CNY.",
        "按月平均有功功率估算容量，须由专业人员核定并防止过补偿；不含设备投资。",
        "Sized by mean active power; to be checked by an expert against over-compensation; without the cost of the bank.",
        power_factor=now, standard=standard, bank_kvar=bank, kvarh_compensated=needed,
    )  # fmt: skip


def _shift(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    parts = situation.determinants.energy_by_period
    if not situation.contract.is_time_of_use or not parts:
        return None
    share, step = Decimal(repr(settings.shifted_peak_ratio)), situation.determinants.resolution_kwh
    moved = {period: _steps(parts.get(period, Decimal(0)) * share, step) for period in (TouPeriod.SHARP, TouPeriod.PEAK)}
    total = sum(moved.values(), Decimal(0))
    after = {period: parts.get(period, Decimal(0)) - moved.get(period, Decimal(0)) for period in TouPeriod}
    after[TouPeriod.VALLEY] += total
    saving = repriced(situation, facts, determinants=replace(situation.determinants, energy_by_period=after))
    if total == 0 or saving <= 0:
        return None
    return _advice(
        4, saving,
        f"把 {share:.0%} 的尖峰、高峰电量（{total:,.0f} kWh）移到低谷，本月可少付约 {saving:,.2f} 元。",
        f"Moving {share:.0%} of sharp and peak energy ({total:,.0f} kWh) into the valley would have saved {saving:,.2f} CNY.",
        "假定生产安排允许，且最大需量不变。", "Provided that production allows it and the maximum demand stays.",
        shifted_kwh=total, share=share,
    )  # fmt: skip


def _less_energy(situation: Situation, facts: Facts, saved_kwh: float) -> tuple[Decimal, Decimal] | None:
    """Energy saved and what it saves; only where no period split stands in the way."""
    measured = situation.determinants
    saved = _steps(Decimal(repr(saved_kwh)), measured.resolution_kwh)
    if saved <= 0 or saved >= measured.energy_kwh or measured.energy_by_period is not None:
        return None
    return saved, repriced(situation, facts, determinants=replace(measured, energy_kwh=measured.energy_kwh - saved))


def _to_baseline(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    if situation.baseline is None:
        return None
    expected, low, _ = situation.baseline
    actual = float(situation.determinants.energy_kwh)
    goal, zh, en = (expected, "回到自身基线", "its own baseline") if actual > expected else (low, "降到基线区间下沿", "the lower edge of its baseline band")
    found = _less_energy(situation, facts, actual - goal)
    if found is None:
        return None
    saved, saving = found
    return _advice(
        5, saving, f"用电{zh}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。", f"Use at {en} ({saved:,.0f} kWh less) would have saved {saving:,.2f} CNY.",
        "基线由往期用电和气温推算，不考虑本月经营变化。", "The baseline follows past use and weather; it does not know of changes in the business.",
        goal_kwh=round(goal, 2), saved_kwh=saved,
    )  # fmt: skip


def _to_peers(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    if situation.intensity is None:
        return None
    own, median, best, area = situation.intensity
    goal, zh, en = (median, "同类中位数", "the peers' median") if own > median else (best, "同类前四分之一水平", "the peers' best quarter")
    found = _less_energy(situation, facts, (own - goal) * area / 2)
    if found is None:
        return None
    saved, saving = found
    return _advice(
        6, saving, f"单位面积用电与{zh}的差距缩小一半（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"Closing half the gap to {en} per square metre ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "同类按主要用途划分，未区分设备与营业时间。", "Peers share the main use; equipment and opening hours may differ.",
        own_kwh_per_m2=round(own, 4), goal_kwh_per_m2=round(goal, 4), saved_kwh=saved,
    )  # fmt: skip


def _base_load(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    found = _less_energy(situation, facts, (situation.base_load_kwh or 0.0) * settings.base_load_cut_ratio)
    if found is None:
        return None
    saved, saving = found
    share = f"{settings.base_load_cut_ratio:.0%}"
    return _advice(
        7, saving, f"把不停歇的基础负荷降低 {share}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"A base load lower by {share} ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "基础负荷取本月用电最低的十分之一的日子；可查通风、水泵、待机设备。", "The base load is the month's lowest tenth of days; look at ventilation, pumps, standby.",
        base_load_kwh=round(situation.base_load_kwh or 0.0, 2), saved_kwh=saved,
    )  # fmt: skip


def _weekend(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    found = _less_energy(situation, facts, (situation.weekend_excess_kwh or 0.0) * settings.weekend_cut_ratio)
    if found is None:
        return None
    saved, saving = found
    share = f"{settings.weekend_cut_ratio:.0%}"
    return _advice(
        8, saving, f"周末高于基础负荷的用电减少 {share}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"{share} less weekend use above the base load ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        "假定周末用电并非经营所必需。", "Provided that the weekend's use is not needed for business.",
        weekend_excess_kwh=round(situation.weekend_excess_kwh or 0.0, 2), saved_kwh=saved,
    )  # fmt: skip


def _steps(value: Decimal, step: Decimal) -> Decimal:
    """The value as a whole number of register steps."""
    return round_half_up(value / step, Decimal(1)) * step


_RULES: tuple[Callable[[Situation, Facts, EfficiencyBillSettings], Found], ...] = (
    _basis, _contract_demand, _capacitor, _shift, _to_baseline, _to_peers, _base_load, _weekend,
)  # fmt: skip
