"""Price transparency (电费电价公开): prices in force, periods of the day, history, documents, and a calculator for one's own month."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Determinants, price_month
from zhixiang.delivery.pages import script_hash, write_page

SCRIPT = Path(__file__).parent / "templates" / "prices.js"
CLASSES = {CustomerClass.LARGE_INDUSTRY: "大工业 large industry", CustomerClass.GENERAL_COMMERCIAL: "一般工商业 general commercial"}
SCHEMES = {PricingScheme.SINGLE_PART: "单一制 single-part", PricingScheme.TWO_PART: "两部制 two-part"}
LEVELS = {
    VoltageLevel.BELOW_1KV: "不满1千伏 below 1 kV", VoltageLevel.KV_1_TO_20: "1–10（20）千伏 1 to 20 kV", VoltageLevel.KV_35: "35千伏 35 kV",
    VoltageLevel.KV_110: "110千伏 110 kV", VoltageLevel.KV_220_UP: "220千伏及以上 220 kV and up",
}  # fmt: skip
PERIODS = {
    TouPeriod.SHARP: ("尖", "#b3261e"), TouPeriod.PEAK: ("峰", "#ef8e3b"), TouPeriod.FLAT: ("平", "#c9d6d2"), TouPeriod.VALLEY: ("谷", "#3f9b86"),
    TouPeriod.DEEP_VALLEY: ("深谷", "#1f5d8c"),
}  # fmt: skip
COMPONENTS = {"energy_base": "上网电量 energy", "transmission": "输配电 network", "funds": "基金及附加 funds"}
SHOWN = ("energy_base", "energy_composition", "transmission.", "funds", "time_of_use.ratios", "residential.", "basic_charge.", "power_factor.base")
HUNDREDTHS = 101


def write_prices_page(facts: Facts, month: BillingMonth, path: Path) -> dict[str, Any]:
    """Writes the page of the prices in force in a month; returns the figures that the calculator works with."""
    figures = calculator_figures(facts, month)
    script = SCRIPT.read_text(encoding="utf-8")
    rows = [row.as_dict() for row in facts.describe(month.first_day) if row.fact_id.startswith(SHOWN)]
    write_page(
        path, "prices.html.j2", month=str(month), figures=json.dumps(figures, ensure_ascii=False).replace("<", "\\u003c"), script=script,
        script_hash=script_hash(script), classes=CLASSES, schemes=SCHEMES, levels=LEVELS, periods=PERIODS, components=COMPONENTS,
        prices=figures["energy"], basic=figures["basic"], rows=rows, days=[day_picture(facts, kind, month) for kind in CLASSES],
        history=list(_history(facts)), standards=figures["standards"], illustrative=any(row["confidence"] == "illustrative" for row in rows),
    )  # fmt: skip
    return figures


def calculator_figures(facts: Facts, month: BillingMonth) -> dict[str, Any]:
    """Every figure of the month as exact text: unit prices by class, scheme, level and period, basic prices, rules, adjustment table.

    The unit prices are read off lines of the engine itself, one kWh in each period.
    """
    day = month.first_day
    rule, use = facts.basic_charge.demand.on(day), facts.basic_charge.utilisation.on(day)
    adjustment = facts.power_factor_adjustment.on(day)
    scheme = facts.pricing_scheme.on(day)
    basic = {
        level.value: {
            "capacity": f"{facts.transmission.two_part_capacity.on(day)[level]:f}",
            "demand": f"{facts.transmission.two_part_demand.on(day)[level]:f}",
        }
        for level in facts.transmission.two_part_capacity.on(day)
    }
    return {
        "month": str(month),
        "energy": {kind.value: {way.value: dict(_levels(facts, kind, way, month)) for way in SCHEMES} for kind in CLASSES},
        "basic": basic,
        "demand": {name: f"{getattr(rule, name):f}" for name in ("tolerance_ratio", "excess_multiple", "minimum_capacity_ratio")},
        "utilisation": {
            "threshold": f"{use.threshold_kwh_per_kva:f}",
            "ratio": f"{use.price_ratio:f}",
            "bases": sorted(basis.value for basis in use.bases),
        },
        "schemes": {"single_up_to": f"{scheme.single_part_up_to_kva:f}", "two_from": f"{scheme.two_part_from_kva:f}"},
        "base_excludes": sorted(component.value for component in facts.power_factor_base_excludes.on(day)),
        "standards": {
            f"{standard:f}": [f"{adjustment.ratio(Decimal(step) / 100, standard):f}" for step in range(HUNDREDTHS)]
            for standard in adjustment.standards
        },
    }


def _levels(facts: Facts, kind: CustomerClass, way: PricingScheme, month: BillingMonth) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each voltage level that has a price: component -> period -> unit price; the period ``all`` without time of use."""
    for level in LEVELS:
        contract = Contract(kind, way, level, True, Decimal(1), Decimal(1), DemandBasis.CAPACITY if way is PricingScheme.TWO_PART else None)
        found: dict[str, dict[str, str]] = {}
        for period in TouPeriod:
            split = dict.fromkeys(TouPeriod, Decimal(0)) | {period: Decimal(1)}
            measured = Determinants(month, Decimal(1), split, None, None, None, Decimal("0.01"))
            for name, price in _unit_prices(contract, measured, facts):
                found.setdefault(name, {})[period.value] = price
        plain = replace(contract, is_time_of_use=False)
        for name, price in _unit_prices(plain, Determinants(month, Decimal(1), None, None, None, None, Decimal("0.01")), facts):
            found.setdefault(name, {})["all"] = price
        if found:
            yield level.value, found


