"""Rows of declared tables are typed by their columns: mypy refuses one that is misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints

import pyarrow as pa
import pytest
from mypy import api

from pipelines.tables.base import rows_of_table
from pipelines.tables.rows.gold import GoldBillingDeterminantsComputed, GoldBillingDeterminantsRow
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tables.silver import SilverCustomers
from pipelines.transforms.billing.determinants import DETERMINANTS_SCHEMA
from pipelines.transforms.billing.month_totals import MONTH_TOTALS_SCHEMA, MonthTotalsRow
from pipelines.transforms.billing.period_columns import known_periods, period_columns, periods_of
from pipelines.transforms.days.curve_days import CURVE_DAYS_SCHEMA, CurveDayRow
from products.efficiency_bill.case.columns import BillTerms, CaseTerms, bill_terms
from products.efficiency_bill.rows import (
    EfficiencyBillLinesV1Computed,
    EfficiencyBillLinesV1Inside,
    EfficiencyBillLinesV1Row,
)
from products.efficiency_bill.tables import EfficiencyBillLinesV1

ROOT = Path(__file__).resolve().parents[4]
SNIPPET = """
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow
def energy(row: GoldBillingDeterminantsRow) -> object: return row["{column}"]
"""


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says under the house's settings, by the column that a snippet reads; one run for all."""
    folder = tmp_path_factory.mktemp("typed")
    snippets = {
        column: folder / f"reads_{column}.py" for column in ("energy_kwh", "enregy_kwh", "energy_mwh")
    }
    for column, path in snippets.items():
        path.write_text(SNIPPET.format(column=column), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        said, broken, _ = api.run(
            [
                "--config-file=pyproject.toml",
                f"--cache-dir={folder / 'cache'}",
                "--no-error-summary",
                *map(str, snippets.values()),
            ]
        )
    assert broken == ""
    return {
        column: "\n".join(line for line in said.splitlines() if path.name in line)
        for column, path in snippets.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("column", ["enregy_kwh", "energy_mwh"])
def test_a_misspelt_column_is_refused(refused: dict[str, str], column: str) -> None:
    assert re.search(rf'has no key "{column}"\s+\[typeddict-item\]', refused[column])


@pytest.mark.slow
def test_a_column_that_is_declared_is_not(refused: dict[str, str]) -> None:
    assert refused["energy_kwh"] == ""


def names_of(kind: type, without: Iterable[str] = ()) -> set[str]:
    return set(get_type_hints(kind)) - set(without)


def test_a_row_has_the_columns_of_its_table_and_what_may_be_empty() -> None:
    hints = get_type_hints(SilverCustomersRow)
    assert tuple(hints) == SilverCustomers.columns()
    assert hints["customer_id"] is str
    assert hints["market_price_cny_per_kwh"] == Decimal | None
    assert names_of(GoldBillingDeterminantsRow) - names_of(GoldBillingDeterminantsComputed) == {
        "computed_run_id"
    }
    assert names_of(GoldBillingDeterminantsComputed) == set(DETERMINANTS_SCHEMA.names)


def test_a_row_of_evidence_holds_what_lies_inside_its_result() -> None:
    outer, added = (
        {"customer_id", "billing_month"},
        {"revision", "computed_run_id", "rules_digest"},
    )
    assert names_of(EfficiencyBillLinesV1Row) == set(EfficiencyBillLinesV1.columns())
    assert names_of(EfficiencyBillLinesV1Computed) == names_of(EfficiencyBillLinesV1Row, added)
    assert names_of(EfficiencyBillLinesV1Inside) == names_of(EfficiencyBillLinesV1Row, added | outer)


def test_rows_beside_the_declared_tables_have_the_columns_of_their_schemas() -> None:
    of_terms = {
        "customer_id",
        "parent_meter_point_id",
        "customer_class_code",
        "is_time_of_use",
        "is_ev_charging",
    }
    assert names_of(MonthTotalsRow, of_terms) == set(MONTH_TOTALS_SCHEMA.names)
    assert names_of(CurveDayRow) == set(CURVE_DAYS_SCHEMA.names)


def test_the_terms_of_a_bill_are_columns_of_its_customer_and_all_are_taken() -> None:
    of_customer = get_type_hints(SilverCustomersRow)
    assert {name: of_customer[name] for name in names_of(CaseTerms)} == get_type_hints(CaseTerms)
    row = rows_of_table(
        pa.Table.from_pylist([dict.fromkeys(SilverCustomers.columns(), None)]), SilverCustomersRow
    )[0]
    assert tuple(bill_terms(row)) == tuple(get_type_hints(BillTerms))


def test_periods_go_into_columns_and_back() -> None:
    split = [Decimal(number) for number in range(5)]
    assert list(periods_of(period_columns(split)).values()) == split
    assert list((known_periods(period_columns(split)) or {}).values()) == split
    assert set(periods_of(period_columns(None)).values()) == {None}
    assert known_periods({**period_columns(split), "flat_kwh": None}) is None
