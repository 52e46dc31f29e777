"""What every command of the README and of docs/your-own-data.md shows on a screen of 80 and of 120 columns:
whole values, whole numbers, nothing beyond the edge. The screen is held against the ``--json`` of the same.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tarfile
import webbrowser
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.errors import DisagreementError
from pipelines.settings import Settings
from tests.delivered_home import hand_over
from tests.named_commands import every_path, lacking_options, named_commands, of_call
from tests.screen_reading import check_screen, check_values
from zhixiang import chain
from zhixiang.cli import screen
from zhixiang.cli.main import app
from zhixiang.cli.table_writer import display_width

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CASE = str(ROOT / "docs" / "examples" / "steel_works.yaml")
CURVES = str(ROOT / "samples" / "steel" / "E_MP_POWER_CURVE_2026-03.csv")
WIDTHS = (80, 120)
PRICES = """month,component,price_cny_per_kwh,document,published_on
2026-08,purchase,0.4213,price notice of August,2026-07-28
2026-08,line_loss,0.0175,price notice of August,2026-07-28
2026-08,system_operation,0.0641,price notice of August,2026-07-28
"""
MONTH = ("--month", "2026-09")
BILL = "STEEL-0001/2026-09"
SCORE, TENANT = "SIM-CITY-00001", "SIM-TENANT-A-001"
Pick = Callable[[Any], Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished small home with its delivery; the process works in it as long as the module is tested."""
    folder = tmp_path_factory.mktemp("s") / "home"
    with tarfile.open(ROOT / "tests" / "data" / "home_of_0_1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    hand_over(folder, "2026-09")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIXIANG_HOME", str(folder))
        patch.setattr(webbrowser, "open", lambda _: True)
        yield folder


def told(width: int | None, *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "screen_width", lambda *, err=False: width)
        answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 0 or isinstance(answer.exception, DisagreementError), answer.output
    # What goes to stderr is on the same screen.
    return answer.stdout if width is None else answer.output


@cache
def json_text(arguments: tuple[str, ...]) -> str:
    return told(None, *arguments, "--json")


def answer(*arguments: str) -> Any:
    return json.loads(json_text(arguments))


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


def nothing(_: Any) -> None:
    """What its words say is held against no value."""


