"""What a bill shows, as plain texts ready to be set: the one page behind HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.codes import (
    Confidence,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    Provenance,
    TouPeriod,
    VoltageLevel,
)
from pipelines.money import round_half_up, round_to_fen
from pipelines.periods import BillingMonth
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.advice.situation import about
from products.efficiency_bill.page import words
from products.efficiency_bill.page.basis import Basis
from products.efficiency_bill.page.charts import DayPoint, day_chart, period_bar
from products.efficiency_bill.page.comparisons import bill_comparisons
from products.efficiency_bill.page.notes import bill_footer, bill_notes
from products.efficiency_bill.page.numbers import exact, grouped, number, percent, signed_percent
from products.efficiency_bill.rows import (
    EfficiencyBillAdviceV1Inside,
    EfficiencyBillLinesV1Inside,
    EfficiencyBillV1Row,
)
from products.page_kit import palette
from products.page_kit.words import (
    CLASSES,
    CONFIDENCE_MARKS,
    CONFIDENCES,
    ILLUSTRATIVE_PRICE,
    NOT_PRICED,
    PERIODS,
    PROVENANCES,
    SCHEMES,
    Said,
    word,
)
from products.provenance import provenances

Page = dict[str, Any]

_WARM_PROVENANCE = frozenset(
    {Provenance.SIMULATED, Provenance.ASSUMED, Provenance.DATES_SHIFTED, Provenance.DERIVED}
)
_WARM_CONFIDENCE = frozenset({Confidence.ILLUSTRATIVE, Confidence.UNVERIFIED})
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def bill_days(bill: EfficiencyBillV1Row) -> list[DayPoint]:
    """The days of the month with their baseline, as the row of efficiency_bill_v1 keeps them."""
    days = days_of_row(bill).days
    # A bill of an earlier version tells nothing of missed reads.
    spread = bill.get("day_is_spread") or [False] * len(days)
    columns = bill["day_kwh"], bill["day_expected_kwh"], bill["day_low_kwh"], bill["day_high_kwh"], spread
    return [DayPoint(day, *values) for day, *values in zip(days, *columns, strict=True)]


def bill_page(
    bill: EfficiencyBillV1Row,
    lines: Sequence[EfficiencyBillLinesV1Inside],
    advice: Sequence[EfficiencyBillAdviceV1Inside],
    days: Sequence[DayPoint],
    basis: Basis | None = None,
) -> Page:
    """The page of one bill. Arguments as ``render_bill_html``; every value is text, a list or a mapping of
    texts.
    """
    ordered = sorted(lines, key=lambda line: int(line["line_number"]))
    month = BillingMonth.parse(str(bill["billing_month"]))
    customer = str(bill.get("customer_name") or bill["customer_id"])
    line_pages = [_line(line, basis or {}) for line in ordered]
    return {
        "document_title": f"能效账单 {month} {customer}",
        "document_description": "能效账单 efficiency bill",
        "title": {"zh": "能效账单", "en": "Efficiency bill"},
        "month": month_words(month),
        "customer": customer,
        "tags": provenance_tags(bill),
        "terms": _terms(bill),
        "total": _total(bill),
        "change": _change(bill),
        "is_illustrative": bool(bill["is_illustrative"]),
        "stamp": said_both(ILLUSTRATIVE_PRICE),
        "tiles": _tiles(bill),
        "words": words.HEADINGS,
        "lines": line_pages,
        "places": {
            name: max((int(line[name]["places"]) for line in line_pages), default=0)
            for name in ("quantity", "price")
        },
        "marks": _marks(ordered),
        "days": _days(days),
        "periods": _periods(ordered),
        "comparisons": bill_comparisons(bill),
        "advice": [_advice(row) for row in sorted(advice, key=lambda row: int(row["rank"]))],
        "together": _together(bill),
        "notes": bill_notes(bill),
        "footer": bill_footer(bill),
    }


def month_words(month: BillingMonth) -> Page:
    """A month as it heads a page."""
    return {"zh": f"{month.year}年{month.month}月", "en": f"{_MONTHS[month.month - 1]} {month.year}"}


def said_both(said: Said) -> Page:
    """A text in both languages, for a template."""
    return {"zh": said.zh, "en": said.en}


def provenance_tags(bill: EfficiencyBillV1Row) -> list[Page]:
    """Where a bill's data come from, as labels."""
    return [
        {**said_both(PROVENANCES[kind]), "warm": kind in _WARM_PROVENANCE}
        for kind in provenances(bill.get("provenance"))
    ]


