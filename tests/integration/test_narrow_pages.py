"""Pages on a telephone, in a real browser: rows of lists are cards, words of charts can be read, and what is
wider than the screen scrolls inside itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from products.credit_index.pages.score_charts import distribution_chart, grades_chart
from products.credit_index.settings import CreditIndexSettings
from products.efficiency_bill.page.charts import DayPoint
from products.efficiency_bill.page.charts import day_chart as bill_days
from products.page_kit.svg import svg, text
from products.transfer_fee_code.page.charts import comparison_chart, tenants_chart
from zhixiang.pages.prices import write_prices_page
from zhixiang.pages.quality import write_month_page
from zhixiang.pages.quality_charts import (
    check_chart,
    day_chart,
    error_chart,
    gap_chart,
    heat_chart,
    months_chart,
)
from zhixiang.pages.site import PAGES

WIDTH, HIGHEST_ROW, LEAST_TEXT_PX, CHART_ROOM_PX = 390, 190, 10, 312
MARGIN_PX = 9  # into which a label of millions may stand out; the rest of it stays empty
SETTINGS = Settings(packaged("conf"), Path("unused")).section(CreditIndexSettings)


@pytest.fixture(scope="module")
def telephone() -> Iterator[Any]:
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser_path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": WIDTH, "height": 800})
        browser.close()


def codes_page(folder: Path, name: str) -> Path:
    suppliers = [
        {"month": "2026-09", "href": "a.html", "name": name, "supplier": "X", "counts": {"red": 10**9}}
    ]
    page = folder / "codes.html"
    PAGES.write_page(
        page, "codes.html.j2", suppliers=suppliers, all={"red": 10**9}, colours=["red"], labels=[]
    )
    return page


def code_charts() -> list[Any]:
    row: Any = {
        "tenant_id": "SIM-TENANT-A-001",
        "colour_code": "red",
        "charged_price_cny_per_kwh": Decimal("0.9123"),
        "reference_price_cny_per_kwh": Decimal("0.7111"),
    }
    evidence: Any = {
        "implied_price_cny_per_kwh": 0.75,
        "implied_low_cny_per_kwh": 0.7,
        "implied_high_cny_per_kwh": 0.8,
        "other_charge_cny": None,
        "fee_price_cny_per_kwh": None,
    }
    limits = [Decimal("0.1"), Decimal("0.2")]
    return [comparison_chart(row, evidence), tenants_chart([row, row], Decimal("0.7111"), limits)]


def quality_charts() -> list[Any]:
    """Every chart of the quality report with as much in it as a page ever shows."""
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    days: Any = [
        {"day": f"2026-08-{day:02d}", "series": 9, "estimated_ratio": 0.1, "missing_ratio": 0.05}
        for day in range(1, 32)
    ]
    checks: Any = [
        {"id": "VEE-V24", "title": "t", "title_zh": "日电量突增或突减", "severity": "warn", "days": count}
        for count in (1, 99_999)
    ]
    ends = (0, 2, 24, 72, 168, 336, None)
    gaps: Any = [{"above_hours": 336, "to_hours": hours, "count": 12_345} for hours in ends]
    rows = [{"meter_point_id": "M" * 128, "valid_ratios": [0.5, None, 0.999] * 4}]
    counts: Any = [{"month": month, "measured": 8, "estimated": 1, "missing": 1} for month in months * 2]
    hours = (0.25, 0.5, 1, 2, 4, 8, 24, 72, 168)
    lines: Any = {name: [(gap, 0.2) for gap in hours] for name in ("chosen", "VEE-E01", "VEE-E02")}
    limits: Any = [{"above_hours": 0, "to_hours": None, "limit_ratio": 0.15}]
    return [
        day_chart(days),
        check_chart(checks),
        gap_chart(gaps),
        heat_chart({"months": months, "rows": rows}),
        months_chart(counts),
        error_chart(lines, limits),
    ]


def heights(telephone: Any, page: Path) -> list[float]:
    """Heights of a page's rows, with what a reader has to open for them to be seen open."""
    telephone.goto(page.as_uri())
    telephone.evaluate("document.querySelectorAll('details:not(.fold)').forEach(part => part.open = true)")
    found: list[float] = telephone.evaluate(
        "[...document.querySelectorAll('table tr')].map(row => row.offsetHeight).filter(Boolean)"
    )
    assert found
    return found


