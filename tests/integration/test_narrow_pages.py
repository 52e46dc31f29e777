"""Pages on a telephone, in a real browser: rows of lists are cards, words of charts can be read, and what is
wider than the screen scrolls inside itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from products.page_kit.svg import svg, text
from zhixiang.pages.prices import write_prices_page
from zhixiang.pages.site import PAGES

WIDTH, HIGHEST_ROW, LEAST_TEXT_PX = 390, 190, 10


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
    PAGES.write_page(page, "codes.html.j2", suppliers=suppliers, colours=["red"])
    return page


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


def test_the_page_of_prices_is_as_wide_as_the_screen(telephone: Any, tmp_path: Path) -> None:
    page = tmp_path / "prices.html"
    write_prices_page(load_facts(packaged("conf") / "facts"), BillingMonth(2026, 9), page)
    telephone.goto(page.as_uri())
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
