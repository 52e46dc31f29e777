"""Advice as it was given before a curve, the peers or the model's record had a say: bills that were issued so
are replayed by these rules, which give nothing new.
"""

from __future__ import annotations

import math
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.facts import Facts
from pipelines.tariff.whatif.changed_supplies import with_compensation, with_shifted_energy
from products.efficiency_bill.advice.basic_charge import basic_charge
from products.efficiency_bill.advice.former_less_energy import (
    base_load,
    high_days,
    on_weekends,
    to_baseline,
    to_peers,
    use_above_base,
)
from products.efficiency_bill.advice.situation import Advice, Found, Situation, advice_of, repriced
from products.efficiency_bill.settings import EfficiencyBillSettings


def capacitor(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
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


def shift(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    """A tenth of what dear periods held in the valley, whether or not anything could be moved."""
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


def _basic_charge(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Found:
    proposal = basic_charge(situation, facts, settings)
    return None if proposal is None else proposal.advice


_RULES = (
    _basic_charge,
    capacitor,
    shift,
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


def former_advice(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> list[Advice]:
    """The advices that were chosen, of any rank.

    What changes the terms or the hours of supply came before what asks for less energy; of either kind the
    largest savings were chosen.
    """
    found: dict[str, Advice] = {}
    for rule in _RULES:
        advice = rule(situation, facts, settings)
        if advice is not None and advice["saving_cny"] >= Decimal(repr(settings.least_saving_cny)):
            found[advice["advice_id"]] = advice
    return sorted(found.values(), key=_by_kind)[: settings.advice_count]


def _by_kind(advice: Advice) -> tuple[bool, bool, Decimal, str]:
    number = advice["advice_id"]
    return number in _FILLING, number in _LESS_ENERGY, -advice["saving_cny"], number
