"""How a month compares: with the month before, with its peers, with its own baseline; and its carbon."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pipelines.periods import period_of
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.comparison.grounds import Praise
from products.efficiency_bill.page import words
from products.efficiency_bill.page.charts import percentile_bar
from products.efficiency_bill.page.numbers import exact, grouped, number, percent, signed_percent
from products.efficiency_bill.rows import EfficiencyBillV1Row
from products.page_kit.words import NOTHING, Said

Page = dict[str, Any]
_NOT_A_MONTH = Said(
    "抄表例日变更，本期不是整月，不作比较。",
    "The reading day changed, so the period is no whole month and is not compared.",
)


def bill_comparisons(bill: EfficiencyBillV1Row) -> list[Page]:
    """The comparisons that the row allows, each a label, a sentence and possibly a bar."""
    found = (_last_month(bill), _baseline(bill), _peers(bill), _carbon(bill))
    return [page for page in found if page is not None]


def _page(label: Said, said: Said, svg: str = "", alt: str = "") -> Page:
    return {"label": {"zh": label.zh, "en": label.en}, "zh": said.zh, "en": said.en, "svg": svg, "alt": alt}


def _last_month(bill: EfficiencyBillV1Row) -> Page | None:
    previous = bill.get("previous_energy_kwh")
    label = Said("与上月相比", "against last month")
    if previous is None and not _is_month(bill):
        return _page(label, _NOT_A_MONTH)
    if previous is None:
        return _page(label, Said("没有上月的账单可比。", "There is no bill of last month to compare with."))
    zh, en = f"上月用电 {grouped(previous, 2)} kWh", f"Last month {grouped(previous, 2)} kWh"
    if exact(previous):
        change = signed_percent(exact(bill["energy_kwh"]) / exact(previous) - 1, 1)
        zh, en = f"{zh}，本月 {change}", f"{en}; this month {change}"
    return _page(label, Said(zh + "。", en + "."))


def _baseline(bill: EfficiencyBillV1Row) -> Page | None:
    label = Said("与自己的基线相比", "against its own baseline")
    verdict = words.VERDICTS.get(str(bill.get("baseline_verdict_code")))
    expected = bill.get("baseline_kwh")
    if expected is None:
        return _page(label, verdict or _why_no_baseline(bill.get("missing_inputs") or ()))
    zh, en = f"预期 {grouped(expected, 0)} kWh", f"Expected {grouped(expected, 0)} kWh"
    low, high = bill.get("baseline_low_kwh"), bill.get("baseline_high_kwh")
    if low is not None and high is not None:
        zh, en = (
            f"{zh}（{grouped(low, 0)}～{grouped(high, 0)}）",
            f"{en} ({grouped(low, 0)} to {grouped(high, 0)})",
        )
    known = sum(value is not None for value in bill["day_kwh"])
    if known < len(bill["day_kwh"]):
        zh, en = f"{zh}，只按有电量的 {known} 天", f"{en}, of the {known} days that are known"
    if verdict is None:
        return _page(label, _together(Said(zh + "。", en + "."), _no_verdict(bill)))
    return _page(label, _together(verdict, Said(zh + "。", en + "."), _praise(bill, Praise.BELOW_BASELINE)))


def _no_verdict(bill: EfficiencyBillV1Row) -> Said:
    """Why a month with an expectation is not judged by it."""
    coverage = bill.get("band_coverage_ratio")
    if coverage is None:
        return NOTHING
    shown, said = percent(coverage, 0), words.NO_VERDICT
    return Said(said.zh.format(shown=shown), said.en.format(shown=shown))


def _praise(bill: EfficiencyBillV1Row, praise: Praise) -> Said:
    return words.PRAISES[praise] if praise.value in (bill.get("praise_codes") or ()) else NOTHING


def _together(*said: Said) -> Said:
    """Sentences in a row."""
    return Said("".join(each.zh for each in said), " ".join(each.en for each in said if each.en))


def _why_no_baseline(lacks: Collection[str]) -> Said:
    """What the comparison lacks: a model, the weather of the month, or days of the customer's own."""
    if "baseline_model" in lacks:
        return words.MISSING_INPUTS["baseline_model"]
    return words.NO_TEMPERATURE if "weather" in lacks else words.TOO_FEW_DAYS


def _peers(bill: EfficiencyBillV1Row) -> Page | None:
    label = Said("与同行相比", "against its peers")
    count = int(bill.get("peer_count") or 0)
    group = str(bill.get("peer_group") or "")
    named = words.peer_group_words(group)
    of_zh, of_en = (f"（{named.zh}）", f" ({named.en})") if group else ("", "")
    intensity, percentile, median = (
        bill.get("intensity_kwh_per_m2"),
        bill.get("peer_percentile_pct"),
        bill.get("peer_median_kwh_per_m2"),
    )
    if intensity is None:
        return _page(
            label,
            Said(
                f"没有建筑面积，无法与同行{of_zh}比较。",
                f"There is no floor area to compare with peers{of_en} by.",
            ),
        )
    if not _is_month(bill):
        return _page(label, _NOT_A_MONTH)
    own_zh, own_en = f"每平方米 {grouped(intensity, 2)} kWh", f"{grouped(intensity, 2)} kWh per m²"
    if bill.get("record_question_code") is not None:
        asked = words.FLOOR_AREA
        return _page(label, Said(asked.zh.format(own=own_zh), asked.en.format(own=own_en)))
    if percentile is None and not group:
        return _page(
            label,
            Said(
                f"{own_zh}；没有登记同行分组，不作比较。",
                f"{own_en}; no peer group is registered, so nothing is compared.",
            ),
        )
    if percentile is None:
        why = words.PEERS_HIDDEN[bill.get("peers_hidden_code")]
        return _page(
            label,
            Said(
                f"{own_zh}；同行{of_zh}共 {count} 户，{why.zh}。",
                f"{own_en}; {count} peers{of_en}: {why.en}.",
            ),
        )
    shown = grouped(percentile, 0)
    if median is not None:
        own_zh, own_en = (
            f"{own_zh}，同行中位数 {grouped(median, 2)}",
            f"{own_en}, the peers' median is {grouped(median, 2)}",
        )
    said = Said(
        f"{own_zh}；高于 {shown}% 的同行{of_zh}，共 {count} 户。",
        f"{own_en}; more than {shown}% of its peers{of_en}, {count} in all.",
    )
    said = _together(said, _praise(bill, Praise.AMONG_LOWEST_PEERS))
    return _page(label, said, percentile_bar(float(percentile)), f"同行百分位 {shown}")


def _is_month(bill: EfficiencyBillV1Row) -> bool:
    """Whether the bill covers a month, by the calendar or from one reading day to the next."""
    period = period_of(days_of_row(bill))
    return period is None or period.is_one_month


def _carbon(bill: EfficiencyBillV1Row) -> Page | None:
    emission = bill.get("emission_kg_co2")
    if emission is None:
        return None
    zh, en = f"约排放二氧化碳 {grouped(emission, 0)} kg", f"About {grouped(emission, 0)} kg of CO2"
    factor = bill.get("emission_factor_kg_co2_per_kwh")
    if factor is not None:
        zh, en = (
            f"{zh}（因子 {number(factor)['plain']} kg/kWh）",
            f"{en} (factor {number(factor)['plain']} kg/kWh)",
        )
    return _page(Said("碳", "carbon"), Said(zh + "。", en + "."))
