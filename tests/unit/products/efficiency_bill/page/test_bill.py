"""What a customer sees: the screen and the paper hold the same exact numbers, and a name is never more than a
name.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract
from products.efficiency_bill.page.bill import bill_days, bill_page
from products.efficiency_bill.page.charts import DayPoint, day_chart, percentile_bar, period_bar
from products.efficiency_bill.page.rendering import BillPdf, printable
from tests.measured_months import Measured
from tests.unit.products.efficiency_bill.page.shown_bills import ADVICE, PDF, page, paper, priced

D = Decimal

SEPTEMBER = BillingMonth.parse("2026-09")
INJECTIONS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '#read("/etc/passwd")',
    '=HYPERLINK("http://example.invalid","x")',
    "{{ 7 * 7 }} {% raw %} $ \\evil *b* _i_ @ref <label> //comment",
    "𠮷野家 龘龘 🏭 工厂",
    "a\u202eb\u200bc\x07d",
]
STEEL = priced(
    Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        VoltageLevel.KV_1_TO_20,
        True,
        D(800),
        D(800),
        DemandBasis.CONTRACT_DEMAND,
        D(600),
        D("0.90"),
    ),
    Measured(
        SEPTEMBER,
        D("60916.39"),
        {TouPeriod.PEAK: D("19798.27"), TouPeriod.FLAT: D("27504.26"), TouPeriod.VALLEY: D("13613.86")},
        D("505.0"),
        D("34985.37"),
        D("8885.74"),
        D("0.01"),
    ),
)
OFFICE = priced(
    Contract(CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.KV_1_TO_20, False),
    Measured(SEPTEMBER, D("40458.37"), None, None, None, None, D("0.01")),
    customer_id="BDG-Office_A",
    customer_name="示例建筑",
    meter_point_ids=["MP-BDG-Office_A"],
    missing_inputs=["curve", "reactive_registers"],
    contract_capacity_kva=None,
    contract_demand_kw=None,
    max_demand_date=None,
    peer_group="Office",
    peer_count=74,
    peer_percentile_pct=30.4,
    intensity_kwh_per_m2=5.87,
    peer_median_kwh_per_m2=9.12,
)
BILLS = pytest.mark.parametrize(("bill", "lines"), [STEEL, OFFICE], ids=["steel works", "office"])


def paper_text(content: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler) is not installed")
    (folder / "bill.pdf").write_bytes(content)
    return subprocess.run(
        ["pdftotext", "-layout", str(folder / "bill.pdf"), "-"], capture_output=True, check=True
    ).stdout.decode()


class Seen(HTMLParser):
    """The elements and the visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@BILLS
