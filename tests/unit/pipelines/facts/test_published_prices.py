"""Monthly prices that the grid company published stand before the illustrative one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.facts import load_facts
from tests.unit.pipelines.facts.changed_files import FOLDER, refused


def monthly(folder: Path, *rows: str) -> None:
    header = (FOLDER / "tariffs/energy_base_monthly.csv").read_text(encoding="utf-8")
    (folder / "tariffs/energy_base_monthly.csv").write_text(
        header + "".join(f"{row}\n" for row in rows), encoding="utf-8"
    )


SEPTEMBER = (
    "2026-09,purchase,0.41,notice 9,2026-08-28",
    "2026-09,line_loss,0.013,notice 9,2026-08-28",
    "2026-09,system_operation,0.05,n,2026-08-29",
)


def test_published_prices_stand_before_the_illustrative_one(folder: Path) -> None:
    monthly(folder, *SEPTEMBER)
    price = load_facts(folder).energy_base
    assert price.on(date(2026, 8, 31)) == Decimal("0.5250")
    assert price.on(date(2026, 9, 30)) == Decimal("0.473")
    assert price.version_on(date(2026, 9, 1)).citation.confidence is Confidence.OFFICIAL
    assert price.on(date(2026, 9, 1), known=date(2026, 8, 28)) == Decimal("0.5250")
    with pytest.raises(FactNotInForceError):
        price.on(date(2026, 10, 1))


def test_published_prices_of_the_first_month_replace_the_illustrative_one(folder: Path) -> None:
    monthly(
        folder, *(row.replace("2026-09,", "2026-08,").replace("2026-08-2", "2026-07-2") for row in SEPTEMBER)
    )
    assert load_facts(folder).energy_base.on(date(2026, 8, 1)) == Decimal("0.473")


def test_a_published_series_that_begins_early_never_falls_back_on_the_illustrative_price(
    folder: Path,
) -> None:
    monthly(
        folder, *(row.replace("2026-09,", "2026-07,").replace("2026-08-2", "2026-06-2") for row in SEPTEMBER)
    )
    price = load_facts(folder).energy_base
    assert price.on(date(2026, 7, 31)) == Decimal("0.473")
    for day in (date(2026, 8, 1), date(2026, 9, 30)):
        with pytest.raises(FactNotInForceError):
            price.on(day)


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        (
            (*SEPTEMBER, *(row.replace("2026-09,", "2026-11,") for row in SEPTEMBER)),
            5,
            "no price for 2026-10: a gap",
        ),
        (SEPTEMBER[:2], 2, "lacks system_operation"),
        ((*SEPTEMBER, SEPTEMBER[0]), 5, "stands twice"),
        ((SEPTEMBER[0].replace("0.41", "-0.41"),), 2, "must not be negative"),
        ((SEPTEMBER[0].replace("purchase", "profit"),), 2, "no known component"),
        ((SEPTEMBER[0].replace("2026-09,", "2026-13,"),), 2, "YYYY-MM"),
        ((SEPTEMBER[0].replace("notice 9", ""),), 2, "none empty"),
    ],
)
def test_a_wrong_monthly_price_is_refused_at_its_line(
    folder: Path, rows: tuple[str, ...], line: int, words: str
) -> None:
    monthly(folder, *rows)
    refused(folder, "tariffs/energy_base_monthly.csv", line, words)
