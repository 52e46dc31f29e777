"""Who is told of in a month that a missing fact halts, and who is not: whose bill of it stands."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest

from pipelines.errors import FactNotInForceError
from pipelines.transforms.billing.account_month import BEHIND_THE_METER
from products.efficiency_bill.issue import CONTRACT_REFUSED, PRICE_NOT_PUBLISHED
from products.efficiency_bill.page.words import MISSING_INPUTS
from products.efficiency_bill.unbilled.price_lacks import PRICE_LACKS, price_lacks
from products.efficiency_bill.unbilled.unpriced import MissingFact, halted_rows, unpriced_row
from tests.correction_cases import FACTORY, MEASURED, factory_case
from tests.measured_months import supply_of

CASE = factory_case()
NAME = CASE.terms["customer_id"]
MISSING = MissingFact.of(FactNotInForceError("transmission", date(2026, 7, 1), "from 2026-08-01"))


def told(
    is_illustrative: bool | None, provenance: str = "real", case: Any = CASE
) -> list[tuple[str, str, str, str]]:
    """is_illustrative: of the newest bill of the month; None where none has a total."""
    case = dataclasses.replace(case, terms=case.terms | {"provenance": provenance})
    rows = halted_rows(
        [case], {} if is_illustrative is None else {NAME: is_illustrative}, MEASURED.month, MISSING
    )
    return [(row["customer_id"], row["reason_code"], row["detail_zh"], row["detail_en"]) for row in rows]


def test_a_customer_without_a_bill_is_told_the_fact_and_what_to_do() -> None:
    ((name, reason, zh, en),) = told(None)
    assert (name, reason) == (NAME, "price_not_published")
    for text in (zh, en):
        assert "transmission" in text
        assert "2026-07-01" in text
        assert f"zhixiang run --month {MEASURED.month}" in text


@pytest.mark.parametrize("provenance", ["real", "simulated"])
def test_nothing_is_told_of_a_bill_that_stands(provenance: str) -> None:
    assert told(False, provenance) == []


@pytest.mark.parametrize(
    ("is_illustrative", "provenance", "count"),
    [(None, "real", 1), (None, "simulated", 1), (True, "real", 1), (True, "simulated", 0)],
)
def test_a_bill_without_its_prices_does_not_stand(
    is_illustrative: bool | None, provenance: str, count: int
) -> None:
    """An illustrative price is good enough for material of a demo and for nobody else."""
    assert len(told(is_illustrative, provenance)) == count


def test_a_customer_who_lacks_something_of_his_own_is_told_that() -> None:
    no_curve = supply_of(FACTORY, dataclasses.replace(MEASURED, energy_by_period=None))
    case = dataclasses.replace(CASE, supply=no_curve, lacks=("curve", "baseline"))
    ((_, reason, zh, en),) = told(None, case=case)
    assert reason == "input_missing"
    assert "transmission" not in zh + en
    for text in (zh, en):
        assert "zhixiang inbox add FILE" in text
        assert f"zhixiang run --month {MEASURED.month}" in text
    assert ("负荷曲线" in zh, "load curve" in en) == (True, True)


@pytest.mark.parametrize(
    ("lacks", "reason", "words"),
    [
        (["curve", "reactive_registers", "price"], "input_missing", "inbox add FILE"),
        (["curve", "time_of_use_fact", "price"], "input_missing", "facts show --on 2026-09-01"),
        (["curve", "contract", "price"], "contract_incomplete", "docs/formats"),
        (["curve", "sub_meter", "price"], "input_missing", "inbox add FILE"),
        (["curve", "contract_refused", "price"], "contract_refused", "bill show REAL-0001 --month 2026-09"),
        (["price_not_published", "price"], "price_not_published", "facts load-prices FILE"),
    ],
)
def test_each_lack_is_told_in_words_with_what_to_do_next(lacks: list[str], reason: str, words: str) -> None:
    bill: Any = {
        "customer_id": NAME,
        "customer_name": "a factory",
        "billing_month": "2026-09",
        "total_cny": None,
        "missing_inputs": [*lacks, "baseline"],
    }
    row = unpriced_row(bill)
    assert row is not None
    assert row["reason_code"] == reason
    for text in (row["detail_zh"] or "", row["detail_en"] or ""):
        assert words in text
        assert "lacks" not in text
        assert not any(name in text for name in ("baseline", "reactive_registers", "sub_meter "))
    # A curve that the contract does not ask for is no reason.
    assert ("load curve" in (row["detail_en"] or "")) is (lacks[:2] == ["curve", "reactive_registers"])


def test_every_name_is_a_word_of_the_bills_page_too() -> None:
    assert set(PRICE_LACKS) <= set(MISSING_INPUTS)
    assert {*BEHIND_THE_METER, CONTRACT_REFUSED, PRICE_NOT_PUBLISHED} <= set(PRICE_LACKS)
    assert price_lacks(["price"]) == []
