"""The end of a run: counts out of the tables, the first examples, and commands that exist."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from pipelines.ingest.read_files import IngestSummary
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverQuarantine
from products.efficiency_bill.tables import EfficiencyBillUnbilledV1, EfficiencyBillV1
from products.transfer_fee_code.declaration import TRANSFER_FEE_CODE_DECLARED
from zhixiang.cli.main import app
from zhixiang.cli.run_end import open_command, show_halted, show_summary
from zhixiang.reports.run_summary import halted_summary, run_summary


class Shown(Store):
    """A store whose tables are given."""

    def __init__(self, settings: Settings, rows: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__(settings)
        self.rows = rows

    def arrow(
        self,
        table: type[Table],
        columns: Any = None,
        filters: list[tuple[str, str, Any]] | None = None,
        version: int | None = None,
    ) -> pa.Table:
        names = list(columns or table.columns())
        rows = [
            {name: row.get(name) for name in names}
            for row in self.rows.get(table.name, [])
            if all(row.get(name) == value for name, _, value in filters or [])
        ]
        return pa.Table.from_pylist(rows, pa.schema([table.arrow_schema().field(name) for name in names]))


def held(line: int, reason: str) -> dict[str, Any]:
    return {
        "content_hash": "c" * 64,
        "line_number": line,
        "table_name": "bronze_register_reads",
        "reason_code": reason,
        "reason": f"told of line {line}",
        "stage": "silver",
        "source_file": "reads.csv",
    }


def bills(*customers: str) -> list[dict[str, Any]]:
    return [
        {"customer_id": name, "billing_month": "2026-09", "revision": revision}
        for name in customers
        for revision in (1, 2)
    ]


def test_an_empty_home_says_that_nothing_came(settings: Settings) -> None:
    found = run_summary(Store(settings), ["2026-09"], None, None)
    assert found["received"] is None
    assert found["issued"]["efficiency-bill"] == {"2026-09": 0}
    assert (found["unbilled"]["customers"], found["page"]) == (0, None)
    assert found["held_back"]["records"] == found["unknown_meter_points"]["records"] == 0


def test_subjects_are_counted_once_and_unknown_meter_points_apart(settings: Settings) -> None:
    rows = {
        EfficiencyBillV1.name: bills("A", "B"),
        SilverQuarantine.name: [
            *(held(line, "unknown_meter_point") for line in range(1, 6)),
            held(9, "bad_date"),
        ],
    }
    received = IngestSummary(accepted=2, received_rows=9, refused=[("cut.csv", "cut")])
    found = run_summary(Shown(settings, rows), ["2026-08", "2026-09"], received, None)
    assert found["issued"]["efficiency-bill"] == {"2026-08": 0, "2026-09": 2}
    assert found["received"]["refused"] == ["cut.csv"]
    unknown = found["unknown_meter_points"]
    assert (unknown["records"], unknown["reasons"]) == (5, {"unknown_meter_point": 5})
    assert unknown["examples"] == [f"reads.csv:{line}: told of line {line}" for line in (1, 2, 3)]
    assert (found["held_back"]["records"], found["held_back"]["reasons"]) == (1, {"bad_date": 1})


def test_customers_without_a_bill_are_told(
    settings: Settings,
) -> None:
    rows = {
        EfficiencyBillUnbilledV1.name: [
            {"customer_id": name, "billing_month": month, "reason_code": reason}
            for name, month, reason in (
                ("A", "2026-09", "no_terms"),
                ("B", "2026-09", "narrowed"),
                ("C", "2026-07", "no_terms"),
            )
        ]
    }
    found = run_summary(Shown(settings, rows), ["2026-09"], None, None)["unbilled"]
    assert (found["customers"], found["reasons"]) == (2, {"no_terms": 1, "narrowed": 1})
    assert found["examples"] == ["A: no_terms", "B: narrowed"]


def test_a_bill_that_could_not_be_issued_is_none(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whom the end names as without a bill, or the delivery refused, it does not count before."""
    codes = TRANSFER_FEE_CODE_DECLARED.result
    rows = {
        EfficiencyBillV1.name: bills("A", "B", "C", "D/1"),
        EfficiencyBillUnbilledV1.name: [
            {"customer_id": name, "billing_month": month, "reason_code": "illustrative_price"}
            for name, month in (("A", "2026-09"), ("B", "2026-08"), ("nobody", "2026-09"))
        ],
        codes.name: [{codes.key()[0]: name, codes.partition_column(): "2026-09"} for name in ("A", "T")],
    }
    refused = {"D/1/2026-09": "differs", "C/2026-08": "differs", "code T/2026-09": "differs"}
    found = run_summary(Shown(settings, rows), ["2026-09"], None, None, refused)
    assert found["issued"]["efficiency-bill"] == {"2026-09": 2}
    assert found["issued"]["fee-code"] == {"2026-09": 1}
    show_summary(found)
    assert "bills: 2026-09: 2\n" in capsys.readouterr().out


