"""Advice on the power factor, simulated on the reactive curve: over-compensation first, as ending it costs no
purchase; a bank with its size only where the curve says what it reaches.

Without a curve of reactive energy nothing is promised: how much of a bank a month could have used lies in the
hours, not in its sum.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.facts import Facts
from pipelines.tariff import SupplyMonth
from pipelines.tariff.whatif.changed_supplies import with_less_reactive
from products.efficiency_bill.advice.situation import Proposal, Situation, advice_of, repriced
from products.efficiency_bill.comparison.grounds import Bank, ReactiveFinding
from products.efficiency_bill.comparison.reactive_curve import (
    factor_of,
    power_factor_standard,
)
from products.efficiency_bill.settings import EfficiencyBillSettings

# Of the leading energy so much lies in the hours that are named.
_NAMED_SHARE = 0.8


def reactive_advice(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """One advice: the first step that the curve shows to save, and what a second would add."""
    found = None if situation.grounds is None else situation.grounds.reactive
    now, standard = situation.priced.power_factor, power_factor_standard(situation.supply)
    if found is None or now is None or standard is None or now >= standard:
        return None
    over = _without_leading(situation, facts, found, now, standard)
    if over is not None and over.advice["saving_cny"] >= Decimal(repr(settings.least_saving_cny)):
        return over
    return _bank(situation, facts, found, now, standard)


def _without_leading(
    situation: Situation, facts: Facts, found: ReactiveFinding, now: Decimal, standard: Decimal
) -> Proposal | None:
    def change(supply: SupplyMonth) -> SupplyMonth:
        return with_less_reactive(supply, 0.0, found.leading_kvarh)

    then = change(situation.supply)
    saving, reached = repriced(situation, facts, then), factor_of(then)
    if found.leading_kvarh <= 0 or saving <= 0 or reached is None:
        return None
    hours_zh, hours_en = _hours_in_words(found.leading_by_hour)
    second_zh, second_en, inputs = _second_step(situation, facts, found, saving)
    said = situation.said(saving)
    advice = advice_of(
        11,
        saving,
        (
            f"先消除过补偿：本月有 {found.leading_kvarh:,.0f} kvarh 无功倒送（超前），多在 {hours_zh}；"
            f"消除后功率因数由 {now:.2f} 升到 {reached:.2f}（标准 {standard:.2f}），本月可少付约 {said} 元。"
        ),
        (
            f"End the over-compensation first: {found.leading_kvarh:,.0f} kvarh led this month, mostly at "
            f"{hours_en}; without it the power factor would have been {reached:.2f} instead of {now:.2f} "
            f"(standard {standard:.2f}) and the bill {said} CNY less."
        ),
        (
            "按本月无功曲线逐时段计算；请先查补偿电容器是否在低负荷时仍未切除：如是，改正投切即可，不需购买设备。"
            f"{second_zh}"
        ),
        (
            "Computed interval by interval on the month's reactive curve; see whether capacitors stay on at "
            f"low load: if they do, switching them right is enough, with nothing to buy.{second_en}"
        ),
        power_factor=now,
        power_factor_reached=reached,
        standard=standard,
        leading_kvarh=found.leading_kvarh,
        **inputs,
    )
    return Proposal(advice, change)


def _second_step(
    situation: Situation, facts: Facts, found: ReactiveFinding, first: Decimal
) -> tuple[str, str, dict[str, object]]:
    """What a bank would add once nothing leads any more; empty where none is needed or none would do."""
    bank = found.after
    if bank is None:
        return "", "", {}
    both = with_less_reactive(situation.supply, bank.switched_kvarh, found.leading_kvarh)
    more, reached = repriced(situation, facts, both) - first, factor_of(both)
    if more <= 0 or reached is None:
        return "", "", {}
    said = situation.said(more)
    return (
        (
            f"此后再装 {bank.size_kvar} kvar 自动投切电容器，可到 {reached:.2f}，再少付约 {said} 元"
            "（不含设备费，请先询价）。"
        ),
        (
            f" A switched bank of {bank.size_kvar} kvar after that would have given {reached:.2f} and saved "
            f"another {said} CNY, without its cost: ask for a quote first."
        ),
        {
            "second_bank_kvar": bank.size_kvar,
            "second_power_factor": reached,
            "second_saving_cny": more,
        },
    )


def _bank(
    situation: Situation, facts: Facts, found: ReactiveFinding, now: Decimal, standard: Decimal
) -> Proposal | None:
    bank = found.alone
    if bank is None:
        return None

    def change(supply: SupplyMonth) -> SupplyMonth:
        return with_less_reactive(supply, bank.switched_kvarh, 0.0)

    then = change(situation.supply)
    saving, reached = repriced(situation, facts, then), factor_of(then)
    fixed = factor_of(_with_fixed(situation.supply, found, bank))
    if saving <= 0 or reached is None or fixed is None:
        return None
    said = situation.said(saving)
    advice = advice_of(
        3,
        saving,
        (
            f"加装 {bank.size_kvar} kvar 自动投切的无功补偿，功率因数由 {now:.2f} 升到 {reached:.2f}"
            f"（标准 {standard:.2f}），本月可少付约 {said} 元。"
        ),
        (
            f"A bank of {bank.size_kvar} kvar, switched automatically, would have raised the power factor "
            f"from {now:.2f} to {reached:.2f} (standard {standard:.2f}) and saved {said} CNY."
        ),
        (
            f"按本月无功曲线逐时段计算，理想投切；同样容量长期投入只到 {fixed:.2f}。"
            "不含设备费，请先询价再算回收期；由专业人员核定。"
        ),
        (
            f"Computed interval by interval on the month's reactive curve, ideally switched; always on, the "
            f"same bank would only have reached {fixed:.2f}. Without the cost of the bank: ask for a quote, "
            "then for the payback; to be checked by an expert."
        ),
        power_factor=now,
        power_factor_reached=reached,
        power_factor_fixed=fixed,
        standard=standard,
        bank_kvar=bank.size_kvar,
        kvarh_compensated=bank.switched_kvarh,
    )
    return Proposal(advice, change)


def _with_fixed(supply: SupplyMonth, found: ReactiveFinding, bank: Bank) -> SupplyMonth:
    return with_less_reactive(
        supply,
        found.lagging_kvarh - bank.fixed_lagging_kvarh,
        found.leading_kvarh - bank.fixed_leading_kvarh,
    )


def _hours_in_words(by_hour: tuple[float, ...]) -> tuple[str, str]:
    """The fewest hours of the day that hold most of the energy, joined where they follow each other."""
    left, named = sum(by_hour) * _NAMED_SHARE, set()
    for hour in sorted(range(len(by_hour)), key=lambda hour: (-by_hour[hour], hour)):
        if left <= 0:
            break
        named.add(hour)
        left -= by_hour[hour]
    spans: list[list[int]] = []
    for hour in sorted(named):
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    zh = "、".join(f"{first}—{last} 时" for first, last in spans)
    return zh, ", ".join(f"{first}:00 to {last}:00" for first, last in spans)
