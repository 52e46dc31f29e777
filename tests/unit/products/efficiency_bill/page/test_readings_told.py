"""What a bill says of a reading that it rests on: the page tells it in words, in both languages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.codes import ContractNote
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.transforms.billing import account_month, determinants, sub_meters
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.issue import TRANSFORMER_LOSS_BY_PERIOD, issue_bill
from products.efficiency_bill.page.notes import bill_notes
from products.efficiency_bill.page.words import MISSING_INPUTS
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.correction_cases import run
from tests.supplies import FACTS, METER, SEPTEMBER, WORKS, World, curves, registers

SETTINGS = Settings(packaged("conf"), packaged("conf"))
BILL, LIMITS = SETTINGS.section(EfficiencyBillSettings), SETTINGS.section(PublicationSettings)
ADJUSTED = WORKS | {"power_factor_standard_ratio": 0.9, "peer_group": None, "floor_area_m2": None}
PLATE = {
    "transformer_rated_kva": 1000.0,
    "transformer_no_load_kw": 1.0,
    "transformer_load_kw": 10.0,
    "transformer_no_load_ratio": 0.005,
    "transformer_short_circuit_ratio": 0.05,
}


def case_of(terms: dict[str, Any], plate: dict[str, Any], lagging_days: int = 30) -> Case:
    """A works of 2,400 kWh and 1,200 kvarh a day; the lagging register was read on so many days."""
    settled = [
        *registers("2400.00"),
        *registers("1200.00", channel="reactive_lagging")[:lagging_days],
        *registers("0.00", channel="reactive_leading"),
    ]
    world = World([terms], [METER | plate], settled, curves(100))
    days = Days(("C",), SEPTEMBER.days, np.full((1, 30), 2400.0), np.full((1, 30), np.nan))
    (case,) = gather_cases(world.accounts, days, {}, SEPTEMBER, BILL, LIMITS, ["C"])
    return case


def told(case: Case) -> tuple[list[str], str]:
    """What the bill names, and its notes in both languages."""
    bill = issue_bill(case, FACTS, BILL, "m", "1")
    shown: Any = {**bill, "revision": 1, "supersedes_revision": None}
    return bill["missing_inputs"], json.dumps(bill_notes(shown), ensure_ascii=False)


def test_every_name_that_a_bill_can_lack_has_words_of_its_own() -> None:
    names = {value for name, value in vars(determinants).items() if name.isupper() and isinstance(value, str)}
    assert {"reactive_days", "curve_intervals", "missing_days"} <= names
    behind = {sub_meters.SUB_METER, sub_meters.METER_REASSIGNED, sub_meters.SUB_METER_DAYS}
    behind |= {account_month.SHARES_ABOVE_MAIN, account_month.RESIDENTIAL_TIERS}
    assert names | behind | set(ContractNote) | {TRANSFORMER_LOSS_BY_PERIOD} <= MISSING_INPUTS.keys()


@pytest.mark.parametrize(("days", "factor"), [(30, "0.89"), (15, "0.97")])
def test_a_factor_of_unequal_days_says_so(days: int, factor: str) -> None:
    """72,000 kWh beside 36,000 kvarh are 0.894; beside the 18,000 of fifteen days 0.970, which no day had."""
    case = case_of(ADJUSTED, {}, days)
    names, notes = told(case)
    assert str(issue_bill(case, FACTS, BILL, "m", "1")["power_factor_ratio"]) == factor
    assert ("reactive_days" in names) is (days < 30)
    assert ("功率因数按不等的天数计算" in notes) is (days < 30)
    assert ("the power factor is that of unequal days" in notes) is (days < 30)
    assert "Missing input" not in notes


@pytest.mark.parametrize(
    ("terms", "plate", "is_told"),
    [
        (ADJUSTED, PLATE, True),
        (ADJUSTED, {}, False),
        # Without time of use nothing is spread over periods.
        (ADJUSTED | {"customer_class_code": "general_commercial", "is_time_of_use": False}, PLATE, False),
    ],
    ids=["low side", "high side", "one price all day"],
)
def test_a_loss_that_is_spread_over_periods_is_marked(
    terms: dict[str, Any], plate: dict[str, Any], is_told: bool
) -> None:
    case = case_of(terms, plate)
    assert bool(case.shown.get("transformer_loss_kwh")) is bool(plate)
    names, notes = told(case)
    assert (TRANSFORMER_LOSS_BY_PERIOD in names) is is_told
    assert ("变压器损耗电量按本月各时段电量的比例分摊" in notes) is is_told
    assert ("The loss of the transformer is spread over the periods" in notes) is is_told


def test_a_bill_of_an_earlier_version_is_neither_reworded_nor_issued_anew() -> None:
    """A case without grounds was kept before the mark; the month is the same all the same."""
    case = case_of(ADJUSTED, PLATE)
    former = replace(case, grounds=None)
    assert TRANSFORMER_LOSS_BY_PERIOD not in told(case_from_text(case_as_text(former)))[0]
    issued = run(former, FACTS, "20261005T010000Z-aaaaaa")
    assert issued is not None
    assert run(case, FACTS, "20261005T020000Z-aaaaaa", issued) is None
