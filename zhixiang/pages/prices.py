"""Price transparency (电费电价公开): prices in force, periods of the day, history, documents, and a
calculator for one's own month.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.codes import CustomerClass, TouSchedule, VoltageLevel
from pipelines.errors import FactNotInForceError
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.listing import figures_of
from pipelines.periods import BillingMonth
from pipelines.tariff.charges.composed_prices import per_kwh
from pipelines.units import Unit
from products.page_kit import words
from zhixiang.pages.price_figures import calculator_figures
from zhixiang.pages.price_hours import AS_SEASON, charging_confidence, day_rows, holiday_days
from zhixiang.pages.site import PAGES

SCRIPT = Path(__file__).parent / "templates" / "prices.js"
_PRICED = (CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL, CustomerClass.RESIDENTIAL)
CLASSES = {kind: words.CLASSES[kind].both for kind in _PRICED}
SCHEMES = {way: said.both for way, said in words.SCHEMES.items()}
LEVELS = {
    VoltageLevel.BELOW_1KV: "不满1千伏 below 1 kV",
    VoltageLevel.KV_1_TO_20: "1–10（20）千伏 1 to 20 kV",
    VoltageLevel.KV_35: "35千伏 35 kV",
    VoltageLevel.KV_110: "110千伏 110 kV",
    VoltageLevel.KV_220_UP: "220千伏及以上 220 kV and up",
}
ENERGY = "电量电价 energy"
HISTORIES = {
    ENERGY: (
        "energy_base",
        "transmission.single_part",
        "transmission.two_part.energy",
        "transmission.line_loss",
    ),
    "基本电费 basic charge": (
        "transmission.two_part.capacity",
        "transmission.two_part.demand",
        "basic_charge.",
        "pricing_scheme",
    ),
    "分时 time of use": ("time_of_use.", "holidays."),
    "力调 power factor": ("power_factor.",),
    "居民 residential": ("residential.",),
    "违约金 late payment": ("late_payment.",),
    "目录电价（已废止） catalogue, superseded": ("catalogue.",),
}
_PARTS = {
    **{level.value: said.split(" ")[0] for level, said in LEVELS.items()},
    **{period.value: said.zh for period, said in words.PERIODS.items()},
    "flat": "平",
    "by_period": "",
    "first_limit_kwh": "一档上限 kWh",
    "second_limit_kwh": "二档上限 kWh",
    "household_persons": "多人户 人数",
    "household_extra_kwh": "多人户每月加 kWh",
    "combined_choice_persons": "可选合表 人数",
    "tolerance_ratio": "容差",
    "excess_multiple": "超限倍数",
    "minimum_capacity_ratio": "最低占容量",
    "threshold_kwh_per_kva": "达标 kWh/kVA",
    "price_ratio": "折扣",
    "bases": "适用",
    "every_months": "每（月）",
    "notice_working_days": "提前工作日",
    "single_part_up_to_kva": "单一制至 kVA",
    "two_part_from_kva": "两部制自 kVA",
    "below_kva": "低于 kVA",
    "classes": "类别",
    "holidays": "节假日",
    "zh": "名称",
    "labour_day_national_day_spring_festival": "劳动节、国庆节、春节",
    "labour_day_national_day": "劳动节、国庆节",
    "spring_festival": "春节",
    "new_years_day": "元旦",
    "tomb_sweeping_day": "清明节",
    "labour_day": "劳动节",
    "dragon_boat_festival": "端午节",
    "national_day": "国庆节",
    "mid_autumn_festival": "中秋节",
} | {kind.value: said.zh for kind, said in words.CLASSES.items()}
_MONTHS, _MONTHS_OF_A_YEAR = "months_", 12


def write_prices_page(
    facts: Facts, month: BillingMonth, path: Path, *, has_overview: bool = True
) -> dict[str, Any]:
    """Writes the page of the prices of a month; returns the figures that the calculator works with.

    A price that changes inside the month gives one table for each span of days; where nothing is in force the
    page says so.
    """
    figures = calculator_figures(facts, month)
    script = SCRIPT.read_text(encoding="utf-8")
    PAGES.write_page(
        path,
        "prices.html.j2",
        month=str(month),
        has_overview=has_overview,
        figures=json.dumps(figures, ensure_ascii=False).replace("<", "\\u003c"),
        script=script,
        classes=CLASSES,
        schemes=SCHEMES,
        levels=LEVELS,
        periods=words.PERIODS,
        confidences={kind: said.both for kind, said in words.CONFIDENCE_TAGS.items()},
        spans=[
            span | {"rows": {kind: list(_energy_rows(span, kind)) for kind in CLASSES}}
            for span in figures["spans"]
        ],
        hours=_hours(facts, month),
        as_season=AS_SEASON,
        holidays=holiday_days(facts, CustomerClass.LARGE_INDUSTRY, month),
        history=_history(facts, [date.fromisoformat(span["first"]) for span in figures["spans"]]),
        illustrative=any(span["illustrative"] for span in figures["spans"]),
    )
    return figures


def _hours(facts: Facts, month: BillingMonth) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of a day by class, homes last, before them those of charging points; classes with the same
    hours stand together.
    """
    found: list[tuple[str, list[dict[str, Any]]]] = []
    for kind, said in CLASSES.items():
        rows = day_rows(facts, kind, month.last_day)
        same = next((place for place, (_, others) in enumerate(found) if others == rows), None)
        if same is None:
            found.append((said, rows))
        else:
            found[same] = (f"{found[same][0]} · {said}", rows)
    confidence = charging_confidence(facts, month.last_day)
    if confidence is not None:
        said = (
            "工商业充电设施 charging points of industry and commerce · "
            f"{words.CONFIDENCE_TAGS[confidence].both}"
        )
        found.insert(-1, (said, day_rows(facts, TouSchedule.EV_CHARGING, month.last_day)))
    return found