def _unit_prices(contract: Contract, measured: Determinants, facts: Facts) -> list[tuple[str, str]]:
    try:
        lines = price_month(contract, measured, facts).lines
    except FactNotInForceError:  # no such level, or a period that the class does not know
        return []
    return [(line.component.value, f"{line.unit_price:f}") for line in lines if line.component.value in COMPONENTS]


def day_picture(facts: Facts, kind: CustomerClass, month: BillingMonth) -> dict[str, Any]:
    """The periods of an ordinary day in each month of the year, as runs of equal colour.

    Answers ``title`` and ``rows``; a row has the month's number and runs of (first slot, slots, sign, colour).
    """
    rows = []
    for number in range(1, 13):
        day = _ordinary_day(facts, date(month.year, number, 1))
        if day is None:
            continue
        slots = facts.time_of_use.slot_periods(day, kind)
        starts = [place for place, period in enumerate(slots) if place == 0 or period != slots[place - 1]]
        runs = [(start, end - start, *PERIODS[slots[start]]) for start, end in zip(starts, [*starts[1:], len(slots)], strict=True)]
        rows.append({"month": number, "runs": runs})
    return {"title": CLASSES[kind], "rows": rows}


def _ordinary_day(facts: Facts, first: date) -> date | None:
    """The month's first working day that a schedule covers."""
    for offset in range(28):
        day = first + timedelta(days=offset)
        try:
            if facts.holidays.day_type(day) == "working_day":
                facts.time_of_use.slot_periods(day, CustomerClass.LARGE_INDUSTRY)
                return day
        except FactNotInForceError:
            return None
    return None


def _history(facts: Facts) -> Iterator[dict[str, Any]]:
    """Every version of every price: since when, until when, known from when, by which document."""
    for fact_id, dated in facts.by_id.items():
        if fact_id.startswith((*SHOWN, "catalogue.")):
            yield {
                "fact_id": fact_id, "title_zh": dated.title_zh, "title_en": dated.title_en,
                "versions": [
                    {
                        "from": version.effective_from.isoformat(), "to": version.effective_to.isoformat() if version.effective_to else "",
                        "known": version.known_from.isoformat(), "document": version.citation.document, "clause": version.citation.clause,
                        "confidence": version.citation.confidence.value, "note": version.citation.note,
                    }
                    for version in dated.versions
                ],
            }  # fmt: skip
