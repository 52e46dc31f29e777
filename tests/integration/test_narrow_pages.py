"""Pages on a telephone, in a real browser: what is wider than the screen scrolls inside itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from zhixiang.pages.prices import write_prices_page
from zhixiang.pages.site import PAGES

WIDTH = 390


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


def test_a_wide_table_leaves_the_page_as_wide_as_the_screen(telephone: Any, tmp_path: Path) -> None:
    suppliers = [
        {"month": "2026-09", "href": "a.html", "name": "M" * 60, "supplier": "X", "counts": {"red": 10**9}}
    ]
    page = tmp_path / "codes.html"
    PAGES.write_page(page, "codes.html.j2", suppliers=suppliers, colours=["red"])
    telephone.goto(page.as_uri())
    assert telephone.evaluate("document.querySelector('table').getBoundingClientRect().width") > WIDTH
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert (
        telephone.evaluate(
            "(box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX)"
            "(document.querySelector('.scroll'))"
        )
        == "auto"
    )


def test_the_page_of_prices_is_as_wide_as_the_screen(telephone: Any, tmp_path: Path) -> None:
    page = tmp_path / "prices.html"
    write_prices_page(load_facts(packaged("conf") / "facts"), BillingMonth(2026, 9), page)
    telephone.goto(page.as_uri())
    assert telephone.evaluate("document.documentElement.scrollWidth") == WIDTH
