"""Penalties per day, across the turn of the year, and their least and largest amount."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.codes import CustomerClass
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import late_payment_lines
from zhixiang.cli.main import app

FACTS = load_facts(packaged("conf") / "facts")
INDUSTRY, HOME = CustomerClass.LARGE_INDUSTRY, CustomerClass.RESIDENTIAL


def amounts(customer_class: CustomerClass, unpaid: str, due: str, paid: str) -> list[str]:
    lines = late_payment_lines(
        customer_class, Decimal(unpaid), date.fromisoformat(due), date.fromisoformat(paid), FACTS
    )
    assert [line.line_number for line in lines] == list(range(1, len(lines) + 1))
    return [str(line.amount_cny) for line in lines]


@pytest.mark.parametrize(
    ("customer_class", "unpaid", "due", "paid", "expected"),
    [
        (INDUSTRY, "10000.00", "2026-09-20", "2026-09-20", []),
        (INDUSTRY, "10000.00", "2026-09-20", "2026-09-21", ["20.00"]),
        (INDUSTRY, "10000.00", "2026-09-20", "2026-09-30", ["200.00"]),
        (INDUSTRY, "10000.00", "2026-12-30", "2026-12-31", ["20.00"]),
        (INDUSTRY, "10000.00", "2026-12-30", "2027-01-01", ["20.00", "30.00"]),
        (INDUSTRY, "10000.00", "2026-12-31", "2027-01-02", ["60.00"]),
        (HOME, "10000.00", "2026-12-30", "2027-01-01", ["10.00", "10.00"]),
        (HOME, "999.00", "2026-09-20", "2026-09-21", ["1.00"]),
        (HOME, "1005.00", "2026-09-20", "2026-09-21", ["1.01"]),
        (HOME, "0.00", "2026-09-20", "2026-09-30", []),
        (INDUSTRY, "1000.00", "2026-01-01", "2026-05-31", ["300.00"]),
        (INDUSTRY, "1000.00", "2026-01-01", "2026-06-01", ["300.00"]),
        (INDUSTRY, "1000.00", "2026-01-01", "2026-05-30", ["298.00"]),
    ],
)
def test_penalties(
    customer_class: CustomerClass, unpaid: str, due: str, paid: str, expected: list[str]
) -> None:
    assert amounts(customer_class, unpaid, due, paid) == expected


def test_every_line_names_the_rule_that_set_it() -> None:
    def ids(unpaid: str, paid: str) -> list[str]:
        return [
            line.fact_id
            for line in late_payment_lines(
                INDUSTRY, Decimal(unpaid), date(2026, 1, 1), date.fromisoformat(paid), FACTS
            )
        ]

    assert ids("1000.00", "2026-01-11") == ["late_payment.daily"]
    assert ids("1.00", "2026-01-11") == ["late_payment.minimum"]
    assert ids("1000.00", "2026-12-31") == ["late_payment.cap"]


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(UsageError):
        late_payment_lines(INDUSTRY, Decimal(-1), date(2026, 9, 20), date(2026, 9, 21), FACTS)
    with pytest.raises(FactNotInForceError):
        late_payment_lines(INDUSTRY, Decimal(1), date(2023, 9, 20), date(2023, 9, 21), FACTS)


def test_the_command_shows_lines_and_total() -> None:
    """10,000 CNY due on 2026-12-30, paid on 2027-01-01: one day at 0.2 and one at 0.3 percent."""

    def asked(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["tariff", "late-payment", *arguments])

    told = json.loads(
        asked("large_industry", "10000", "--due", "2026-12-30", "--paid", "2027-01-01", "--json").stdout
    )
    assert (told["total_cny"], [line["amount_cny"] for line in told["lines"]]) == (
        "50.00",
        ["20.00", "30.00"],
    )
    assert told["lines"][1]["formula"] == "10000 CNY × 1 d × 0.003 per day (later_year)"
    assert (
        "no penalty" in asked("large_industry", "10000", "--due", "2026-12-30", "--paid", "2026-12-30").stdout
    )
    assert (
        "50.00 CNY" in asked("large_industry", "10000", "--due", "2026-12-30", "--paid", "2027-01-01").stdout
    )
    for wrong in (["industry", "1"], ["residential", "one"], ["residential", "nan"]):
        refused = asked(*wrong, "--due", "2026-12-30", "--paid", "2027-01-01")
        assert isinstance(refused.exception, UsageError), wrong


def test_each_day_pays_the_ratio_in_force_on_it() -> None:
    """Due on 2026-09-20, paid on 2026-09-30; 0.002 a day until the 26th, six days, and 0.001 from there on,
    four: 120.00 + 40.00.
    """
    (version,) = FACTS.late_payment.daily.versions
    lower = tuple({kind: ratio / 2 for kind, ratio in ratios.items()} for ratios in version.value)
    later = dataclasses.replace(
        version, value=lower, effective_from=date(2026, 9, 27), known_from=date(2026, 9, 1)
    )
    daily = dataclasses.replace(FACTS.late_payment.daily, versions=(version, later))
    facts = dataclasses.replace(FACTS, late_payment=dataclasses.replace(FACTS.late_payment, daily=daily))
    lines = late_payment_lines(INDUSTRY, Decimal(10000), date(2026, 9, 20), date(2026, 9, 30), facts)
    assert [str(line.amount_cny) for line in lines] == ["120.00", "40.00"]
    # Across the change and the turn of the year: none is lost.
    lines = late_payment_lines(
        INDUSTRY, Decimal(10000), date(2026, 9, 20), date(2027, 1, 2), facts, known=date(2026, 8, 31)
    )
    assert [str(line.quantity) for line in lines] == ["1020000", "20000"]
