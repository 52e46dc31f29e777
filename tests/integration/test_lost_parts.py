"""Each part of a home lost or damaged: the words, the command, the state afterwards; what was issued before
is still computed again to the last bit. A home moved: nothing goes to where it was.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.models.registry import Registry
from pipelines.settings import OWN_CONF, Settings, packaged
from tests.command_line import zhixiang
from tests.delivered_home import MADE_NEW
from zhixiang.demo.conf import write_demo_conf

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parents[1] / "data"
BILL = "STEEL-0001/2026-08"
EVENTS, PAYMENTS, FILES = "bronze_events", "silver_payments", "bronze_files"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before") / "home"
    with tarfile.open(DATA / "home_of_0_1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    write_demo_conf(folder / OWN_CONF)  # bills whom 0.1 billed
    return folder


@pytest.fixture
def home(unpacked: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the home of 0.1, whole but for having moved."""
    folder = tmp_path / "home"
    shutil.copytree(unpacked, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def told_before() -> dict[str, str]:
    told: dict[str, str] = json.loads((DATA / "home_of_0_1.hashes.json").read_text(encoding="utf-8"))
    return told


def ask(home: Path, *arguments: str) -> Any:
    found = zhixiang(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def refused(home: Path, *arguments: str) -> str:
    found = zhixiang(home, *arguments)
    assert found.returncode == 2, (found.returncode, found.stderr)
    assert "Unexpected" not in found.stderr
    return found.stderr


def not_whole(home: Path) -> dict[str, dict[str, str]]:
    """Part -> what ``status`` says of it; that the home of the tests has moved is left out."""
    return {part["name"]: part for part in ask(home, "status")["not_whole"] if part["state"] != "moved"}


def hash_of(home: Path, table: str) -> str:
    (row,) = ask(home, "table", "hash", table)
    return str(row["sha256"])


def replays(home: Path) -> str:
    """Computes an issued bill again; returns what was said beside it."""
    found = zhixiang(home, "bill", "replay", BILL)
    assert found.returncode == 0, found.stderr
    assert "the same to the last bit" in found.stdout
    return found.stderr


def log_of(home: Path, table: str) -> Path:
    return sorted((home / "tables" / table / "_delta_log").glob("*.json"))[-1]


def cut(home: Path, table: str) -> None:
    path = log_of(home, table)
    path.write_bytes(path.read_bytes()[:300])


def remove(home: Path, table: str) -> None:
    shutil.rmtree(home / "tables" / table)


@pytest.mark.parametrize("harm", [cut, remove])
def test_received_rows_are_read_again(home: Path, harm: Callable[[Path, str], None]) -> None:
    harm(home, EVENTS)
    (said,) = not_whole(home).values()
    assert EVENTS in said["found"]
    assert f"`zhixiang repair {EVENTS} --yes`" in said["remedy"]
    row = next(row for row in ask(home, "table", "list") if row["table"] == EVENTS)
    assert row["fault"]
    assert EVENTS in refused(home, "run", "--month", "2026-09"), "found before Spark starts"
    assert not ask(home, "repair", EVENTS)["done"], "told, not done"
    assert ask(home, "repair", EVENTS, "--yes")["done"]
    assert hash_of(home, EVENTS) == told_before()[EVENTS]
    assert not_whole(home) == {}
    assert replays(home) == ""


def test_received_rows_whose_file_is_gone_are_left_as_they_are(home: Path) -> None:
    cut(home, EVENTS)
    events = next(path for path in (home / "inbox").rglob("*event*"))
    before, content = log_of(home, EVENTS).read_bytes(), events.read_bytes()
    events.unlink()
    assert events.name in refused(home, "repair", EVENTS, "--yes")
    assert log_of(home, EVENTS).read_bytes() == before
    events.write_bytes(content)
    assert ask(home, "repair", EVENTS, "--yes")["done"]


def test_the_file_ledger_is_made_again_from_inbox_and_rows(home: Path) -> None:
    remove(home, FILES)
    (home / "inbox" / "steel" / "later.csv").write_text("never read before\n", encoding="utf-8")
    assert set(not_whole(home)) == {FILES}
    found = ask(home, "repair", FILES, "--yes")
    assert any("later.csv is refused" in note for note in found["notes"])
    (home / "inbox" / "steel" / "later.csv").unlink()
    remove(home, FILES)
    ask(home, "repair", FILES, "--yes")
    assert hash_of(home, FILES) == told_before()[FILES]
    assert not_whole(home) == {}


def test_all_of_bronze_lost_is_told_with_what_the_inbox_holds(home: Path) -> None:
    for folder in (home / "tables").glob("bronze_*"):
        shutil.rmtree(folder)
    said = refused(home, "run", "--month", "2026-09")
    assert "54 files" in said
    assert "zhixiang repair bronze --yes" in said
    assert replays(home) == ""


@pytest.mark.parametrize("table", ["efficiency_bill_v1", "efficiency_bill_lines_v1"])
def test_issued_results_are_never_made_again(home: Path, table: str) -> None:
    kept = log_of(home, table).read_bytes()
    cut(home, table)
    assert set(not_whole(home)) == {table}
    for command in (("run", "--month", "2026-09"), ("repair", table, "--yes"), ("bill", "replay", BILL)):
        said = refused(home, *command)
        assert table in said
        assert "from a backup" in said
    log_of(home, table).write_bytes(kept)
    assert replays(home) == ""


def test_issued_results_that_fell_behind_are_not_issued_again(home: Path) -> None:
    """The last commit gone without a trace: delta-rs takes the table for whole."""
    for path in (home / "tables" / "credit_index_v1" / "_delta_log").glob("*00000000000000000001*"):
        path.unlink()
    assert "commits are lost" in not_whole(home)["credit_index_v1"]["found"]
    assert "from a backup" in refused(home, "run", "--month", "2026-09")


@pytest.mark.parametrize("content", [None, b"no ledger, and long enough to be told from one" * 90])
def test_without_its_ledger_a_home_replays_and_says_by_which_rules(home: Path, content: bytes | None) -> None:
    path = home / "ledger.sqlite"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        assert "zhixiang repair ledger --yes" in not_whole(home)["ledger"]["remedy"]
        assert "the only rules that the home keeps" in replays(home)
        assert ask(home, "repair", "ledger", "--yes")["done"]
    assert set(not_whole(home)) == {"ledger"}
    assert "the only rules that the home keeps" in replays(home)
    found = zhixiang(home, "explain", BILL, "1", "--json")
    assert (found.returncode, json.loads(found.stdout)["line"]["line_number"]) == (0, 1)
    assert not path.exists(), "a report makes no ledger"


def test_lost_and_damaged_bundles_come_back_from_the_registry(home: Path) -> None:
    registry = Registry(Settings(packaged("conf"), home))
    before = registry.known()
    ask(home, "repair", "mlflow", "--yes")
    shutil.rmtree(home / "models" / "credit_index")
    model = home / "models" / "efficiency_bill_baseline" / "1" / "manifest.sig"
    model.write_bytes(b"0" * 64)
    assert set(not_whole(home)) == {"model credit_index", "model efficiency_bill_baseline"}
    assert ask(home, "repair", "models", "--yes")["notes"] == [
        "credit_index version 1",
        "efficiency_bill_baseline version 1",
    ]
    assert registry.known() == before, "digest for digest"
    assert ask(home, "status")["is_whole"]


@pytest.mark.parametrize("content", [None, b"no registry, and long enough to be told from one" * 90])
def test_without_its_registry_a_home_goes_on_with_the_bundles(home: Path, content: bytes | None) -> None:
    (home / "mlflow.db").unlink()
    shutil.rmtree(home / "mlartifacts")
    if content is not None:
        (home / "mlflow.db").write_bytes(content)
        assert "zhixiang repair mlflow --yes" in not_whole(home)["mlflow"]["remedy"]
        assert ask(home, "repair", "mlflow", "--yes")["done"]
    (said,) = not_whole(home).values()
    assert "go on from their signed bundles" in said["found"]
    assert len(ask(home, "model", "list")) == 3
    assert replays(home) == ""


def test_what_nothing_is_wrong_with_is_left_alone(home: Path) -> None:
    ask(home, "repair", "mlflow", "--yes")
    for part in ("ledger", "models", "mlflow"):
        assert ask(home, "repair", part, "--yes")["does"] == ""
    assert ask(home, "status")["is_whole"]
    assert zhixiang(home, "doctor", "--home").returncode == 0
    assert "bronze_events" in refused(home, "repair", "bronze_event")


def test_a_run_mends_what_it_can_and_nothing_issued_changes(home: Path, tmp_path: Path) -> None:
    """Moved, without ledger, bundles, bronze, a silver and a gold table; a cut log, a cut manifest."""
    import mlflow

    old, moved = home, tmp_path / "moved"
    ask(home, "repair", "mlflow", "--yes")  # the registry now says that its artifacts are in the first place
    shutil.copytree(old, moved)
    shutil.rmtree(old)
    (moved / "ledger.sqlite").unlink()
    shutil.rmtree(moved / "models")
    for name in ("gold_day_energy", "silver_events", *(path.name for path in moved.glob("tables/bronze_*"))):
        remove(moved, name)
    cut(moved, PAYMENTS)
    said = refused(moved, "run", "--month", "2026-09")
    assert "zhixiang repair bronze --yes" in said
    assert PAYMENTS in said
    for part in ("bronze", PAYMENTS):
        ask(moved, "repair", part, "--yes")
    (moved / "out").mkdir()
    (moved / "out" / "manifest.json").write_text('{"state": "cut', encoding="utf-8")
    assert set(not_whole(moved)) >= {"delivery"}
    run = zhixiang(moved, "run", "--month", "2026-09")
    assert run.returncode == 0, run.stderr
    after = {row["table"]: row["sha256"] for row in ask(moved, "table", "hash", "all")}
    # The file ledger names the folder from which a file was received.
    assert {name for name, digest in told_before().items() if after[name] != digest} <= {FILES, *MADE_NEW}
    revisions = ask(moved, "status")["revisions"]
    assert {name for name, found in revisions.items() if set(found) != {"1"}} <= MADE_NEW, revisions
    assert ask(moved, "status")["is_whole"]
    replays(moved)
    assert not old.exists(), "nothing is written where the home was"
    mlflow.set_tracking_uri(f"sqlite:///{moved / 'mlflow.db'}")
    for name in Registry(Settings(packaged("conf"), moved)).names():
        assert mlflow.pyfunc.load_model(f"models:/{name}@champion") is not None
    shutil.rmtree(moved)
