"""Cases as they were kept before a month had one shape (tests/data/README.md): they read, are priced and
replayed, and issue nothing anew.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.former_text import is_former
from products.efficiency_bill.case.same_month import is_cut_of, same_but_for_cuts
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.replay import replay
from tests.correction_cases import SETTINGS, factory_case, run
from tests.supplies import FACTS, METER, SHOP, WORKS, World, curves, registers
from tests.unit.pipelines.transforms.billing.terms_in_a_month import ELEVENTH, SHARE, funds_from_the_sixteenth
from tests.unit.products.efficiency_bill.case.test_segments import BILL, TERMS, case_of, october, september_of

D = Decimal
FORMER: dict[str, str] = json.loads(
    (Path(__file__).parents[4] / "data" / "former_cases.json").read_text(encoding="utf-8")
)
FIRST, LATER = "20261105T010000Z-aaaaaa", "20261205T010000Z-bbbbbb"


def shop(*, is_cut: bool) -> Case:
    facts = funds_from_the_sixteenth(FACTS) if is_cut else FACTS
    return case_of(World([SHOP | TERMS], [METER], registers("100.00"), curves(4.0), facts=facts))


def in_segments() -> Case:
    smaller = {"valid_from_date": ELEVENTH, "contract_capacity_kva": 500.0, "running_capacity_kva": 500.0}
    terms = [WORKS | TERMS, WORKS | TERMS | smaller]
    return case_of(
        World(terms, [METER], registers("2400.00"), curves(100), [SHARE | {"share_ratio": D("0.2")}])
    )


def unpriced() -> Case:
    terms = WORKS | TERMS | {"running_capacity_kva": None}
    return case_of(World([terms], [METER], registers("2400.00"), curves(100)))


@pytest.fixture(scope="module")
def today() -> dict[str, Case]:
    """The same months, gathered by the code of today, without the grounds that came later."""
    found = {
        "factory": factory_case(),
        "in segments": in_segments(),
        "whole": september_of(is_cut=False),
        "cut": september_of(is_cut=True),
        "october after whole": october(september_of(is_cut=False)),
        "october after cut": october(september_of(is_cut=True)),
        "unpriced": unpriced(),
        "shop cut": shop(is_cut=True),
        "shop": shop(is_cut=False),
    }
    return {name: replace(case, grounds=None) for name, case in found.items()}


def issued_then(case: Case, text: str) -> dict[str, Any]:
    """A bill of the case with the evidence that its text was kept in the former shape."""
    issued = run(case, FACTS, FIRST)
    assert issued is not None
    issued["efficiency_bill_inputs_v1"][0]["case_inputs"] = text
    return issued


@pytest.mark.parametrize("name", FORMER)
def test_a_former_text_is_the_case_of_today(today: dict[str, Case], name: str) -> None:
    assert is_former(FORMER[name])
    case, text = case_from_text(FORMER[name]), case_as_text(today[name])
    assert not is_former(text)
    assert case_as_text(case) == text
    assert same_but_for_cuts(text, FORMER[name])
    assert same_but_for_cuts(FORMER[name], text)
    assert issue_bill(case, FACTS, BILL, "m", "1") == issue_bill(today[name], FACTS, BILL, "m", "1")


@pytest.mark.parametrize("name", FORMER)
def test_a_bill_kept_in_the_former_shape_replays_and_is_not_issued_anew(
    today: dict[str, Case], name: str
) -> None:
    issued = issued_then(today[name], FORMER[name])
    assert replay(issued, SETTINGS, FACTS) == ()
    assert run(today[name], FACTS, LATER, issued) is None
    issued["result"]["energy_kwh"] += 1
    assert [found.column for found in replay(issued, SETTINGS, FACTS)] == ["energy_kwh"]


def test_another_month_than_the_former_one_is_told(today: dict[str, Case]) -> None:
    for one, other in (("whole", "in segments"), ("factory", "october after whole"), ("shop", "unpriced")):
        assert not same_but_for_cuts(case_as_text(today[one]), FORMER[other])
    more = case_as_text(september_of(daily="2400.24", is_cut=False))
    assert not same_but_for_cuts(more, FORMER["whole"])
    other_energy = FORMER["unpriced"].replace('"energy_kwh":"72000', '"energy_kwh":"72001')
    assert not same_but_for_cuts(case_as_text(today["unpriced"]), other_energy)


@pytest.mark.parametrize(("whole", "cut"), [("whole", "cut"), ("shop", "shop cut")])
def test_a_former_whole_month_that_a_notice_cuts_is_corrected_by_prices(
    today: dict[str, Case], whole: str, cut: str
) -> None:
    """With and without time of use: a part without has no split over periods."""
    corrected = run(
        today[cut], funds_from_the_sixteenth(FACTS), LATER, issued_then(today[whole], FORMER[whole])
    )
    assert corrected is not None
    rows = corrected["efficiency_bill_corrections_v1"]
    assert {row["cause_code"] for row in rows} == {"prices"}
    assert not is_cut_of(case_as_text(today["in segments"]), FORMER["whole"])
    assert not is_cut_of(case_as_text(september_of(daily="2400.24", is_cut=True)), FORMER["whole"])


@pytest.mark.parametrize("text", ['{"determinants":{}}', '{"determinants":{},"previous":null,"contract":1}'])
def test_what_is_no_case_of_either_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"lacks|validation"):
        case_from_text(text)


def test_a_name_that_looks_like_the_former_shape_is_none(today: dict[str, Case]) -> None:
    text = case_as_text(today["shop"]).replace("C", '\\"determinants\\":{', 1)
    assert not is_former(text)