CITED = ("fact_id", "value", "unit", "document", "clause", "effective_from", "confidence")
UNTOLD = ("content_digest", "computed_run_id", "supersedes_revision", "formula", "rests_on", "facts_digest")
SEEN: dict[str, tuple[tuple[str, ...], Pick]] = {
    "status": (("status",), without("run", "versions", "is_whole", "state")),
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
    "held facts": (("facts", "check"), lambda found: rows("file", "message")(found["findings"])),
    "unbilled": (("bill", "unbilled", *MONTH, "--limit", "1000"), everything),
    "replayed month": (("bill", "replay", *MONTH), everything),
    "arrived": (
        ("inbox", "list"),
        rows("file", "state", "table", "records", "held_back", "reason"),
    ),
    "verified": (("verify",), without("is_whole", "trust")),
    "home's keys": (("key", "home"), rows("name", "key_id", "first_day", "last_day", "signs")),
    "machine": (("doctor",), nothing),
    "whole home": (("doctor", "--home"), nothing),
    "repair": (("repair", "ledger"), nothing),
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


CHANGES: list[tuple[str, ...]] = [
    ("init", "{tmp}/new"),
    ("init", "{tmp}/bare", "--no-examples"),
    ("inbox", "add", CURVES, "--dry-run"),
    ("inbox", "add", CURVES),
    ("facts", "load-prices", "{tmp}/prices.csv"),
    ("key", "new", "li", "--out", "{tmp}/li.pem"),
    ("key", "new", "wu", "--out", "{tmp}/wu.pem"),
    ("key", "restore", "{tmp}/fee_code_signing.pem"),
    ("key", "replace", "fee_code_signing"),
    (
        *("edit", "propose", "MP-STEEL-0001", "2026-09-10", "--from", "10:00", "--to", "10:15"),
        *("--kwh", "5", "--reason", "read again at the meter", "--key", "{tmp}/li.pem"),
    ),
    ("edit", "approve", "{edit}", "--key", "{tmp}/wu.pem"),
    ("model", "rollback", "efficiency_bill_baseline", "1"),
    ("repair", "silver_meter_points", "--yes"),
    ("quarantine", "replay"),
    ("corrections", "--since", "{run}", "--issued-only"),
    ("tariff", "page", "--out", "{tmp}/prices"),
    ("bill", "open", "STEEL-0001", *MONTH),
    ("verify", "{tmp}/home/out", "--key", "{tmp}/home/out/public_keys.json"),
]
"""Commands that write, in an order in which they can."""
BELOW: list[tuple[str, ...]] = [
    ("bill", "audit", "FILE"),
    ("bill", "correction", "BILL"),
    ("code", "verify", "FILE"),
    ("ledger", "--run", "ID"),
    ("run", *MONTH, "--from", "S", "--to", "S"),
    ("vee", "FILES", "--out", "DIR", "--mapping", "FILE"),
    ("score", "show", "ID", *MONTH),
]
"""Commands with a test of their own, or whose tests lie elsewhere."""
TOO_LONG = {("demo",), ("demo", "--fresh"), ("bench", "city-day")}
"""They take minutes; what they end with, others show too."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SEEN)
def test_the_screen_shows_every_value_whole(home: Path, name: str, width: int) -> None:
    arguments, pick = SEEN[name]
    shown = told(width, *arguments)
    check_screen(shown, width, home)
    check_values(shown, pick(answer(*arguments)))


@pytest.mark.parametrize("width", WIDTHS)
def test_commands_that_change_a_home_show_whole_lines(home: Path, tmp_path: Path, width: int) -> None:
    """One after another, each on what the one before left."""
    own, place = tmp_path / "home", {"tmp": str(tmp_path), "bill": BILL}
    shutil.copytree(home, own, symlinks=True)
    shutil.copy(home / "keys" / "fee_code_signing.pem", tmp_path)
    (tmp_path / "prices.csv").write_text(PRICES, encoding="utf-8")
    place["run"] = answer("ledger")["runs"][0]["run_id"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIXIANG_HOME", str(own))
        for call in CHANGES:
            shown = told(width, *(word.format(**place) for word in call))
            check_screen(shown, width, tmp_path / "home")
            proposed = re.search(r"proposed edit (\S+);", shown)
            place |= {"edit": proposed[1]} if proposed else {}


@pytest.mark.parametrize("page", ["README.md", "docs/your-own-data.md"])
def test_every_command_that_a_page_names_is_looked_at(page: str) -> None:
    calls = [arguments for arguments, _ in SEEN.values()] + [*CHANGES, *BELOW]
    seen = {part for call in calls for part in of_call(call)}
    text = (ROOT / page).read_text(encoding="utf-8")
    named = named_commands(text)
    assert len(named) > 10
    assert sorted(named - seen - TOO_LONG) == []
    assert sorted(lacking_options(text)) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_run_ends_in_whole_lines(home: Path, width: int) -> None:
    """Its screen without the run: what came in and what was issued, as a run tells it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "screen_width", lambda *, err=False: width)
        patch.setattr(chain, "run_chain", delivered_only)
        answer = CliRunner().invoke(app, ["run", *MONTH, "--from", "deliver", "--to", "deliver"])
    assert answer.exit_code == 0, answer.output
    check_screen(answer.output, width, home)
    assert "fee codes: 2026-09: 24" in answer.output


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


def test_help_of_every_command_is_whole() -> None:
    for path in every_path():
        shown = CliRunner().invoke(app, [*path, "--help"], terminal_width=80).stdout
        assert [line for line in shown.splitlines() if display_width(line) > 80] == []
        usage, _, rest = shown.partition("\n\n")
        assert usage.startswith("Usage: ")
        assert not re.search(r"\.\.\.$", rest, re.MULTILINE), path


def delivered_only(settings: Settings, *others: Any) -> None:
    """In place of the chain: it delivered, says so in a long line, and did nothing else."""
    on_line, outcome = others[-2:]
    on_line("deliver", "done", 5.2, ", ".join(f"{count:,} of one kind" for count in range(1000, 1012)))
    outcome.delivered = settings.home / "out"
