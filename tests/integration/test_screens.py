"""What every command of the README shows on a screen of 80 and of 120 columns: whole values, whole numbers,
nothing beyond the edge. The screen is held against the same command's ``--json``.
"""

from __future__ import annotations

import csv
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.errors import DisagreementError
from tests.command_line import zhixiang
from zhixiang.cli import screen
from zhixiang.cli.main import app
from zhixiang.cli.table_writer import display_width

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CASE = str(ROOT / "docs" / "examples" / "steel_works.yaml")
CURVES = str(ROOT / "samples" / "steel" / "E_MP_POWER_CURVE_2026-03.csv")
WIDTHS = (80, 120)
MONTH = ("--month", "2026-09")
BILL = "STEEL-0001/2026-09"
SCORE, TENANT = "SIM-CITY-00001", "SIM-TENANT-A-001"
DOUBLE_DIGITS = 12
NUMBER = re.compile(r"(~?)(?<![\w.,-])([-+]?\d[\d,]*(?:\.\d+)?)(?![\w.]*\w)")
Pick = Callable[[Any], Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished small home with its delivery; the process works in it as long as the module is tested."""
    folder = tmp_path_factory.mktemp("s") / "home"
    with tarfile.open(ROOT / "tests" / "data" / "home_of_0_1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    with pytest.MonkeyPatch.context() as patch:
        delivered = zhixiang(folder, "run", *MONTH, "--from", "deliver", "--to", "deliver")
        assert delivered.returncode == 0, delivered.stderr
        patch.setenv("ZHIXIANG_HOME", str(folder))
        yield folder


def told(width: int | None, *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "screen_width", lambda: width)
        answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 0 or isinstance(answer.exception, DisagreementError), answer.output
    return answer.stdout


def answer(*arguments: str) -> Any:
    return json.loads(told(None, *arguments, "--json"))


def rows(*columns: str) -> Pick:
    return lambda found: [{name: row.get(name) for name in columns} for row in found]


def without(*hidden: str) -> Pick:
    def pick(found: Any) -> Any:
        if isinstance(found, dict):
            return {name: pick(part) for name, part in found.items() if name not in hidden}
        return [pick(part) for part in found] if isinstance(found, list) else found

    return pick


def everything(found: Any) -> Any:
    return found


CITED = ("fact_id", "value", "unit", "document", "clause", "effective_from", "confidence")
UNTOLD = ("content_digest", "computed_run_id", "supersedes_revision", "formula", "rests_on", "facts_digest")
SEEN: dict[str, tuple[tuple[str, ...], Pick]] = {
    "status": (("status",), without("run", "versions")),
    "ledger": (("ledger",), lambda found: rows("run_id", "command", "status", "message")(found["runs"])),
    "files": (
        ("ledger", "--files", "--all"),
        lambda found: rows("file", "status", "received", "kept", "duplicate", "quarantined", "adds_up")(
            found["files"]
        ),
    ),
    "tables": (("table", "list"), everything),
    "rows": (("table", "show", "efficiency_bill_v1"), lambda found: found["rows"]),
    "hashes": (("table", "hash", "gold"), everything),
    "facts": (("facts", "show", "--on", "2026-09-01"), rows(*CITED, "file")),
    "bill": (
        ("bill", "show", "STEEL-0001", *MONTH),
        lambda found: (
            rows(
                "line_number",
                "quantity",
                "quantity_unit",
                "unit_price",
                "amount_cny",
                "fact_id",
                "fact_confidence_code",
            )(found["efficiency_bill_lines_v1"])
            + rows("rank", "advice_id", "saving_cny", "advice_zh", "advice_en")(
                found["efficiency_bill_advice_v1"]
            )
            + rows("customer_name", "total_cny", "energy_kwh", "revision")([found["result"]])
        ),
    ),
    "score": (
        ("score", "show", SCORE, *MONTH),
        lambda found: [
            without(*UNTOLD)(found["result"]),
            rows("reason_rank", "reason_id", "effect_points", "text_zh", "text_en")(
                found["credit_index_reasons_v1"]
            ),
        ],
    ),
    "code": (("code", "show", TENANT, *MONTH), without(*UNTOLD)),
    "explain": (
        ("explain", BILL, "3"),
        lambda found: [
            found["contract"],
            rows(*CITED, "file")([found["fact"], *found["named_facts"]]),
            found["determinants"],
            without("content_hash", "slots")(found["days"][:8]),
            without("content_hash", "slots")(found["intervals"][:8]),
            without("content_hash")(found["received"][:8]),
        ],
    ),
    "replay": (("bill", "replay", BILL), lambda found: found["bill"]),
    "prices": (("tariff", "show", "--on", "2026-09-01"), rows(*CITED, "title_zh")),
    "case": (("tariff", "price", CASE), without(*UNTOLD, "power_factor", "is_illustrative")),
    "what if": (
        ("tariff", "what-if", CASE, "--asked-on", "2026-08-20"),
        lambda found: without("is_illustrative")(found["alternatives"]),
    ),
    "penalty": (
        (
            "tariff",
            "late-payment",
            "large_industry",
            "12345678.90",
            "--due",
            "2026-12-30",
            "--paid",
            "2027-01-31",
        ),
        without("formula"),
    ),
    "carbon": (("index", "carbon-code", "1234.5", "678.9", "--industry-mean", "2"), without("note")),
    "grade": (("index", "bill-grade", "88"), without("note")),
    "resumption": (("index", "resumption", "12000", "15000", "80", "100"), without("note")),
    "quarantine": (
        ("quarantine", "list"),
        lambda found: rows("source_file", "line_number", "column_name", "reason_code", "reason", "stage")(
            found["records"]
        ),
    ),
    "keys": (("key", "list"), everything),
    "edits": (("edit", "list"), everything),
    "quality": (
        ("quality", "report", *MONTH),
        lambda found: (
            rows("meter_point_id")(found["month"]["rows"][:20])
            + rows("id", "title_zh", "severity", "days")(
                [row for row in found["month"]["checks"] if row["days"]]
            )
        ),
    ),
    "customer": (("quality", "show", "STEEL-0001"), rows("data_month")),
    "models": (("model", "list"), rows("name", "champion", "versions", "metrics")),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SEEN)
def test_the_screen_shows_every_value_whole(home: Path, name: str, width: int) -> None:
    arguments, pick = SEEN[name]
    shown = told(width, *arguments)
    check_screen(shown, width, home)
    check_values(shown, pick(answer(*arguments)))


@pytest.mark.parametrize("width", WIDTHS)
def test_differences_of_bills_are_shown_whole(home: Path, tmp_path: Path, width: int) -> None:
    lines = answer("bill", "show", "STEEL-0001", *MONTH)["efficiency_bill_lines_v1"]
    lines[0] |= {"amount_cny": "1234567.89"}
    path = tmp_path / "issued.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    shown = told(width, "bill", "audit", str(path))
    check_screen(shown, width, home)
    found = answer("bill", "audit", str(path))
    assert found
    check_values(shown, without("reason", "unit_price", "detail")(found))
    assert re.search(r"19,798\.27\s+x\s+0\.97125\s+=\s+19,229\.07,\s+not\s+1,234,567\.89", shown)


@pytest.mark.parametrize("width", WIDTHS)
def test_one_run_is_shown_with_its_steps(home: Path, width: int) -> None:
    run_id = answer("ledger")["runs"][-1]["run_id"]
    shown = told(width, "ledger", "--run", run_id)
    check_screen(shown, width, home)
    (found,) = answer("ledger", "--run", run_id)["runs"]
    check_values(shown, [row["rows_written"] for row in found["steps"]])
    assert all(row["step"] in shown for row in found["steps"])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_code_is_verified_on_a_screen(home: Path, width: int) -> None:
    text = str(next((home / "out" / "codes").rglob("*.txt")))
    shown = told(width, "code", "verify", text)
    check_screen(shown, width, home)
    check_values(shown, without("genuine", "marks")(answer("code", "verify", text)))


@pytest.mark.parametrize("width", WIDTHS)
def test_files_of_ones_own_are_told_on_a_screen(home: Path, tmp_path: Path, width: int) -> None:
    shown = told(width, "vee", CURVES, "--out", str(tmp_path / "out"))
    assert "8,928" in shown
    assert max(display_width(line) for line in shown.splitlines() if str(tmp_path) not in line) <= width


def test_the_ledger_is_short(home: Path) -> None:
    shown = told(80, "ledger")
    assert len(shown.splitlines()) < 60
    received = answer("ledger")["files"]
    assert received
    assert f"{len(received):,} " in shown or "accepted" in shown
    assert "none" not in told(80, "ledger", "--no-files")
    assert "received" not in told(80, "ledger", "--no-files")


def test_a_ledger_without_files_says_so_and_only_then(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIXIANG_HOME", str(tmp_path))
        assert "received files: 无 none" in told(80, "ledger")
        assert "received" not in told(80, "ledger", "--no-files")


def test_a_pipe_is_as_wide_as_its_content(home: Path) -> None:
    shown = told(None, "facts", "show", "--on", "2026-09-01")
    found = answer("facts", "show", "--on", "2026-09-01")
    assert len(shown.splitlines()) == len(found) + 3


@pytest.mark.parametrize("asked", ["NOPE", "SIM", ""])
def test_what_is_not_found_tells_of_no_customer(home: Path, asked: str) -> None:
    for command in (("score", "show"), ("bill", "show"), ("code", "show")):
        answer = CliRunner().invoke(app, [*command, asked, *MONTH])
        assert answer.exit_code == 1
        assert "SIM-" not in str(answer.exception)
        assert "STEEL-" not in str(answer.exception)


@pytest.mark.parametrize("group", [[], ["tariff"], ["bill"], ["quality"]])
def test_help_tells_every_command_to_its_end(group: list[str]) -> None:
    shown = CliRunner().invoke(app, [*group, "--help"], terminal_width=80).stdout
    assert "..." not in shown.split("Commands:")[1]


def check_screen(shown: str, width: int, home: Path) -> None:
    assert shown.strip()
    for line in shown.splitlines():
        # A path or a command that is to be pasted stays in one piece.
        assert display_width(line) <= width or str(home.parent) in line, line
    assert "…" not in shown
    for raw in ('["', "frozenset", "Decimal(", "True", "False", "None", "datetime"):
        assert raw not in shown, raw


def check_values(shown: str, found: Any) -> None:
    numbers, rounded = set(), set()
    for mark, number in NUMBER.findall(shown):
        (rounded if mark else numbers).add(Decimal(number.replace(",", "").lstrip("+")))
    for value in scalars(found):
        assert is_shown(value, shown, numbers, rounded), repr(value)


def scalars(found: Any) -> Iterator[Any]:
    if isinstance(found, dict):
        for part in found.values():
            yield from scalars(part)
    elif isinstance(found, list):
        for part in found:
            yield from scalars(part)
    elif found is not None and found != "":
        yield found


def is_shown(value: Any, shown: str, numbers: set[Decimal], rounded: set[Decimal]) -> bool:
    if isinstance(value, bool):
        return ("是 yes" if value else "否 no") in shown
    if isinstance(value, float) and len(Decimal(repr(value)).normalize().as_tuple().digits) > DOUBLE_DIGITS:
        return any(abs(float(each) - value) <= 1e-5 * abs(value) for each in rounded | numbers)
    if isinstance(value, int | float) or re.fullmatch(r"-?\d+(\.\d+)?", value):
        return Decimal(str(value)) in numbers or str(value) in shown.split()
    return all(word in shown or in_pieces(word, shown) for word in value.split())


def in_pieces(word: str, shown: str) -> bool:
    """Chinese is broken between its characters; numbers and words of letters are not."""
    return all(piece in shown for piece in re.split(r"([^\x00-\x7f])", word) if piece)
