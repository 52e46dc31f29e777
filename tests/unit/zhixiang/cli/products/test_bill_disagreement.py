"""What ``bill audit`` and ``bill replay`` say on stderr where something differs, and their exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import price_supply
from products.efficiency_bill.audit import NEEDED
from products.efficiency_bill.replay import Difference
from tests.measured_months import supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER
from zhixiang.cli.main import run_app
from zhixiang.cli.products import replays

LINES = price_supply(
    supply_of(STEEL, STEEL_SEPTEMBER),
    load_facts(packaged("conf") / "facts"),
).lines


def called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """Exit code and standard error of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["zhixiang", *arguments])
    code = run_app()
    return code, capsys.readouterr().err


def written(path: Path, first_amount_less: str | None = None) -> Path:
    rows = [
        [
            "W",
            "2026-09",
            line.component,
            line.period or "",
            f"{line.quantity:f}",
            f"{line.unit_price:f}",
            str(line.amount_cny),
        ]
        for line in LINES
    ]
    if first_amount_less is not None:
        rows[0][-1] = first_amount_less
    path.write_text("\n".join(",".join(row) for row in [list(NEEDED), *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with one bill, whose kept case is the steel works' September."""
    monkeypatch.setattr(
        replays, "issued_bill", lambda *_: {"efficiency_bill_inputs_v1": [{"case_inputs": ""}]}
    )
    monkeypatch.setattr("products.efficiency_bill.case.text.case_from_text", lambda _: None)
    monkeypatch.setattr(
        "products.efficiency_bill.pricing.price_case", lambda *_: SimpleNamespace(lines=LINES)
    )


@pytest.mark.usefixtures("kept")
def test_an_audit_with_a_difference_says_how_many_lines_and_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first line is 19,798.27 kWh x 0.97125 = 19,229.07; the bill asks for 19,230.07.
    code, said = called(monkeypatch, capsys, "bill", "audit", str(written(tmp_path / "bill.csv", "19230.07")))
    assert code == 4
    assert said.splitlines() == [
        "zhixiang: 1 lines differ, +1.00 CNY in all.",
        "  -> Each row names its reason; --json gives the figures.",
    ]


@pytest.mark.usefixtures("kept")
def test_an_audit_without_difference_complains_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, capsys, "bill", "audit", str(written(tmp_path / "bill.csv"))) == (0, "")


@pytest.mark.parametrize("amount", [None, "19230.07"])
def test_a_case_file_prices_the_bill_where_no_home_has_it(
    amount: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = str(packaged("docs") / "examples" / "steel_works.yaml")
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "none"))
    code, said = called(
        monkeypatch, capsys, "bill", "audit", str(written(tmp_path / "b.csv", amount)), "--case", case
    )
    assert (code, "+1.00 CNY" in said) == ((0, False) if amount is None else (4, True))


def test_a_case_prices_one_customer_and_its_own_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = str(packaged("docs") / "examples" / "steel_works.yaml")
    bill = written(tmp_path / "b.csv")
    text = bill.read_text(encoding="utf-8")
    bill.write_text(text.replace("2026-09", "2026-10"), encoding="utf-8")
    code, said = called(monkeypatch, capsys, "bill", "audit", str(bill), "--case", case)
    assert (code, "1 bills could not be computed" in said) == (4, True)
    bill.write_text(text + text.splitlines()[1].replace("W,", "V,") + "\n", encoding="utf-8")
    code, said = called(monkeypatch, capsys, "bill", "audit", str(bill), "--case", case)
    assert (code, "2 customers" in said) == (2, True)


def refuse(*_: object) -> None:
    raise UsageError("The month has no maximum demand.")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("price", "why"), [(lambda *_: None, "missing inputs: load_curve"), (refuse, "no maximum demand")]
)
def test_a_month_that_cannot_be_computed_is_told_as_such(
    price: Any, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "products.efficiency_bill.case.text.case_from_text", lambda _: SimpleNamespace(lacks=("load_curve",))
    )
    monkeypatch.setattr("products.efficiency_bill.pricing.price_case", price)
    monkeypatch.setattr(
        sys, "argv", ["zhixiang", "bill", "audit", str(written(tmp_path / "bill.csv")), "--json"]
    )
    assert run_app() == 4
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert (row["reason"], row["difference_cny"], row["component"]) == ("not_computed", None, None)
    assert why in row["detail"]
    assert "1 bills could not be computed" in said.err


def test_a_replay_with_a_difference_says_how_many_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Any] = {"result": {"revision": 1, "content_digest": "0"}}
    monkeypatch.setattr(replays, "bill_and_rules", lambda *_: (found, (None, None)))
    monkeypatch.setattr("zhixiang.reports.issued_bills.bill_with_corrected", lambda _store, bill: bill)
    monkeypatch.setattr(
        "products.efficiency_bill.replay.replay", lambda *_: (Difference("lines 1", "amount_cny", 1, 2),)
    )
    code, said = called(monkeypatch, capsys, "bill", "replay", "W/2026-09")
    assert code == 4
    assert said.splitlines() == [
        "zhixiang: 1 values came out otherwise.",
        "  -> A bill must follow from its evidence; report it with --json.",
    ]
