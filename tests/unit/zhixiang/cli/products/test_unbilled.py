"""``bill unbilled``: who came after the last run of the month is not told to have a bill."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.storage.store import Store
from pipelines.tables.base import Table
from zhixiang.cli.main import app

TOLD = {
    "billing_month": "2026-09",
    "customer_id": "B",
    "reason_code": "no_readings",
    "detail_zh": "无",
    "detail_en": "none",
}


def terms(name: str, first: date, last: date | None = None) -> dict[str, Any]:
    return {"customer_id": name, "valid_from_date": first, "valid_to_date": last}


def given(monkeypatch: pytest.MonkeyPatch, **tables: list[dict[str, Any]]) -> None:
    def arrow(
        _store: Store, table: type[Table], columns: Any = None, filters: Any = None, **_others: Any
    ) -> pa.Table:
        schema = table.arrow_schema()
        names = list(columns or schema.names)
        rows = [
            {name: row.get(name) for name in names}
            for row in tables.get(table.name, [])
            if all(row.get(name) == value for name, _, value in filters or [])
        ]
        return pa.Table.from_pylist(rows, pa.schema([schema.field(name) for name in names]))

    monkeypatch.setattr(Store, "arrow", arrow)


def answer(*options: str) -> str:
    found = CliRunner().invoke(app, ["bill", "unbilled", "--month", "2026-09", *options])
    assert found.exit_code == 0, found.output
    return " ".join(found.stdout.split())


BILL = {"billing_month": "2026-09", "customer_id": "A"}
HISTORY = [
    terms("A", date(2026, 1, 1)),
    terms("B", date(2026, 1, 1)),
    terms("LATE", date(2026, 9, 30)),
    terms("NEXT", date(2026, 10, 1)),
    terms("GONE", date(2026, 1, 1), date(2026, 8, 31)),
]


def test_who_came_after_the_last_run_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        efficiency_bill_v1=[BILL],
        efficiency_bill_unbilled_v1=[TOLD],
        silver_customers=HISTORY,
    )
    told = json.loads(answer("--json"))
    assert told["came_since_the_last_run"] == ["LATE"]
    text = answer()
    assert "1 (LATE); zhixiang run --month 2026-09" in text
    assert "NEXT" not in text
    assert "GONE" not in text


def test_where_nobody_came_the_words_are_of_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, efficiency_bill_v1=[BILL], silver_customers=HISTORY[:1])
    text = answer()
    assert "not in the last run" not in text
    assert "every customer of the last run has a bill" in text
