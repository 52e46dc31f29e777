"""What a correction sheet (退补单) shows, as plain texts ready to be set: the one page behind HTML and
PDF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.codes import LineComponent, TouPeriod
from pipelines.facts.dated import NOT_READ
from pipelines.periods import BillingMonth
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.page import words
from products.efficiency_bill.page.bill import month_words, provenance_tags, said_both
from products.efficiency_bill.page.notes import bill_id
from products.efficiency_bill.page.numbers import exact, grouped, number, signed
from products.efficiency_bill.rows import EfficiencyBillCorrectionsV1Inside, EfficiencyBillV1Row
from products.efficiency_bill.tables import CorrectionCause
from products.page_kit.words import ILLUSTRATIVE_PRICE, PERIODS, Said, word
from products.provenance import provenances

Page = dict[str, Any]

TITLE = Said("退补单", "Correction of a bill")
COLLECT, REFUND, NOTHING = (
    Said("应补收", "To be collected, CNY"),
    Said("应退还", "To be refunded, CNY"),
    Said("无需退补", "Nothing to settle, CNY"),
)
HEADINGS: Mapping[str, object] = {
    "lines": {"zh": "逐项差额", "en": "The difference, line by line"},
    "columns": [
        {"zh": "项目", "en": "item"},
        {"zh": "时段", "en": "period"},
        {"zh": "", "en": ""},
        {"zh": "数量", "en": "quantity"},
        {"zh": "单价", "en": "unit price"},
        {"zh": "金额（元）", "en": "amount, CNY"},
        {"zh": "差额（元）", "en": "difference, CNY"},
        {"zh": "依据", "en": "basis and document"},
    ],
    "notes": {"zh": "说明", "en": "Notes"},
}
_ILLUSTRATIVE = Said(
    "示意电价：账单中有的单价没有公布值，为演示而设。本单不是结算凭证，不能据此退补。",
    (
        "Illustrative price: some unit prices of the bills stand in for prices not published to us. Nothing "
        "can be settled by this sheet."
    ),
)
_ISSUED, _NOW = Said("原", "issued"), Said("新", "now")
_DOCUMENTS = {"none": "无文件 no document", NOT_READ: "未读到原文 document not read"}


def correction_page(
    bill: EfficiencyBillV1Row,
    corrected: EfficiencyBillV1Row,
    rows: Sequence[EfficiencyBillCorrectionsV1Inside],
) -> Page:
    """The page of one sheet. Arguments as ``render_correction_html``; every value is text, a list or a
    mapping of texts.
    """
    ordered = sorted(rows, key=lambda row: int(row["correction_number"]))
    month = BillingMonth.parse(str(bill["billing_month"]))
    customer = str(bill.get("customer_name") or bill["customer_id"])
    difference = sum((exact(row["difference_cny"]) for row in ordered), Decimal("0.00"))
    lines = [_line(row) for row in ordered]
    sides = [side for line in lines for side in (line["issued"], line["now"]) if side["is_there"]]
    return {
        "document_title": f"退补单 {month} {customer}",
        "document_description": "能效账单退补单 correction of an efficiency bill",
        "title": said_both(TITLE),
        "month": month_words(month),
        "customer": customer,
        "tags": provenance_tags(bill),
        "terms": _terms(bill, corrected, ordered),
        "total": _total(difference),
        "change": None,
        "is_illustrative": bool(bill["is_illustrative"] or corrected["is_illustrative"]),
        "stamp": said_both(ILLUSTRATIVE_PRICE),
        "tiles": [
            _tile(
                "原账单电费",
                "as issued",
                corrected["total_cny"],
                f"第 {corrected['revision']} 版 revision {corrected['revision']}",
            ),
            _tile(
                "更正后电费",
                "as corrected",
                bill["total_cny"],
                f"第 {bill['revision']} 版 revision {bill['revision']}",
            ),
            {
                **_tile("差额", "difference", difference, ""),
                "value": signed(difference, 2),
                "warm": difference > 0,
            },
        ],
        "words": HEADINGS,
        "lines": lines,
        "places": {
            name: max((int(side[name]["places"]) for side in sides), default=0)
            for name in ("quantity", "price")
        },
        "notes": [said_both(said) for said in _notes(bill, corrected, ordered)],
        "footer": [
            f"退补单号 {bill_id(bill)}-R{bill['revision']}",
            (
                f"第 {bill['revision']} 版，更正第 {corrected['revision']} 版 revision {bill['revision']} "
                f"corrects {corrected['revision']}"
            ),
            f"原账单摘要 digest as issued {corrected['content_digest']}",
            f"更正后摘要 digest as corrected {bill['content_digest']}",
        ],
    }


def _terms(
    bill: EfficiencyBillV1Row,
    corrected: EfficiencyBillV1Row,
    rows: Sequence[EfficiencyBillCorrectionsV1Inside],
) -> list[Page]:
    days = days_of_row(bill)
    day = rows[0]["corrected_date"] if rows else None
    revision = int(corrected["revision"])
    issued = f"第 {revision} 版 revision {revision}" + (f"，{day} 出具 issued" if day else "")
    documents = list(dict.fromkeys(str(name) for row in rows for name in row["notices"]))
    found = [
        ("客户编号", "customer", str(bill["customer_id"])),
        ("原账单", "bill corrected", f"{bill_id(bill)} {issued}"),
        ("电费周期", "period", f"{days.first_day} — {days.last_day}"),
        ("更正依据", "corrected by", "；".join(documents)),
    ]
    return [{"zh": zh, "en": en, "value": value} for zh, en, value in found if value]


def _total(difference: Decimal) -> Page:
    label = COLLECT if difference > 0 else REFUND if difference < 0 else NOTHING
    total = number(abs(difference), 2)
    return {
        "label": said_both(label),
        "sign": "¥",
        **{name: total[name] for name in ("whole", "fraction", "plain")},
        "text": signed(difference, 2),
    }


def _tile(zh: str, en: str, value: Any, note: str) -> Page:
    return {"zh": zh, "en": en, "value": grouped(value, 2), "unit": "元", "note": note, "warm": False}


def _line(row: EfficiencyBillCorrectionsV1Inside) -> Page:
    period = word(PERIODS, TouPeriod, row.get("period_code"))
    return {
        "item": said_both(word(words.COMPONENTS, LineComponent, row["component_code"])),
        "period": said_both(period) if period.zh else None,
        "difference": signed(row["difference_cny"], 2),
        "difference_plain": number(row["difference_cny"], 2)["plain"],
        "is_above": exact(row["difference_cny"]) > 0,
        "issued": _side(
            row,
            _ISSUED,
            _Figures(
                row["issued_quantity"],
                row["issued_unit_price"],
                row["issued_amount_cny"],
                row["issued_fact_id"],
                row["issued_documents"],
            ),
        ),
        "now": _side(
            row,
            _NOW,
            _Figures(
                row["now_quantity"],
                row["now_unit_price"],
                row["now_amount_cny"],
                row["now_fact_id"],
                row["now_documents"],
            ),
        ),
    }


class _Figures(NamedTuple):
    """What a row says of one of its two lines; quantity, price and fact are empty where there was none."""

    quantity: Decimal | None
    unit_price: Decimal | None
    amount_cny: Decimal
    fact_id: str | None
    documents: Sequence[str]


def _side(row: EfficiencyBillCorrectionsV1Inside, label: Said, said: _Figures) -> Page:
    """One of the two lines; without figures where there was none."""
    is_there = said.quantity is not None
    is_money = str(row["component_code"]) == LineComponent.POWER_FACTOR_ADJUSTMENT.value
    documents = [_DOCUMENTS.get(str(each), str(each)) for each in said.documents]
    return {
        "label": said_both(label),
        "is_issued": label is _ISSUED,
        "is_there": is_there,
        "quantity": number(said.quantity, 2 if is_money else 0) if is_there else None,
        "quantity_unit": words.UNITS.get(str(row["quantity_unit"]), str(row["quantity_unit"])),
        "price": number(said.unit_price) if is_there else None,
        "price_unit": words.UNITS.get(str(row["price_unit"]), str(row["price_unit"])),
        "amount": grouped(said.amount_cny, 2),
        "basis": "；".join([str(said.fact_id), *documents]) if is_there else "",
    }


def _notes(
    bill: EfficiencyBillV1Row,
    corrected: EfficiencyBillV1Row,
    rows: Sequence[EfficiencyBillCorrectionsV1Inside],
) -> list[Said]:
    said = [_ILLUSTRATIVE] if bill["is_illustrative"] or corrected["is_illustrative"] else []
    if rows and str(rows[0]["cause_code"]) == CorrectionCause.PRICES.value:
        said.append(
            Said(
                "账单出具之后才知悉的电价追溯到本月；计量数据和合同条件没有变化。",
                (
                    "Prices that became known after the bill was issued reach back into its month; the "
                    "metering and the contract are unchanged."
                ),
            )
        )
    else:
        said.append(
            Said(
                "账单出具之后，本月的计量数据或合同条件有更正。",
                "After the bill was issued, what was metered or agreed for its month was corrected.",
            )
        )
    revision = int(corrected["revision"])
    said.append(
        Said(
            f"第 {revision} 版账单保持原样；本单只结算它与更正后金额的差额。",
            f"Revision {revision} of the bill stays as issued; this sheet settles only what it differs by.",
        )
    )
    if any(not row["notices"] for row in rows):
        said.append(
            Said(
                "没有列明新文件的差额随其他项目或数量而变。",
                "A difference for which no new document is named follows from other lines or quantities.",
            )
        )
    return [*said, *[words.PROVENANCE_NOTES[kind] for kind in provenances(bill.get("provenance"))]]