OF_HALTED = [
    {"customer_id": name, "billing_month": month, "reason_code": reason, "computed_run_id": run}
    for name, month, reason, run in (
        *((f"C{place}", "2026-07", "price_not_published", "now") for place in range(1, 6)),
        ("D", "2026-07", "no_terms", "now"),
        ("E", "2026-08", "no_terms", "before"),
        ("F", "2026-06", "no_terms", "now"),
    )
]


def test_a_halted_run_tells_of_those_it_told_itself_and_of_the_month_it_halted_in(
    settings: Settings,
) -> None:
    shown = Shown(settings, {EfficiencyBillUnbilledV1.name: OF_HALTED})
    found = halted_summary(shown, ["2026-07", "2026-08"], "now")
    assert found is not None
    assert (found["customers"], found["reasons"]) == (6, {"price_not_published": 5, "no_terms": 1})
    assert found["examples"] == [f"C{place}: price_not_published" for place in (1, 2, 3)]
    assert found["command"].endswith("bill unbilled --month 2026-07")


def test_a_halted_run_that_told_of_nobody_says_nothing(
    settings: Settings,
) -> None:
    """Every bill of the month was issued before and stands; what earlier runs told is not this one's."""
    shown = Shown(settings, {EfficiencyBillUnbilledV1.name: OF_HALTED})
    assert halted_summary(shown, ["2026-08"], "now") is None
    assert halted_summary(shown, ["2026-07"], "later") is None


def test_the_screen_tells_the_halted_on_stderr_alone(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = halted_summary(Shown(settings, {EfficiencyBillUnbilledV1.name: OF_HALTED}), ["2026-07"], "now")
    assert found is not None
    show_halted(found)
    told = capsys.readouterr()
    assert told.out == ""
    assert "6 customers have no bill" in told.err
    assert "price_not_published 5, no_terms 1" in told.err
    assert "C1: price_not_published" in told.err
    assert f"-> {found['command']}" in told.err
    words = shlex.split(found["command"])
    answer = CliRunner().invoke(app, [*words[words.index("bill") :], "--help"])
    assert answer.exit_code == 0, answer.output


def test_the_screen_tells_counts_examples_and_where_the_pages_are(
    settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "out of house" / "index.html"
    page.parent.mkdir()
    page.write_text("")
    rows = {
        EfficiencyBillV1.name: bills("A"),
        SilverQuarantine.name: [held(1, "unknown_meter_point"), held(2, "bad_date")],
    }
    received = IngestSummary(accepted=1, received_rows=1234, duplicates=1)
    show_summary(run_summary(Shown(settings, rows), ["2026-09"], received, page.parent))
    told = capsys.readouterr()
    assert "received: 1 files, 1,234 records, 1 known again" in told.out
    assert "bills: 2026-09: 1" in told.out
    assert f"  {page}\n" in told.out
    assert shlex.split(open_command(str(page)))[-1].endswith(str(page))
    assert "1 records of meter points that master data do not know" in told.err
    assert "reads.csv:2: told of line 2" in told.err
    assert "quarantine list --reason unknown_meter_point" in told.err


def test_the_commands_that_are_named_exist(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run_summary(Store(settings), ["2026-09"], IngestSummary(), None)
    monkeypatch.setenv("ZHIXIANG_HOME", str(settings.home))
    for part in ("received", "held_back", "unknown_meter_points"):
        words = shlex.split(found[part]["command"])
        answer = CliRunner().invoke(app, [*words[2:], "--json"])
        assert answer.exit_code == 0, (words, answer.output)
