"""Advice on hours: a break that lies in a cheap period while a dear one is worked through, found on the
curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from pipelines.codes import CustomerClass, TouPeriod
from pipelines.facts import Facts
from pipelines.money import whole_steps
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply
from pipelines.units import Unit
from products.efficiency_bill.advice.situation import Proposal, Situation, advice_of, repriced
from products.efficiency_bill.comparison.grounds import HoursOfDays
from products.efficiency_bill.comparison.load_hours import PERIODS as PERIODS_BY_PLACE
from products.efficiency_bill.comparison.load_hours import best_break
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.page_kit.words import PERIODS

_QUARTER_MINUTES = 15


def prices_by_period(priced: PricedMonth) -> Mapping[TouPeriod, float]:
    """What a kilowatt-hour of each period costs in the month before any adjustment. [CNY/kWh]"""
    found: dict[TouPeriod, float] = {}
    for line in priced.lines:
        if line.period is not None and line.price_unit == Unit.CNY_PER_KWH:
            found[line.period] = found.get(line.period, 0.0) + float(line.unit_price)
    return found


def _prices(situation: Situation, facts: Facts, hours: Sequence[HoursOfDays]) -> Mapping[TouPeriod, float]:
    """The same of every period that the month has, those too in which it took nothing and so has no line."""
    found = prices_by_period(situation.priced)
    every = {PERIODS_BY_PLACE[int(place)] for each in hours for place in set(each.periods)}
    (segment,) = situation.supply.segments
    parts, lacking = segment.energy_by_period, every - found.keys()
    if not lacking or parts is None:
        return found
    tried = replace(
        segment,
        energy_kwh=segment.energy_kwh + len(lacking),
        energy_by_period={**parts, **dict.fromkeys(lacking, Decimal(1))},
    )
    return prices_by_period(price_supply(replace(situation.supply, segments=(tried,)), facts))


def with_moved(supply: SupplyMonth, moved: Mapping[TouPeriod, float]) -> SupplyMonth | None:
    """The month with energy moved between its periods, in whole register steps; None where a period has less
    than is moved out of it, or the month no periods. [kWh]
    """
    (segment, *others) = supply.segments
    parts = segment.energy_by_period
    if others or parts is None:
        return None
    steps = {
        period: whole_steps(Decimal(repr(value)), supply.resolution_kwh) for period, value in moved.items()
    }
    left = sum(steps.values(), Decimal(0))
    if left:  # rounding must not make energy
        largest = max(steps, key=lambda period: (abs(steps[period]), period))
        steps[largest] -= left
    after = {
        period: parts.get(period, Decimal(0)) + steps.get(period, Decimal(0)) for period in {**parts, **steps}
    }
    if min(after.values()) < 0:
        return None
    return replace(supply, segments=(replace(segment, energy_by_period=after),))


def shift_advice(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """The break that pays most at another time; none where the load has none, or the month has parts."""
    supply, grounds = situation.supply, situation.grounds
    if grounds is None or not grounds.hours or not supply.is_whole:
        return None
    contract = supply.contract
    if not contract.is_time_of_use or contract.customer_class is CustomerClass.RESIDENTIAL:
        return None
    slots = settings.moved_break_minutes // _QUARTER_MINUTES
    found = best_break(
        grounds.hours, _prices(situation, facts, grounds.hours), slots, settings.standstill_ratio
    )
    if found is None:
        return None
    moved = found.moved_kwh

    def change(supply: SupplyMonth) -> SupplyMonth:
        return with_moved(supply, moved) or supply

    then = with_moved(supply, moved)
    saving = Decimal(0) if then is None else repriced(situation, facts, then)
    if saving <= 0:
        return None
    said = situation.said(saving)
    more = sum(value for value in moved.values() if value > 0)
    (from_zh, from_en), (to_zh, to_en) = (
        _periods_in_words([period for period, value in moved.items() if value * sign > 0]) for sign in (-1, 1)
    )
    now, other = _clock(found.idle_slot, found.slots), _clock(found.busy_slot, found.slots)
    advice = advice_of(
        4,
        saving,
        (
            f"把每天 {now} 的停歇挪到 {other}（约 {more:,.0f} kWh 由{from_zh}移到{to_zh}），"
            f"本月可少付约 {said} 元。"
        ),
        (
            f"The break of {now} at {other} instead, every day (about {more:,.0f} kWh out of {from_en} into "
            f"{to_en}), would have saved {said} CNY."
        ),
        "按本月曲线逐日对调这两段负荷重新计价，最大需量不变；假定生产安排允许。",
        (
            "The loads of both stretches changed places on every day of the month's curve; the maximum "
            "demand stays. Provided that production allows it."
        ),
        break_now=now,
        break_advised=other,
        moved_kwh={period.value: round(value, 2) for period, value in sorted(moved.items())},
    )
    return Proposal(advice, change)


def _periods_in_words(periods: Sequence[TouPeriod]) -> tuple[str, str]:
    said = [PERIODS[period] for period in periods]
    return "、".join(f"{each.zh}段" for each in said), " and ".join(each.en for each in said)


def _clock(slot: int, slots: int) -> str:
    ends = (f"{at // 4}:{at % 4 * _QUARTER_MINUTES:02d}" for at in (slot, slot + slots))
    return "—".join(ends)