def drag(telephone: Any) -> list[list[Any]]:
    """What is wider than its box, with the width of both."""
    found: list[list[Any]] = telephone.evaluate(
        "[...document.querySelectorAll('body, body *')]"
        ".filter(box => ['auto', 'scroll'].includes(getComputedStyle(box).overflowX))"
        ".filter(box => box.clientWidth && box.scrollWidth > box.clientWidth + 1)"
        ".map(box => [box.innerText.slice(0, 60), box.scrollWidth, box.clientWidth])"
    )
    return found


def test_each_row_of_a_list_is_a_card_with_amount_and_link_in_sight(telephone: Any, tmp_path: Path) -> None:
    telephone.goto(codes_page(tmp_path, "M" * 60).as_uri())
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
    boxes = telephone.evaluate(
        "[...document.querySelectorAll('table.rows td, table.rows td a')]"
        ".map(box => box.getBoundingClientRect()).map(box => [box.left, box.right, box.height])"
    )
    assert boxes
    assert all(0 <= left < right <= WIDTH and height > 0 for left, right, height in boxes)
    assert telephone.evaluate("document.querySelector('table.rows tbody').offsetHeight") < HIGHEST_ROW
    label = "getComputedStyle(document.querySelector('td.n'), '::before').content"
    assert telephone.evaluate(label) == '"绿 green"'


def test_words_of_a_chart_can_be_read(telephone: Any, tmp_path: Path) -> None:
    for roomy in (False, True):
        words = [text(10, 40, "小字 small", size=9), text(1100, 40, "end", size=12, anchor="end")]
        chart = svg(1200, 80, words, "a wide chart", kind="chart", is_roomy=roomy)
        telephone.goto(codes_page(tmp_path, chart).as_uri())
        sizes = telephone.evaluate(
            "[...document.querySelectorAll('svg text')]"
            ".map(word => parseFloat(getComputedStyle(word).fontSize) * word.getScreenCTM().a)"
        )
        assert len(sizes) == len(words)
        assert min(sizes) >= LEAST_TEXT_PX


def test_charts_are_drawn_for_the_screen(telephone: Any, tmp_path: Path) -> None:
    """What the kit's sheet shows on a telephone fits between the edges of a page, words and all."""
    scores = [500, 610, 790] * 40
    grades = grades_chart({"AAA": 1, "AA": 99_999})
    for chart in (*code_charts(), *quality_charts(), distribution_chart(scores, SETTINGS), grades):
        page = tmp_path / "chart.html"
        PAGES.write_page(page, "codes.html.j2", suppliers=[], all={}, colours=[], labels=[])
        bare = page.read_text(encoding="utf-8")
        shown = bare.replace("</main>", f'<div class="scroll">{chart}</div></main>')
        page.write_text(shown, encoding="utf-8")
        telephone.goto(page.as_uri())
        words = telephone.evaluate(
            "[...document.querySelectorAll('svg text')].filter(word => word.getClientRects().length)"
            ".map(word => [parseFloat(getComputedStyle(word).fontSize) * word.getScreenCTM().a,"
            "word.getBoundingClientRect().left - word.ownerSVGElement.getBoundingClientRect().left,"
            "word.ownerSVGElement.getBoundingClientRect().right - word.getBoundingClientRect().right])"
        )
        assert words
        assert min(size for size, _, _ in words) >= LEAST_TEXT_PX
        assert min(min(left, right) for _, left, right in words) > -1
        least = telephone.evaluate(
            "[...document.querySelectorAll('svg')].filter(chart => chart.clientWidth)"
            ".map(chart => parseFloat(getComputedStyle(chart).minWidth) || 0)"
        )
        assert max(least) <= CHART_ROOM_PX


def test_the_page_of_prices_is_as_wide_as_the_screen_with_short_rows(telephone: Any, tmp_path: Path) -> None:
    page = tmp_path / "prices.html"
    write_prices_page(load_facts(packaged("conf") / "facts"), BillingMonth(2026, 9), page)
    assert max(heights(telephone, page)) < HIGHEST_ROW
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert drag(telephone) == []


