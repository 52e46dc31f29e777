"""Efficiency bills against those worked out by hand in each folder's oracle.md."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers
from pipelines.transforms.billing.supply import Accounts
from products.efficiency_bill.advice.situation import about
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.comparison.baseline import FLAT, Baseline
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import render_bill_html
from products.efficiency_bill.settings import EfficiencyBillSettings

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
SEPTEMBER = BillingMonth.parse("2026-09")
SCENARIOS = sorted(path for path in Path(__file__).parent.iterdir() if path.name.startswith("given_"))


def rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def typed(text: str | None, dtype: pa.DataType) -> Any:
    """A cell of a CSV file as the column's type has it."""
    if pa.types.is_list(dtype):
        return text.split("+") if text else []
    if not text:
        return None
    if pa.types.is_boolean(dtype):
        return text == "true"
    if pa.types.is_floating(dtype):
        return float(text)
    if pa.types.is_integer(dtype):
        return int(text)
    return Decimal(text) if pa.types.is_decimal(dtype) else text


def table(kind: Any, path: Path, **constant: Any) -> pa.Table:
    schema = kind.arrow_schema()
    found = [
        {field.name: constant.get(field.name, typed(row.get(field.name), field.type)) for field in schema}
        for row in rows(path)
    ]
    return pa.Table.from_pylist(found, pa.schema([field.with_nullable(True) for field in schema]))


def days(path: Path) -> Days:
    found = rows(path)
    names = tuple(sorted({row["customer_id"] for row in found}))
    energy = np.full((len(names), SEPTEMBER.day_count), np.nan)
    for row in found:
        energy[names.index(row["customer_id"]), date.fromisoformat(row["energy_date"]).day - 1] = float(
            row["energy_kwh"]
        )
    return Days(names, SEPTEMBER.days, energy, np.full(energy.shape, 20.0))


def baselines(path: Path) -> dict[str, Baseline]:
    return {
        row["customer_id"]: Baseline(
            FLAT, float(row["base_kwh"]), 0, 0, 0, 0, 0, 20.0, float(row["month_sigma_kwh"]), 200, 0.1, 0.1
        )
        for row in rows(path)
    }


def gather(customers: pa.Table, determinants: pa.Table, *others: Any) -> list[Case]:
    return gather_cases(Accounts(customers.to_pylist(), determinants.to_pylist()), *others)


def bill_of(scenario: Path, customer_id: str) -> dict[str, Any]:
    when = scenario / "when"
    cases = gather(
        table(
            SilverCustomers,
            when / "customers.csv",
            valid_from_date=date(2026, 1, 1),
            provenance="real+dates_shifted",
        ),
        table(
            GoldBillingDeterminants,
            when / "determinants.csv",
            meter_point_id="MP",
            resolution_kwh=Decimal("0.01"),
            metered_days=30,
            month_days=30,
            estimated_ratio=0.0,
        ),
        days(when / "days.csv"),
        baselines(when / "baselines.csv"),
        SEPTEMBER,
        SETTINGS,
        Settings(CONF, CONF).section(PublicationSettings),
    )
    (case,) = [case for case in cases if case.terms["customer_id"] == customer_id]
    return issue_bill(case, FACTS, SETTINGS, "m", "1")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_the_bill_is_the_one_worked_out_by_hand(scenario: Path) -> None:
    (expected,) = rows(scenario / "then" / "bill.csv")
    bill = bill_of(scenario, expected["customer_id"])
    for name, text in expected.items():
        found = bill[name]
        if isinstance(found, float):
            assert found == pytest.approx(float(text), abs=1e-3), name
        elif isinstance(found, list):
            assert found == text.split("+"), name
        elif isinstance(found, bool):
            assert found is (text == "true"), name
        elif isinstance(found, Decimal | int):
            assert Decimal(found) == Decimal(text), name
        else:
            assert (found or "") == text, name


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_every_line_is_the_one_worked_out_by_hand(scenario: Path) -> None:
    (expected,) = rows(scenario / "then" / "bill.csv")
    bill = bill_of(scenario, expected["customer_id"])
    found = [
        (
            line["component_code"],
            line["period_code"] or "",
            line["quantity"],
            line["unit_price"],
            line["amount_cny"],
        )
        for line in bill["lines"]
    ]
    by_hand = [
        (
            row["component_code"],
            row["period_code"],
            Decimal(row["quantity"]),
            Decimal(row["unit_price"]),
            Decimal(row["amount_cny"]),
        )
        for row in rows(scenario / "then" / "lines.csv")
    ]
    assert found == by_hand
    assert sum(row[-1] for row in by_hand) == Decimal(expected["total_cny"])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_the_advice_is_the_one_worked_out_by_hand_and_stands_on_the_page(scenario: Path) -> None:
    (expected,) = rows(scenario / "then" / "bill.csv")
    bill = bill_of(scenario, expected["customer_id"])
    by_hand = [
        (int(row["rank"]), row["advice_id"], Decimal(row["saving_cny"]))
        for row in rows(scenario / "then" / "advice.csv")
    ]
    assert [(row["rank"], row["advice_id"], row["saving_cny"]) for row in bill["advice"]] == by_hand
    issued = bill | {"revision": 1, "supersedes_revision": None, "content_digest": "0" * 64}
    page = render_bill_html(issued, bill["lines"], bill["advice"], bill_days(bill))
    for _, _, saving in by_hand:
        assert f"约 {about(saving):,f} 元" in page
    assert f'data-total="{expected["total_cny"]}"' in page
