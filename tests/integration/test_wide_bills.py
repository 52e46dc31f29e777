"""A bill on a wide screen: no table reaches beyond the edge, however many digits a part of a month has."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import render_bill_html
from tests.supplies import FACTS, METER, WORKS, World, curves, registers
from tests.unit.pipelines.transforms.billing.terms_in_a_month import ELEVENTH, SHARE
from tests.unit.products.efficiency_bill.case.test_segments import BILL, TERMS, D, case_of


@pytest.mark.parametrize("width", [1280, 1000])
def test_a_month_in_parts_stays_between_the_edges(tmp_path: Path, width: int) -> None:
    """266.666667 kVA of ten days widened the lines by a finger beyond their head."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser_path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    terms = {"contract_capacity_kva": 500.0, "running_capacity_kva": 500.0, "valid_from_date": ELEVENTH}
    share = SHARE | {"share_ratio": D("0.2")}
    world = World([WORKS | TERMS, WORKS | TERMS | terms], [METER], registers("2400.00"), curves(100), [share])
    bill: Any = {
        "revision": 1,
        "content_digest": "0" * 64,
        **issue_bill(case_of(world), FACTS, BILL, "m", "1"),
    }
    page = tmp_path / "bill.html"
    html = render_bill_html(bill, bill["lines"], bill["advice"], bill_days(bill))
    page.write_text(html, encoding="utf-8")
    assert "266" in html
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        screen = browser.new_page(viewport={"width": width, "height": 900})
        screen.goto(page.as_uri())
        beyond = screen.evaluate(
            "[...document.querySelectorAll('table')].map(table => table.getBoundingClientRect().right"
            " - table.parentElement.getBoundingClientRect().right)"
        )
        browser.close()
    assert beyond
    assert max(beyond) <= 1
