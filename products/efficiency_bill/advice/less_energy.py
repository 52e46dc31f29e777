"""Advice to use less, each only where something shows that less would do: a month above its band, days above
theirs, peers that need less for their area, a night load that the curve shows. Whoever uses less than its own
baseline or nearly all its peers is not told to cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipelines.codes import TouPeriod
from pipelines.facts import Facts
from pipelines.money import whole_steps
from pipelines.tariff import SupplyMonth
from pipelines.tariff.whatif.changed_supplies import with_less_energy
from products.efficiency_bill.advice.situation import Proposal, Situation, advice_of, repriced
from products.efficiency_bill.comparison.standing import is_band_trusted, is_praised
from products.efficiency_bill.settings import EfficiencyBillSettings

_KEPT = {
    (True, False): (
        "分时比例、最大需量和无功电量不变。",
        " Period shares, demand and reactive energy unchanged.",
    ),
    (True, True): ("最大需量和无功电量不变。", " Demand and reactive energy unchanged."),
    (False, False): ("", ""),
    (False, True): ("", ""),
}
"""What stays, by whether periods are known and whether the saving has periods of its own."""
_HALF = "差距缩小一半", "half the gap less"
_CHANCE_SIGMAS = 3.0
"""So many standard deviations above what a band lets expect, days above it are no chance any more."""


def _proposal(
    number: int,
    situation: Situation,
    facts: Facts,
    saved_kwh: float,
    said: tuple[str, str],
    assumption: tuple[str, str],
    saved_by_period: Mapping[TouPeriod, float] | None = None,
    **inputs: Any,
) -> Proposal | None:
    """The advice to use so much less; None where that is nothing or all of it.

    said  What is advised, in Chinese and English, with ``{saved}`` where the energy and ``{cny}`` where the
          money stands.
    saved_by_period  In which periods it would be saved; None: in all alike. [kWh]
    """
    supply = situation.supply
    saved = whole_steps(Decimal(repr(saved_kwh)), supply.resolution_kwh)
    if saved <= 0 or saved >= supply.energy_kwh:
        return None

    def change(month: SupplyMonth) -> SupplyMonth:
        return with_less_energy(month, saved, saved_by_period)

    saving = repriced(situation, facts, change(supply))
    if saving <= 0:
        return None
    kept = _KEPT[situation.has_periods, saved_by_period is not None]
    figures = {"saved": f"{saved:,.0f}", "cny": situation.said(saving)}
    zh, en = (text.format(**figures) for text in said)
    assumed_zh, assumed_en = (one + two for one, two in zip(assumption, kept, strict=True))
    advice = advice_of(number, saving, zh, en, assumed_zh, assumed_en, saved_kwh=saved, **inputs)
    return Proposal(advice, change, saved)


def _is_left_alone(situation: Situation, settings: EfficiencyBillSettings) -> bool:
    """Whether the customer uses so little that nothing asks for less."""
    grounds = situation.grounds
    return grounds is None or is_praised(grounds, situation.baseline, situation.percentile, settings)


def to_baseline(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """Back to what was expected, only for a month above its band; what the meters counted is compared, as a
    transformer's loss is nobody's to save.
    """
    grounds, baseline = situation.grounds, situation.baseline
    if grounds is None or baseline is None or grounds.compared_kwh is None:
        return None
    expected, _, high = baseline
    if grounds.compared_kwh <= high or not is_band_trusted(grounds, settings):
        return None
    return _proposal(
        5,
        situation,
        facts,
        grounds.compared_kwh - expected,
        (
            "用电高于基线区间；回到预期（少用 {saved} kWh），本月可少付约 {cny} 元。",
            "Use lies above the baseline's band; as expected ({saved} kWh less) it saves {cny} CNY.",
        ),
        (
            "基线由往期用电和气温推算，不考虑本月经营变化。",
            "The baseline follows past use and weather; it does not know of changes in the business.",
        ),
        goal_kwh=round(expected, 2),
        compared_kwh=round(grounds.compared_kwh, 2),
    )


def _days_by_chance(days: int, level: float) -> float:
    """Days that lie above a band of a level by chance alone: an honest band leaves half of the rest above it.

    >>> round(_days_by_chance(30, 0.9), 2)
    5.08
    """
    above = (1 - level) / 2
    return days * above + _CHANCE_SIGMAS * math.sqrt(days * above * (1 - above))


def days_above(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """The days above their own band back to what was expected of them; only where they are more than chance
    puts there.
    """
    grounds, days = situation.grounds, situation.supply.billed.day_count
    if grounds is None or not is_band_trusted(grounds, settings):
        return None
    if grounds.above_days <= _days_by_chance(days, settings.band_level):
        return None
    if _is_left_alone(situation, settings):
        return None
    return _proposal(
        9,
        situation,
        facts,
        grounds.above_kwh,
        (
            f"有 {grounds.above_days} 天用电高于各自的基线区间；这些天回到预期（共少用 {{saved}} kWh），"
            "本月可少付约 {cny} 元。",
            (
                f"{grounds.above_days} days lie above their own band; as expected ({{saved}} kWh less) they "
                "would have saved {cny} CNY."
            ),
        ),
        (
            "看看这些天有什么不同（图中标色）；假定不是经营所必需。",
            "See what was different on these days, marked in the chart; provided business did not need it.",
        ),
        above_days=grounds.above_days,
        above_kwh=round(grounds.above_kwh, 2),
    )


def to_peers(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """Half the gap to the peers' median, and no more than a share of the month, for who lies above it by a
    figure that can be one.
    """
    grounds = situation.grounds
    if grounds is None or situation.intensity is None or _is_left_alone(situation, settings):
        return None
    own, median, _, area = situation.intensity
    if own <= median or grounds.is_implausible(own):
        return None
    half, most = (own - median) * area / 2, settings.most_peers_cut_ratio
    is_cut_short = half > float(situation.energy_kwh) * most
    goal_zh, goal_en = (f"先少用 {most:.0%}", f"{most:.0%} less, to begin with,") if is_cut_short else _HALF
    return _proposal(
        6,
        situation,
        facts,
        float(situation.energy_kwh) * most if is_cut_short else half,
        (
            f"单位面积用电高于同类中位数；{goal_zh}（少用 {{saved}} kWh），本月可少付约 {{cny}} 元。",
            (
                f"Use per square metre lies above the peers' median; {goal_en} ({{saved}} kWh) would "
                "have saved {cny} CNY."
            ),
        ),
        (
            "同类按主要用途划分，未区分设备与营业时间。",
            "Peers share the main use; equipment and opening hours may differ.",
        ),
        own_kwh_per_m2=round(own, 4),
        goal_kwh_per_m2=round(median, 4),
    )


def night_load(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Proposal | None:
    """Less at night, where the curve shows a load of that size beside busy hours; a night as busy as the day
    is work, and a small one is no waste.
    """
    grounds = situation.grounds
    if grounds is None or grounds.night is None or _is_left_alone(situation, settings):
        return None
    night, busy = grounds.night.night_kw, grounds.night.busy_kw
    least, most = settings.night_load_ratios
    if busy <= 0 or not least <= night / busy <= most:
        return None
    first, last = settings.night_hours
    share, cut, base = night / busy, settings.base_load_cut_ratio, grounds.night.base_kwh
    by_period = {period: kwh * cut for period, kwh in zip(TouPeriod, base, strict=True)} if base[1:] else None
    return _proposal(
        7,
        situation,
        facts,
        sum(base) * cut,
        (
            f"夜间（{first}—{last} 时）平均仍用 {night:,.1f} kW，是忙时的 {share:.0%}；把这部分降低 "
            f"{cut:.0%}（少用 {{saved}} kWh），本月可少付约 {{cny}} 元。",
            (
                f"At night ({first}:00 to {last}:00) {night:,.1f} kW are drawn, {share:.0%} of the "
                f"busy hours; {cut:.0%} less of it ({{saved}} kWh) would have saved "
                "{cny} CNY."
            ),
        ),
        (
            "由负荷曲线得出：各时段不高于夜间水平的用电都算作这部分；可查通风、水泵、空压机、待机设备。",
            (
                "From the load curve: all that is drawn up to the night's level counts, at whatever hour; "
                "look at ventilation, pumps, compressors, standby."
            ),
        ),
        saved_by_period=by_period,
        night_kw=night,
        busy_kw=busy,
        cut_ratio=cut,
    )