def test_steps_of_the_ledger_and_models_are_short_rows(telephone: Any, tmp_path: Path) -> None:
    tables: dict[str, Any] = {f"silver_estimation_errors_{number}": number - 1 for number in range(12)}
    tables["efficiency_bill_baseline"] = "7"
    counts = dict.fromkeys(tables, 2_260_166)
    step = {"step": "silver-estimation-errors", "status": "done", "seconds": 9.5, "versions_read": tables}
    steps = [step | {"versions_written": tables, "rows_written": counts}]
    run = {
        "run_id": "r" * 23,
        "command": "demo",
        "status": "done",
        "ended_at_utc": 1,
        "steps": steps,
        "timings": [],
    }
    ledger = tmp_path / "ledger.html"
    PAGES.write_page(ledger, "ledger.html.j2", runs=[run])
    assert max(heights(telephone, ledger)) < HIGHEST_ROW
    text = telephone.evaluate("document.querySelector('table').textContent")
    assert "silver_estimation_errors_0 尚无 none yet · 2,260,166 行 rows" in text
    assert "efficiency_bill_baseline v7 · 2,260,166 行 rows" in text
    assert "silver_estimation_errors_11 v10 · 2,260,166 行 rows" in text
    metrics = {f"test_brier_{number}": 0.02576 for number in range(14)}
    model = {"name": "credit_index", "champion": 1, "metrics": metrics, "inputs": tables}
    index = tmp_path / "index.html"
    unused: Any = {key: [] for key in ("months", "parts", "pictures", "truth")}
    quality = {"received": 10**9, "adds_up": True}
    PAGES.write_page(
        index, "index.html.j2", quality=quality, models=[model], browse_registry="mlflow ui", **unused
    )
    assert max(heights(telephone, index)) < HIGHEST_ROW
    assert drag(telephone) == []


def test_errors_of_estimates_are_short_rows(telephone: Any, tmp_path: Path) -> None:
    row: Any = {
        "customer_class_code": "general_commercial",
        "interval_minutes": 15,
        "gap_minutes": 10_080,
        "estimator_id": "chosen",
        "masked_gaps": 1_234,
        "is_flagged": True,
        "is_band_flagged": True,
    } | dict.fromkeys(
        (
            "error_ratio",
            "linear_error_ratio",
            "energy_error_ratio",
            "bias_ratio",
            "covered_ratio",
            "chosen_ratio",
        ),
        1.0,
    )
    limits = [{"above_hours": 0, "to_hours": 2, "limit_ratio": 0.15}] * 2
    none: Any = {key: [] for key in ("curves", "accounts", "gates")}
    figures: Any = none | {key: {} for key in ("registers", "reasons")} | {"error_limits": limits}
    figures |= dict.fromkeys(("received", "kept", "duplicate", "superseded", "quarantined"), 10**9)
    page = tmp_path / "quality.html"
    write_month_page(page, figures | {"adds_up": True}, None, [row], [])
    assert max(heights(telephone, page)) < HIGHEST_ROW
    assert drag(telephone) == []


def test_labels_of_the_days_of_a_bill_are_whole(telephone: Any, tmp_path: Path) -> None:
    days = [DayPoint(date(2026, 9, day), 950_000.0) for day in range(1, 31)]
    style = (packaged("products") / "efficiency_bill/page/templates/bill.css").read_text(encoding="utf-8")
    page = tmp_path / "bill.html"
    head = f'<meta name="viewport" content="width=device-width"><style>{style}</style>'
    page.write_text(f"{head}<main><figure>{bill_days(days)}</figure></main>", encoding="utf-8")
    telephone.goto(page.as_uri())
    lefts = telephone.evaluate(
        "[...document.querySelectorAll('svg text')].map(word => word.getBoundingClientRect().left)"
    )
    margin = telephone.evaluate(
        "(main => main.getBoundingClientRect().left + parseFloat(getComputedStyle(main).paddingLeft))"
        "(document.querySelector('main'))"
    )
    assert min(lefts) >= margin - MARGIN_PX


def test_a_supplier_whose_colours_are_not_told_is_told_so_over_the_whole_card(
    telephone: Any, tmp_path: Path
) -> None:
    """12 户，不公布分布 stood in a fourth of the card, under the head of the green ones."""
    suppliers = [
        {"month": "2026-09", "href": "a.html", "name": "M", "supplier": "X", "counts": None, "tenants": 12}
    ]
    page = tmp_path / "hidden.html"
    PAGES.write_page(page, "codes.html.j2", suppliers=suppliers, all=None, colours=["green"], labels=[])
    telephone.goto(page.as_uri())
    cell = "document.querySelector('td[colspan]')"
    assert telephone.evaluate(f"{cell}.offsetWidth > {cell}.parentElement.offsetWidth * 0.8")
    assert telephone.evaluate(f"getComputedStyle({cell}, '::before').display") == "none"
    assert "合计 all" not in page.read_text(encoding="utf-8")