def _energy_rows(span: Mapping[str, Any], kind: CustomerClass) -> Iterator[dict[str, Any]]:
    """Whole prices of each scheme and level of a class by period, and ``all`` without time of use; None where
    there is none. [CNY/kWh]
    """
    for way, said in SCHEMES.items():
        for level, level_said in LEVELS.items():
            found = span["energy"].get(kind.value, {}).get(way.value, {}).get(level.value)
            if found:
                yield {
                    "scheme": said,
                    "level": level_said,
                    "doubt": any(name in span["illustrative"] for name in found),
                } | {
                    name: _whole_price(found, name)
                    for name in (*(period.value for period in words.PERIODS), "all")
                }


def _whole_price(found: Mapping[str, Mapping[str, str]], period: str) -> str | None:
    if not all(period in prices for prices in found.values()):
        return None
    return f"{sum((Decimal(prices[period]) for prices in found.values()), Decimal(0)):.5f}"


def _history(facts: Facts, firsts: Sequence[date]) -> dict[str, list[dict[str, Any]]]:
    """Every version of every price, the newest first: its figures, since when, until when, known from when,
    by which document.

    firsts  First days of the month's spans: a version that holds on one of them is marked.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    of_energy = (*HISTORIES[ENERGY], *(each.fact_id for each in per_kwh(facts).values()))
    for heading, stems in {**HISTORIES, ENERGY: of_energy}.items():
        for fact_id, dated in facts.by_id.items():
            if not fact_id.startswith(stems):
                continue
            holding = [version for day in firsts if (version := _version_on(dated, day)) is not None]
            versions = [
                {
                    "figures": [(_said(suffix, fact_id), text) for suffix, text in figures_of(version.value)],
                    "cited": version.citation,
                    "from": version.effective_from.isoformat(),
                    "to": _last_day(dated, version),
                    "known": version.known_from.isoformat(),
                    "line": version.line,
                    "holds": any(version is each for each in holding),
                }
                for version in dated.versions[::-1]
            ]
            unit = "" if dated.unit is None or dated.unit is Unit.RATIO else dated.unit.value
            found.setdefault(heading, []).append(
                {
                    "fact_id": fact_id,
                    "zh": dated.title_zh,
                    "en": dated.title_en,
                    "unit": unit,
                    "file": dated.file,
                    "versions": versions,
                }
            )
    return found


def _last_day(dated: Dated[Any], version: Version[Any]) -> str:
    """The last day that the document sets, or the one before the next version begins; empty where it goes
    on.
    """
    if version.effective_to is not None:
        return version.effective_to.isoformat()
    later = [each.effective_from for each in dated.versions if each.effective_from > version.effective_from]
    return (min(later) - timedelta(days=1)).isoformat() if later else ""


def _version_on(dated: Dated[Any], day: date) -> Version[Any] | None:
    try:
        return dated.version_on(day)
    except FactNotInForceError:
        return None


def _said(suffix: str, fact_id: str) -> str:
    """The last parts of a figure's id in the words of the trade."""
    parts = _PARTS | ({"flat": "不分时"} if fact_id.startswith("residential.") else {})
    return " ".join(
        word for part in suffix.split(".") if part and (word := parts.get(part, _months_said(part)))
    )


def _months_said(part: str) -> str:
    """The months that a schedule holds in; other words as they are."""
    if not part.startswith(_MONTHS):
        return part
    numbers = part.removeprefix(_MONTHS).split("_")
    return "全年" if len(numbers) == _MONTHS_OF_A_YEAR else f"{'、'.join(numbers)}月"