def test_lines_on_the_page_sum_to_the_total_to_the_fen(
    bill: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    shown = [
        attributes for tag, attributes in Seen(page(bill, lines)).elements if "data-amount" in attributes
    ]
    assert len(shown) == len(lines)
    amounts = []
    for row in shown:
        quantity, price, amount = (
            D(str(row[name])) for name in ("data-quantity", "data-price", "data-amount")
        )
        assert (quantity * price).quantize(D("0.01"), rounding=ROUND_HALF_UP) == amount
        amounts.append(amount)
    (total,) = [
        D(str(attributes["data-total"]))
        for _, attributes in Seen(page(bill, lines)).elements
        if "data-total" in attributes
    ]
    assert sum(amounts) == total == bill["total_cny"]


@BILLS
def test_the_paper_says_the_total_and_every_amount(
    bill: dict[str, Any], lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    text = paper_text(paper(bill, lines), tmp_path)
    assert f"{bill['total_cny']:,.2f}" in text
    for line in lines:
        assert f"{line['amount_cny']:,.2f}" in text
        assert str(line["fact_id"]) in text
    assert "示意电价" in text
    assert bill["content_digest"] in text.replace("\n", "").replace(" ", "")


def test_the_works_of_september() -> None:
    text = Seen(page(*STEEL)).text
    for figure in (
        "77,504.18",
        "60,916.39",
        "505.0",
        "0.81",
        "+4.50%",
        "72,462.26",
        "3,260.80",
        "4,900",
        "4.50%",
    ):
        assert figure in text.replace("\n", "")


@BILLS
def test_the_same_rows_give_the_same_bytes(bill: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    first = paper(bill, lines)
    assert first == paper(bill, list(reversed(lines)), BillPdf())
    assert page(bill, lines) == page(bill, list(reversed(lines)))
    assert first != paper(bill | {"revision": 2, "supersedes_revision": 1}, lines)


def test_the_paper_is_an_archive_copy_for_all_readers() -> None:
    pikepdf = pytest.importorskip("pikepdf")
    from io import BytesIO

    with pikepdf.open(BytesIO(paper(*STEEL))) as document:
        metadata = document.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"], metadata["pdfuaid:part"]) == (
            "2",
            "A",
            "1",
        )
        assert metadata["dc:title"] == "能效账单 2026-09 示例钢铁厂"
        assert "/JavaScript" not in document.Root.get("/Names", {})


@pytest.mark.parametrize("name", INJECTIONS)
def test_a_name_is_never_more_than_a_name(name: str, tmp_path: Path) -> None:
    bill, lines = STEEL
    named = bill | {"customer_name": name, "meter_point_ids": [name], "peer_group": name, "customer_id": name}
    shown = page(named, lines)
    seen = Seen(shown)
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {"script", "img", "iframe", "object", "a", "link", "form"}
    assert not any(attribute.startswith("on") for _, attributes in seen.elements for attribute in attributes)
    literal = "".join(
        character if character not in "\u202e\u200b\x07" else f"〈U+{ord(character):04X}〉"
        for character in name
    )
    assert literal in seen.text
    assert "root:" not in shown
    text = paper_text(paper(named, lines), tmp_path)
    assert "root:" not in text
    expected = printable(name)
    assert re.sub(r"\s", "", expected)[:20] in re.sub(r"[\s\u200b]", "", text)


def test_what_the_paper_font_lacks_is_shown_by_its_number() -> None:
    assert printable("A🏭\u202eB") == "A〈U+1F3ED〉〈U+202E〉B"
    assert printable("钢铁 №1 – “好”") == "钢铁 №1 – “好”"


@BILLS
def test_the_page_loads_nothing_and_forbids_it(bill: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    text = page(bill, lines)
    (policy,) = [
        attributes["content"]
        for tag, attributes in Seen(text).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in str(policy)
    assert " style=" not in text
    assert not re.search(r"(src|href)\s*=", text)
    assert not re.search(r"url\(|@import", style[1])
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curve", "没有分时曲线，因此不显示最大需量"),
        ("reactive_registers", "没有无功电量，因此不显示功率因数"),
        ("weather", "没有气温数据"),
        ("baseline", "没有基线"),
        ("missing_days", "没有抄表电量"),
        ("contract", "没有供电合同信息"),
        ("price", "不计算电费"),
        ("advice", "不足三条"),
        ("something_new", "缺少输入：something_new"),
    ],
)
def test_a_missing_input_is_named_in_words_and_only_then(name: str, said: str) -> None:
    bill, lines = OFFICE
    assert said in page(bill | {"missing_inputs": [name]}, lines)
    assert said not in page(bill | {"missing_inputs": []}, lines)


def test_what_is_not_known_is_left_out_and_not_shown_as_nought() -> None:
    office, works = Seen(page(*OFFICE)).text, Seen(page(*STEEL)).text
    for label in ("最大需量", "功率因数"):
        assert re.search(label + r"\s*(maximum demand|power factor)", works)
        assert not re.search(label + r"\s*(maximum demand|power factor)", office)
    assert 'class="chart-periods"' in page(*STEEL)
    assert 'class="chart-periods"' not in page(*OFFICE)


def test_provenance_and_stamp_are_told() -> None:
    bill, lines = STEEL
    text = page(bill, lines)
    for said in ("日期平移", "推算", "假定", "示意电价", "不能据此付款"):
        assert said in text
    plain = page(
        bill | {"provenance": "real", "is_illustrative": False},
        [line | {"fact_confidence_code": "official"} for line in lines],
    )
    for said in ("日期平移", "假定：", "示意电价"):
        assert said not in plain


@pytest.mark.parametrize(("is_above", "ratio"), [(False, 0.10), (True, 0.1001)])
def test_much_estimated_energy_is_told(is_above: bool, ratio: float) -> None:
    bill, lines = STEEL
    text = page(bill | {"estimated_ratio": ratio, "is_estimated_above_limit": is_above}, lines)
    assert ("超过限值" in text) is is_above
    assert "的电量为估算值" in text


def test_a_bill_that_could_not_be_priced_says_so(tmp_path: Path) -> None:
    bill = STEEL[0] | {
        "total_cny": None,
        "average_price_cny_per_kwh": None,
        "missing_inputs": ["curve", "price"],
        "is_illustrative": False,
    }
    text = page(bill, [], [])
    assert "未计价" in text
    assert "缺少计价所需的输入" not in text
    assert "本月不计算电费：合同按分时或需量计价，而本月没有（完整的）负荷曲线。" in text
    assert "¥" not in text
    assert "未计价" in paper_text(PDF.render(bill, [], [], bill_days(bill)), tmp_path)


def test_a_correction_names_what_it_corrects() -> None:
    assert "更正第 1 版" in page(STEEL[0] | {"revision": 2, "supersedes_revision": 1}, STEEL[1])


def test_the_same_chart_stands_on_screen_and_paper() -> None:
    bill, lines = STEEL
    shown = bill_page(bill, lines, ADVICE, bill_days(bill))
    assert shown["days"]["svg"] in page(bill, lines)
    assert shown["periods"]["svg"] in page(bill, lines)


def test_bars_are_as_high_as_the_days() -> None:
    days = [
        DayPoint(date(2026, 9, 1), 50.0),
        DayPoint(date(2026, 9, 2), 100.0),
        DayPoint(date(2026, 9, 3), None),
    ]
    chart = day_chart(days)
    heights = [float(found) for found in re.findall(r'height="([\d.]+)" fill="#00796b"', chart)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.02)
    assert len(heights) == 2
    assert "×" in chart


def test_a_day_above_its_band_is_marked_and_one_on_it_is_not() -> None:
    on, above = (DayPoint(date(2026, 9, 1), energy, 10.0, 8.0, 12.0) for energy in (12.0, 12.1))
    assert (on.is_above, above.is_above) == (False, True)


@pytest.mark.parametrize(
    "days",
    [
        [],
        [DayPoint(date(2026, 9, 1), 0.0)],
        [DayPoint(date(2026, 9, 1), None)],
        [DayPoint(date(2026, 9, 1), 3e9)],
    ],
)
def test_charts_bear_empty_and_huge_months(days: list[DayPoint]) -> None:
    assert "nan" not in day_chart(days).lower()
    assert day_chart(days).endswith("</svg>")


def test_periods_share_the_bar_by_energy() -> None:
    bar = period_bar(
        {TouPeriod.PEAK: D(30), TouPeriod.VALLEY: D(10)}, {TouPeriod.PEAK: "峰", TouPeriod.VALLEY: "谷"}
    )
    widths = [float(found) for found in re.findall(r'<rect x="[\d.]+" y="0" width="([\d.]+)"', bar)]
    assert widths[0] == pytest.approx(3 * widths[1], rel=1e-3)
    assert "75.0%" in bar
    assert period_bar({}, {}) == ""
    assert percentile_bar(-5) == percentile_bar(0)