def _terms(bill: EfficiencyBillV1Row) -> list[Page]:
    """Who and on what terms, as pairs of a label and a value; what the row lacks is left out."""
    days = days_of_row(bill)
    customer_class = word(CLASSES, CustomerClass, bill.get("customer_class_code"))
    scheme = word(SCHEMES, PricingScheme, bill.get("pricing_scheme_code"))
    voltage = word(words.VOLTAGES, VoltageLevel, bill.get("voltage_level_code"))
    kind = " · ".join(said.zh for said in (customer_class, scheme, voltage) if said.zh)
    if bill.get("is_time_of_use") is not None:
        kind += " · 分时电价" if bill["is_time_of_use"] else " · 未执行分时电价"
    capacity = bill.get("contract_capacity_kva")
    basis = word(words.DEMAND_BASES, DemandBasis, bill.get("demand_basis_code"))
    demand = bill.get("contract_demand_kw")
    standard = bill.get("power_factor_standard_ratio")
    points = bill.get("meter_point_ids") or []
    rows = [
        ("客户编号", "customer", str(bill["customer_id"])),
        ("计量点", "meter points", "、".join(str(point) for point in points if point)),
        ("电费周期", "period", f"{days.first_day} — {days.last_day}"),
        ("用电类别", "terms", kind),
        ("合同容量", "capacity", f"{grouped(capacity, 0)} kVA" if capacity is not None else ""),
        ("基本电费", "basic charge", basis.zh + (f" {grouped(demand, 0)} kW" if demand is not None else "")),
        ("功率因数标准", "standard", grouped(standard, 2) if standard is not None else ""),
    ]
    return [{"zh": zh, "en": en, "value": value} for zh, en, value in rows if value]


def _total(bill: EfficiencyBillV1Row) -> Page:
    label = {"zh": "本月电费合计", "en": "Total, CNY"}
    if bill["total_cny"] is None:
        said = f"{NOT_PRICED.zh} {NOT_PRICED.en}"
        return {
            "label": label,
            "sign": "",
            "whole": NOT_PRICED.zh,
            "fraction": "",
            "plain": "",
            "text": said,
        }
    total = number(round_to_fen(exact(bill["total_cny"])), 2)
    return {
        "label": label,
        "sign": "¥",
        **{name: total[name] for name in ("whole", "fraction", "plain")},
        "text": total["whole"] + total["fraction"],
    }


def _change(bill: EfficiencyBillV1Row) -> Page | None:
    """The total beside last month's; None where either has none."""
    previous = bill.get("previous_total_cny")
    if previous is None or not exact(previous) or bill["total_cny"] is None:
        return None
    change = (exact(bill["total_cny"]) - exact(previous)) / exact(previous)
    said = signed_percent(change, 1)
    return {
        "zh": f"上月 {grouped(previous, 2)} 元，本月 {said}",
        "en": f"last month {grouped(previous, 2)} CNY, this month {said}",
    }


def _tiles(bill: EfficiencyBillV1Row) -> list[Page]:
    """The figures of the month that are known; a missing one is explained in the notes, not shown as
    nought.
    """
    tiles = [_tile("用电量", "energy", number(bill["energy_kwh"], 2), "kWh")]
    if bill.get("average_price_cny_per_kwh") is not None:
        tiles.append(
            _tile("平均电价", "average price", number(bill["average_price_cny_per_kwh"], 4), "元/kWh")
        )
    if bill.get("max_demand_kw") is not None:
        note = f"{bill['max_demand_date']}" if bill.get("max_demand_date") else ""
        tiles.append(
            _tile(
                "最大需量",
                "maximum demand",
                number(round_half_up(exact(bill["max_demand_kw"]), Decimal("0.1")), 1),
                "kW",
                note,
            )
        )
    if bill.get("power_factor_ratio") is not None:
        adjustment = bill.get("adjustment_ratio")
        note = f"力调 adjustment {signed_percent(adjustment, 2)}" if adjustment is not None else ""
        warm = adjustment is not None and adjustment > 0
        tiles.append(_tile("功率因数", "power factor", number(bill["power_factor_ratio"], 2), "", note, warm))
    if bill.get("emission_kg_co2") is not None:
        factor = bill.get("emission_factor_kg_co2_per_kwh")
        note = f"{number(factor)['plain']} kg/kWh" if factor is not None else ""
        tiles.append(
            _tile(
                "碳排放",
                "carbon",
                {"whole": grouped(exact(bill["emission_kg_co2"]) / 1000, 2), "fraction": ""},
                "吨 t CO2",
                note,
            )
        )
    return tiles


def _tile(zh: str, en: str, value: Mapping[str, str], unit: str, note: str = "", warm: bool = False) -> Page:
    return {
        "zh": zh,
        "en": en,
        "value": value["whole"] + value["fraction"],
        "unit": unit,
        "note": note,
        "warm": warm,
    }


