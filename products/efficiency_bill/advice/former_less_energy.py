"""Advice to use less: down to the baseline, to peers, at night, on weekends, on high days."""

from __future__ import annotations

from decimal import Decimal

from pipelines.facts import Facts
from pipelines.money import whole_steps
from pipelines.tariff.whatif.changed_supplies import with_less_energy
from products.efficiency_bill.advice.situation import Found, Situation, advice_of, repriced
from products.efficiency_bill.settings import EfficiencyBillSettings


def _less_energy(situation: Situation, facts: Facts, saved_kwh: float) -> tuple[Decimal, Decimal] | None:
    """Energy saved and what it saves; the periods keep their shares, demand and reactive energy stay. [kWh,
    CNY]
    """
    supply = situation.supply
    saved = whole_steps(Decimal(repr(saved_kwh)), supply.resolution_kwh)
    if saved <= 0 or saved >= supply.energy_kwh:
        return None
    saving = repriced(situation, facts, with_less_energy(supply, saved))
    return (saved, saving) if saving > 0 else None


def _unchanged(situation: Situation) -> tuple[str, str]:
    """What a saving of energy leaves as it is, where the bill knows of it."""
    if not situation.has_periods:
        return "", ""
    return "分时比例、最大需量和无功电量不变。", " Period shares, demand and reactive energy unchanged."


def to_baseline(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Only above the expectation: the band's lower edge says how unsure the baseline is, not what can be
    reached.
    """
    if situation.baseline is None:
        return None
    expected = situation.baseline[0]
    found = _less_energy(situation, facts, float(situation.energy_kwh) - expected)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    return advice_of(
        5,
        saving,
        f"用电回到自身基线（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"Use at its own baseline ({saved:,.0f} kWh less) would have saved {saving:,.2f} CNY.",
        "基线由往期用电和气温推算，不考虑本月经营变化。" + kept_zh,
        "The baseline follows past use and weather; it does not know of changes in the business." + kept_en,
        goal_kwh=round(expected, 2),
        saved_kwh=saved,
    )


def to_peers(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Down to what peers need for their floor area."""
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
    return advice_of(
        6,
        saving,
        f"单位面积用电与{zh}的差距缩小一半（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        (
            f"Closing half the gap to {en} per square metre ({saved:,.0f} kWh) would have saved "
            f"{saving:,.2f} CNY."
        ),
        "同类按主要用途划分，未区分设备与营业时间。" + kept_zh,
        "Peers share the main use; equipment and opening hours may differ." + kept_en,
        own_kwh_per_m2=round(own, 4),
        goal_kwh_per_m2=round(goal, 4),
        saved_kwh=saved,
    )


def base_load(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Less at night, when nobody should need much."""
    base = situation.usage.base_load_kwh if situation.usage else 0.0
    lowest = f"{settings.lowest_day_ratio:.0%}"
    return _cut(
        7,
        situation,
        facts,
        ("base_load_kwh", base, settings.base_load_cut_ratio),
        ("把不停歇的基础负荷降低 {share}", "A base load lower by {share}"),
        (
            f"基础负荷取本月用电最低的 {lowest} 的日子；可查通风、水泵、待机设备。",
            (
                f"The base load is that of the month's lowest {lowest} of days; look at ventilation, "
                "pumps, standby."
            ),
        ),
    )


def on_weekends(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Less on weekends."""
    excess = situation.usage.weekend_excess_kwh if situation.usage else 0.0
    return _cut(
        8,
        situation,
        facts,
        ("weekend_excess_kwh", excess, settings.weekend_cut_ratio),
        ("周末高于基础负荷的用电减少 {share}", "{share} less weekend use above the base load"),
        ("假定周末用电并非经营所必需。", "Provided that the weekend's use is not needed for business."),
    )


def high_days(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Less on the days that stand out."""
    excess, level = (
        (situation.usage.high_excess_kwh, situation.usage.high_day_kwh) if situation.usage else (0.0, 0.0)
    )
    found = _less_energy(situation, facts, excess)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    share = f"{settings.highest_day_ratio:.0%}"
    return advice_of(
        9,
        saving,
        (
            f"用电最高的 {share} 的日子降到每天 {level:,.0f} kWh（共少用 {saved:,.0f} kWh），本月可少付约 "
            f"{saving:,.2f} 元。"
        ),
        (
            f"The highest {share} of days at {level:,.0f} kWh a day ({saved:,.0f} kWh less) would have saved "
            f"{saving:,.2f} CNY."
        ),
        "假定这些日子的高用电不是天气或业务所必需。" + kept_zh,
        "Provided that neither weather nor business needs the higher use on these days." + kept_en,
        high_day_kwh=round(level, 2),
        high_excess_kwh=round(excess, 2),
        saved_kwh=saved,
    )


def use_above_base(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """Less of what stands above the base load."""
    if situation.usage is None:
        return None
    excess = float(situation.energy_kwh) - situation.usage.base_load_kwh
    return _cut(
        10,
        situation,
        facts,
        ("above_base_kwh", excess, settings.use_above_base_cut_ratio),
        ("把高于基础负荷的用电减少 {share}", "{share} less use above the base load"),
        (
            "例如空调、照明和设备晚开早关；假定不影响经营。",
            (
                "Such as switching cooling, light and machines on later and off earlier; provided "
                "that the business allows it."
            ),
        ),
    )


def _cut(
    number: int,
    situation: Situation,
    facts: Facts,
    part: tuple[str, float, float],
    goal: tuple[str, str],
    assumption: tuple[str, str],
) -> Found:
    """The advice to save a share of a part of the energy.

    part        Name of the part among the advice's inputs, its energy, and the share. [kWh, 1]
    goal        What is advised, in Chinese and English, with ``{share}`` where the share stands.
    assumption  What it rests on, likewise.
    """
    name, energy, ratio = part
    found = _less_energy(situation, facts, energy * ratio)
    if found is None:
        return None
    saved, saving = found
    kept_zh, kept_en = _unchanged(situation)
    goal_zh, goal_en = (text.format(share=f"{ratio:.0%}") for text in goal)
    return advice_of(
        number,
        saving,
        f"{goal_zh}（少用 {saved:,.0f} kWh），本月可少付约 {saving:,.2f} 元。",
        f"{goal_en} ({saved:,.0f} kWh) would have saved {saving:,.2f} CNY.",
        assumption[0] + kept_zh,
        assumption[1] + kept_en,
        **{name: round(energy, 2), "cut_ratio": ratio, "saved_kwh": saved},
    )
