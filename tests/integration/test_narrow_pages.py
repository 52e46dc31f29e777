"""Pages on a telephone, in a real browser: rows of lists are cards, words of charts can be read, and what is
wider than the screen scrolls inside itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from products.credit_index.pages.score_charts import distribution_chart
from products.credit_index.settings import CreditIndexSettings
from products.page_kit.svg import svg, text
from products.transfer_fee_code.page.charts import comparison_chart, tenants_chart
from zhixiang.pages.prices import write_prices_page
from zhixiang.pages.site import PAGES

WIDTH, HIGHEST_ROW, LEAST_TEXT_PX, CHART_ROOM_PX = 390, 190, 10, 312
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
    PAGES.write_page(page, "codes.html.j2", suppliers=suppliers, colours=["red"], labels=[])
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


def test_charts_of_codes_and_scores_are_drawn_for_the_screen(telephone: Any, tmp_path: Path) -> None:
    """What the kit's sheet shows on a telephone fits between the edges of a page, words and all."""
    for chart in (*code_charts(), distribution_chart([500, 610, 790] * 40, SETTINGS)):
        page = tmp_path / "chart.html"
        PAGES.write_page(page, "codes.html.j2", suppliers=[], colours=[], labels=[])
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


def test_the_page_of_prices_is_as_wide_as_the_screen(telephone: Any, tmp_path: Path) -> None:
    page = tmp_path / "prices.html"
    write_prices_page(load_facts(packaged("conf") / "facts"), BillingMonth(2026, 9), page)
    telephone.goto(page.as_uri())
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
