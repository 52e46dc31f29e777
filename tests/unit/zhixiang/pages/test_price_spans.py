"""The page of prices without a browser: a table for each part of a month, and months that lack prices."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import (
    Confidence,
    CustomerClass,
)
from pipelines.facts import Dated, load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from zhixiang.pages.price_figures import calculator_figures
from zhixiang.pages.price_hours import AS_SEASON, day_rows, holiday_days
from zhixiang.pages.prices import write_prices_page

FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
D = Decimal


def test_a_published_price_takes_the_mark_away(tmp_path: Path) -> None:
    (only,) = FACTS.energy_base.versions
    official = dataclasses.replace(
        only, citation=dataclasses.replace(only.citation, confidence=Confidence.OFFICIAL)
    )
    changed = dataclasses.replace(FACTS.energy_base, versions=(official,))
    facts = dataclasses.replace(FACTS, energy_base=changed, by_id={**FACTS.by_id, "energy_base": changed})
    figures = write_prices_page(facts, SEPTEMBER, tmp_path / "index.html")
    assert [span["illustrative"] for span in figures["spans"]] == [[]]
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    shown = text[text.index("<main>") : text.index("<script")]
    assert "示意" not in shown.replace("示意电价 illustrative</span></div>", "")


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    write_prices_page(FACTS, SEPTEMBER, tmp_path / "prices" / "index.html")
    assert [path.name for path in (tmp_path / "prices").iterdir()] == ["index.html"]


def with_second_version(dated: Dated[Any], first_day: date, value: Any) -> Dated[Any]:
    later = dataclasses.replace(
        dated.versions[-1], value=value, effective_from=first_day, known_from=first_day
    )
    return dataclasses.replace(dated, versions=(*dated.versions, later))


def test_a_price_that_changes_inside_the_month_gives_a_table_for_each_part(tmp_path: Path) -> None:
    """Funds of 0.03 from 2026-10-16: fifteen days at 0.02923875 and sixteen at 0.03."""
    changed = dataclasses.replace(
        FACTS, funds=with_second_version(FACTS.funds, date(2026, 10, 16), D("0.03"))
    )
    october = BillingMonth(2026, 10)
    figures = write_prices_page(changed, october, tmp_path / "index.html")
    assert [(span["first"], span["last"]) for span in figures["spans"]] == [
        ("2026-10-01", "2026-10-15"),
        ("2026-10-16", "2026-10-31"),
    ]
    funds = [span["energy"]["large_industry"]["two_part"]["35kv"]["funds"] for span in figures["spans"]]
    assert [set(prices.values()) for prices in funds] == [{"0.02923875"}, {"0.03"}]
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    # Flat at 35 kV, two-part: 0.5250 + 0.0895 + funds.
    assert "0.64374" in text
    assert "0.64450" in text
    assert "月内调价" in text
    # A version that changes nothing gives no second table.
    same = dataclasses.replace(
        FACTS, funds=with_second_version(FACTS.funds, date(2026, 10, 16), FACTS.funds.on(date(2026, 10, 1)))
    )
    assert len(calculator_figures(same, october)["spans"]) == 1


def test_a_price_that_begins_inside_the_month_is_not_shown_before(tmp_path: Path) -> None:
    (only,) = FACTS.funds.versions
    late = dataclasses.replace(
        FACTS.funds, versions=(dataclasses.replace(only, effective_from=date(2026, 8, 10)),)
    )
    figures = write_prices_page(
        dataclasses.replace(FACTS, funds=late), BillingMonth(2026, 8), tmp_path / "index.html"
    )
    assert [
        (span["first"], bool(span["energy"]["large_industry"]["two_part"])) for span in figures["spans"]
    ] == [
        ("2026-08-01", False),
        ("2026-08-10", True),
    ]
    assert "没有在用的工商业电量电价" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("month", "says"),
    [
        ((2026, 7), "没有在用的工商业电量电价"),
        ((2018, 4), "此段执行目录电价"),
        ((2016, 1), "没有在用的工商业电量电价"),
    ],
)
def test_a_month_without_prices_says_so(month: tuple[int, int], says: str, tmp_path: Path) -> None:
    figures = write_prices_page(FACTS, BillingMonth(*month), tmp_path / "index.html")
    assert says in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(
        not ways for span in figures["spans"] for kinds in span["energy"].values() for ways in kinds.values()
    )
    # Residential prices have been in force since 2018-04 in these facts.
    assert (figures["spans"][0]["residential"] is not None) == (month >= (2018, 4))


def test_the_hours_of_holidays_and_their_days_are_shown() -> None:
    rows = {
        row["label"]: row["runs"] for row in day_rows(FACTS, CustomerClass.LARGE_INDUSTRY, date(2026, 9, 1))
    }
    # Ruling R6: 0-9 valley, 9-15 deep valley, then as the season; and the season's own hours of
    # 浙发改价格〔2026〕112号.
    assert rows["劳动节、国庆节 前3天 first 3 days"] == [(36, "valley"), (24, "deep_valley"), (36, AS_SEASON)]
    assert rows["1、7–8、12月"] == [
        (28, "valley"),
        (16, "flat"),
        (12, "valley"),
        (8, "flat"),
        (8, "peak"),
        (16, "sharp"),
        (4, "peak"),
        (4, "flat"),
    ]
    assert holiday_days(FACTS, CustomerClass.LARGE_INDUSTRY, SEPTEMBER)[0] == {
        "first": "2026-10-01",
        "last": "2026-10-03",
        "name": "国庆节",
    }
    assert day_rows(FACTS, CustomerClass.GENERAL_COMMERCIAL, date(2023, 1, 1)) == []
