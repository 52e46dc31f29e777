"""Pages of the credit index."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from products.credit_index.pages.score_pages import render_enterprise, render_portfolio
from products.credit_index.reasons import NAMES
from tests.unit.products.credit_index.shown_scores import LIMITS, MONTH, SETTINGS, four, reason, score


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.words += data


EVIL = '<script>alert(1)</script>"onload="x'


@pytest.mark.parametrize("field", ["customer_name", "veto_zh", "scale_label"])
def test_pages_escape_what_they_are_given(field):
    row = score(
        "A", **{"veto_code": "CI-V01", "veto_zh": "x", "veto_en": "y", "warning_code": "alert", field: EVIL}
    )
    for text in (
        render_portfolio([row], four("A"), MONTH, SETTINGS, LIMITS),
        render_enterprise(row, [reason("A", 1, text_zh=EVIL)], [], SETTINGS, LIMITS),
    ):
        page = Page(text)
        assert "script" not in page.tags
        assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
        assert EVIL in page.words


def test_pages_carry_a_strict_policy_and_say_that_they_are_simulated():
    for text in (
        render_portfolio([score("A")], four("A"), MONTH, SETTINGS, LIMITS),
        render_enterprise(score("A"), four("A"), [], SETTINGS, LIMITS),
    ):
        assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
        assert "unsafe" not in text
        assert "模拟数据" in text
        assert "SIMULATED" in text
        assert "本项目自定" in text


def test_a_page_of_other_provenance_has_no_mark_of_simulation():
    assert "模拟数据" not in render_enterprise(
        score("A", provenance="real", customer_name="甲"), four("A"), [], SETTINGS, LIMITS
    )


def test_one_simulated_enterprise_makes_nobody_else_one():
    real = score("A", provenance="real+dates_shifted", customer_name="甲")
    made_up = score("B", customer_name="乙")
    page = Page(render_portfolio([real, made_up], [*four("A"), *four("B")], MONTH, SETTINGS, LIMITS)).words
    assert "均为模拟" not in page
    assert "made up" not in page
    assert "含模拟数据" in page
    assert "真实数据、日期平移、模拟" in page
    assert "not for lending decisions" in page


def test_a_score_of_real_energy_and_simulated_payments_names_both():
    mixed = score("A", provenance="real+simulated", customer_name="甲")
    page = Page(render_enterprise(mixed, four("A"), [], SETTINGS, LIMITS)).words
    assert "均为模拟" not in page
    assert "real, simulated" in page
    assert (
        "数据来源 Data: 真实数据"
        in Page(render_enterprise(mixed | {"provenance": "real"}, four("A"), [], SETTINGS, LIMITS)).words
    )


def test_the_portfolio_lists_the_most_urgent_first_with_veto_or_worst_reason():
    rows = [
        score("CALM"),
        score("WATCHED", warning_code="watch", default_probability_ratio=0.2),
        score("VETOED", warning_code="alert", veto_code="CI-V01", veto_zh="窃电", veto_en="theft"),
    ]
    words = Page(
        render_portfolio(
            rows,
            [reason("WATCHED", 1, text_zh="好"), reason("WATCHED", 2, text_zh="坏")],
            MONTH,
            SETTINGS,
            LIMITS,
        )
    ).words
    assert words.index("VETOED") < words.index("窃电") < words.index("WATCHED") < words.index("坏")
    assert "模拟企业CALM" not in words
    assert "好" not in words


def test_an_enterprises_page_shows_history_and_indicators_of_its_own_months_only():
    known = [
        {"indicator_month": month, "month_kwh": kwh, **dict.fromkeys(NAMES, 0.5)}
        for month, kwh in (("2026-10", 77.0), ("2026-09", 1234.0), ("2026-08", None))
    ]
    words = Page(
        render_enterprise(
            score("A"),
            four("A"),
            [score("A", score_month="2026-08", score_points=655)],
            SETTINGS,
            LIMITS,
            indicators=known,
        )
    ).words
    assert "1,234 kWh" in words
    assert "77 kWh" not in words
    assert "2026-10" not in words
    assert "信用分走势" in words
    assert "全部指标" in words