def _line(line: EfficiencyBillLinesV1Inside, basis: Basis) -> Page:
    confidence = Confidence(str(line["fact_confidence_code"]))
    is_adjustment = str(line["component_code"]) == LineComponent.POWER_FACTOR_ADJUSTMENT.value
    period = word(PERIODS, TouPeriod, line.get("period_code"))
    total, part = number(line["amount_cny"], 2), words.part_of(line)
    price, price_unit = number(line["unit_price"]), words.UNITS.get(str(line["price_unit"]), "")
    if is_adjustment:
        price = number(exact(line["unit_price"]) * 100, 2) | {"plain": price["plain"]}
        price_unit = "%"
    fact = str(line["fact_id"])
    return {
        "part": said_both(part) if part.zh else None,
        "item": said_both(words.component_of(line)),
        "period": said_both(period) if period.zh else None,
        "quantity": number(line["quantity"], 2 if is_adjustment else 0),
        "quantity_unit": words.UNITS.get(str(line["quantity_unit"]), str(line["quantity_unit"])),
        "price": price,
        "price_unit": price_unit,
        "amount": total["whole"] + total["fraction"],
        "amount_plain": total["plain"],
        "fact": basis[fact].both if fact in basis else fact,
        "mark": CONFIDENCE_MARKS[confidence],
        "warm": confidence in _WARM_CONFIDENCE,
    }


def _marks(lines: Sequence[EfficiencyBillLinesV1Inside]) -> list[Page]:
    """What the marks of these lines mean, surest first."""
    used = {str(line["fact_confidence_code"]) for line in lines}
    return [
        {
            "mark": CONFIDENCE_MARKS[confidence],
            "warm": confidence in _WARM_CONFIDENCE,
            **said_both(CONFIDENCES[confidence]),
        }
        for confidence in Confidence
        if confidence.value in used
    ]


def _days(days: Sequence[DayPoint]) -> Page | None:
    if not days:
        return None
    legend = [{"kind": "box", "colour": palette.DOCUMENT.brand, "zh": "每日电量", "en": "energy"}]
    if any(day.high_kwh is not None for day in days):
        legend.append({"kind": "box", "colour": palette.BASELINE, "zh": "基线区间", "en": "baseline band"})
    if any(day.expected_kwh is not None for day in days):
        legend.append({"kind": "line", "colour": palette.EXPECTED, "zh": "预期", "en": "expected"})
    above, below = sum(day.is_above for day in days), sum(day.is_below for day in days)
    spread, missing = sum(day.is_spread for day in days), sum(day.energy_kwh is None for day in days)
    of_days = (
        (above, palette.ABOVE, f"高于区间 {above} 天", f"above the band, {above} days"),
        (below, palette.BELOW, f"低于区间 {below} 天", f"below the band, {below} days"),
        (
            spread,
            palette.SPREAD,
            f"漏抄 {spread} 天，按后一次抄表均摊",
            f"not read one by one, {spread} days, evenly out of the next read",
        ),
        (missing, palette.WHITE, f"× 缺 {missing} 天", f"missing, {missing} days"),
    )
    legend += [
        {"kind": "box", "colour": colour, "zh": zh, "en": en} for count, colour, zh, en in of_days if count
    ]
    known = [day.energy_kwh for day in days if day.energy_kwh is not None]
    most = f"，最高 {grouped(max(known), 0)} kWh" if known else ""
    return {
        "svg": day_chart(days),
        "alt": f"{len(days)} 天每日电量柱状图{most}，高于基线区间 {above} 天，低于 {below} 天",
        "legend": legend,
    }


def _periods(lines: Sequence[EfficiencyBillLinesV1Inside]) -> Page | None:
    """Energy by period as the energy lines charge it; None where they know no periods."""
    energies: dict[TouPeriod, Decimal] = {}
    for line in lines:
        if str(line["component_code"]) == LineComponent.ENERGY_BASE.value and line.get("period_code"):
            period = TouPeriod(str(line["period_code"]))
            energies[period] = energies.get(period, Decimal(0)) + exact(line["quantity"])
    total = sum(energies.values(), Decimal(0))
    if total <= 0:
        return None
    parts = [
        {
            **said_both(PERIODS[period]),
            "colour": palette.PERIODS[period],
            "energy": grouped(energies[period], 2),
            "share": percent(energies[period] / total, 1),
        }
        for period in TouPeriod
        if period in energies
    ]
    alt = "，".join(f"{part['zh']} {part['share']}" for part in parts)
    return {
        "svg": period_bar(energies, {period: said.zh for period, said in PERIODS.items()}),
        "alt": alt,
        "parts": parts,
    }


def _together(bill: EfficiencyBillV1Row) -> Page | None:
    """What all advice together saves; None where there is none to add up, or on a bill of an earlier
    version.
    """
    joint = bill.get("joint_saving_cny")
    if joint is None or joint <= 0:
        return None
    shown = grouped(about(exact(joint)), 0)
    return {"zh": words.TOGETHER.zh.format(cny=shown), "en": words.TOGETHER.en.format(cny=shown)}


def _advice(row: EfficiencyBillAdviceV1Inside) -> Page:
    return {
        "number": str(row["rank"]),
        "zh": str(row["advice_zh"]),
        "en": str(row.get("advice_en") or ""),
        "assumption": {"zh": str(row.get("assumption_zh") or ""), "en": str(row.get("assumption_en") or "")},
        "saving": grouped(about(exact(row["saving_cny"])), 0),
        "unit": {"zh": "元（本月）", "en": "CNY this month"},
    }
