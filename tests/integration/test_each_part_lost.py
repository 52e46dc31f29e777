"""Keys, ledger, MLflow store, models, rules, bronze, silver, one Delta commit, manifest: each lost, and each
damaged. The words, the command, that command, then: what was issued before computes again, the delivery
verifies, and the next run changes nothing that was issued.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from pipelines.identity.keys import CODE_KEY, DELIVERY_KEY
from pipelines.settings import OWN_CONF, Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.base import table_named
from tests.command_line import zhixiang
from tests.delivered_home import MADE_NEW, cut, delivered_home, flip, hand_over
from zhixiang.chain import declared_tables
from zhixiang.cli.main import run_app
from zhixiang.demo.conf import write_demo_conf

pytestmark = pytest.mark.slow

BILL, MONTH = "STEEL-0001/2026-08", "2026-09"
RUN = ("run", "--month", MONTH)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = delivered_home(tmp_path_factory.mktemp("delivered") / "home")
    write_demo_conf(folder / OWN_CONF)  # bills whom 0.1 billed
    return folder


@pytest.fixture
def home(untouched: Path, tmp_path: Path) -> Iterator[Path]:
    """The home beside a backup of its keys, as everybody should have one."""
    folder = tmp_path / "home"
    shutil.copytree(untouched, folder, symlinks=True)
    shutil.copytree(untouched / "keys", tmp_path / "backup")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Loss:
    """One part lost or damaged.

    harm     What happens to the home.
    asks     The command that meets it, with its exit code; words: what it says.
    command  The one that it names and that is then given; ``{backup}`` is the folder with the keys.
    replays  Whether issued bills compute again before anything is mended.
    """

    harm: Callable[[Path], object]
    asks: tuple[str, ...]
    exit_code: int
    words: tuple[str, ...]
    command: tuple[str, ...] = ()
    replays: bool = True


def newest(home: Path, table: str, pattern: str) -> Path:
    return sorted((home / "tables" / table).rglob(pattern))[-1]


def data_file(home: Path, table: str) -> Path:
    store = Store(Settings(packaged("conf"), home))
    declared_tables()
    return Path(sorted(store.data_paths(table_named(table)))[0])


def flip_first(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def both_models(home: Path) -> None:
    shutil.rmtree(home / "models")
    (home / "mlflow.db").unlink()
    shutil.rmtree(home / "mlartifacts")


def damaged_edits(home: Path) -> None:
    """The home of 0.1 has no such edits: a log that says nothing stands for a damaged one."""
    log = home / "tables" / "bronze_manual_edits" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("{", encoding="utf-8")


BILLS = "efficiency_bill_v1"
DOCTOR = ("doctor", "--home")
DELIVER = (*RUN, "--from", "deliver")
LOSSES = {
    "a key is lost": Loss(
        lambda home: (home / "keys" / f"{DELIVERY_KEY}.pem").unlink(),
        RUN,
        2,
        (
            "密钥丢失 The key",
            DELIVERY_KEY,
            "zhixiang key restore FILE",
            f"zhixiang key replace {DELIVERY_KEY}",
        ),
        ("key", "restore", f"{{backup}}/{DELIVERY_KEY}.pem"),
    ),
    "a key is lost and nobody has a backup": Loss(
        lambda home: (home / "keys" / f"{CODE_KEY}.pem").unlink(),
        RUN,
        2,
        ("密钥丢失 The key", CODE_KEY, f"zhixiang key replace {CODE_KEY}", "stays published"),
        ("key", "replace", CODE_KEY),
    ),
    "a key is damaged": Loss(
        lambda home: half(home / "keys" / f"{DELIVERY_KEY}.pem"),
        RUN,
        3,
        ("holds no private key that can be read", "zhixiang key restore FILE"),
        ("key", "restore", f"{{backup}}/{DELIVERY_KEY}.pem"),
    ),
    "the ledger is lost": Loss(
        lambda home: (home / "ledger.sqlite").unlink(),
        DOCTOR,
        2,
        ("The run ledger is lost", "nothing issued is lost", "the next `zhixiang run` begins a new one"),
    ),
    "the ledger is cut": Loss(
        lambda home: half(home / "ledger.sqlite"),
        RUN,
        2,
        ("ledger", "zhixiang repair ledger --yes"),
        ("repair", "ledger", "--yes"),
    ),
    "the MLflow store is lost": Loss(
        lambda home: ((home / "mlflow.db").unlink(), shutil.rmtree(home / "mlartifacts")),
        DOCTOR,
        2,
        ("The MLflow store is lost", "models go on from their signed bundles"),
    ),
    "the MLflow store is cut": Loss(
        lambda home: (home / "mlflow.db").write_bytes((home / "mlflow.db").read_bytes()[:3000]),
        RUN,
        2,
        ("The model registry", "zhixiang repair mlflow --yes"),
        ("repair", "mlflow", "--yes"),
    ),
    "the models are lost": Loss(
        lambda home: shutil.rmtree(home / "models"),
        DOCTOR,
        2,
        ("The signed bundle of credit_index is lost; the MLflow store keeps it", "repair models --yes"),
        ("repair", "models", "--yes"),
    ),
    "a model is damaged": Loss(
        lambda home: flip(home / "models" / "credit_index" / "1" / "manifest.json"),
        DOCTOR,
        2,
        (
            "The signature of model credit_index version 1 does not hold",
            "zhixiang repair models --yes",
        ),
        ("repair", "models", "--yes"),
    ),
    "models and MLflow store are lost": Loss(
        both_models,
        DOCTOR,
        2,
        (
            "The signed bundle of credit_index is lost, and the MLflow store keeps it no more",
            "numbered after 1",
        ),
    ),
    "the rules are lost": Loss(
        lambda home: shutil.rmtree(home / "rules"),
        DOCTOR,
        2,
        ("of the rules by which results were issued are gone", "Restore rules/ from a backup"),
        ("backup", "rules"),
        replays=False,
    ),
    "a table of received rows is lost": Loss(
        lambda home: shutil.rmtree(home / "tables" / "bronze_events"),
        RUN,
        2,
        ("bronze_events", "zhixiang repair bronze_events --yes` reads the files again"),
        ("repair", "bronze_events", "--yes"),
    ),
    "the file ledger is lost": Loss(
        lambda home: shutil.rmtree(home / "tables" / "bronze_files"),
        RUN,
        2,
        (
            "bronze_files is lost",
            "repair bronze_files --yes` makes it again from the inbox and those tables",
        ),
        ("repair", "bronze_files", "--yes"),
    ),
    "bronze is lost as a whole": Loss(
        lambda home: [shutil.rmtree(path) for path in (home / "tables").glob("bronze_*")],
        RUN,
        2,
        ("What was received is lost or damaged", "54 files", "zhixiang repair bronze --yes"),
        ("repair", "bronze", "--yes"),
    ),
    "an issued table is lost": Loss(
        lambda home: shutil.rmtree(home / "tables" / BILLS),
        RUN,
        2,
        (f"Restore tables/{BILLS} from a backup", "no command makes it again"),
        ("backup", f"tables/{BILLS}"),
        replays=False,
    ),
    "edits made by hand are damaged": Loss(
        damaged_edits,
        RUN,
        2,
        ("bronze_manual_edits", "It holds what people approved by hand", "from a backup"),
        ("backup", "tables/bronze_manual_edits"),
        replays=False,
    ),
    "the home was moved": Loss(
        lambda home: None,
        DOCTOR,
        2,
        ("MLflow looks for its artifacts there", "zhixiang repair mlflow --yes"),
        ("repair", "mlflow", "--yes"),
    ),
    "a file of received rows is cut": Loss(
        lambda home: cut(data_file(home, "bronze_events")),
        DOCTOR,
        2,
        (
            "bronze_events has 1 data files of another size than written",
            "zhixiang repair bronze_events --yes",
        ),
        ("repair", "bronze_events", "--yes"),
    ),
    "a silver table is lost": Loss(
        lambda home: shutil.rmtree(home / "tables" / "silver_payments"),
        DOCTOR,
        2,
        ("silver_payments is lost", "zhixiang repair silver_payments --yes` deletes it; the next"),
        ("repair", "silver_payments", "--yes"),
    ),
    "a silver file is cut": Loss(
        lambda home: half(data_file(home, "silver_payments")),
        DOCTOR,
        2,
        (
            "silver_payments has 1 data files of another size than written",
            "zhixiang repair silver_payments --yes",
        ),
        ("repair", "silver_payments", "--yes"),
    ),
    "a commit of silver is lost": Loss(
        lambda home: newest(home, "silver_events/_delta_log", "*0.json").unlink(),
        RUN,
        2,
        ("silver_events", "zhixiang repair silver_events --yes"),
        ("repair", "silver_events", "--yes"),
    ),
    "a byte of a commit is flipped": Loss(
        lambda home: flip_first(newest(home, "silver_events/_delta_log", "*.json")),
        RUN,
        2,
        ("silver_events", "zhixiang repair silver_events --yes"),
        ("repair", "silver_events", "--yes"),
    ),
    "the delivery is lost": Loss(
        lambda home: shutil.rmtree(home / "out"),
        DOCTOR,
        2,
        ("out/ is lost; delivered/ still tells", "zhixiang run --month YYYY-MM --from deliver"),
        DELIVER,
    ),
    "the manifest is lost": Loss(
        lambda home: (home / "out" / "manifest.json").unlink(),
        DOCTOR,
        2,
        ("out/ has no manifest", "zhixiang run --month YYYY-MM --from deliver"),
        DELIVER,
    ),
    "the manifest is cut": Loss(
        lambda home: half(home / "out" / "manifest.json"),
        ("verify",),
        4,
        ("differences from what was signed", "zhixiang run --month 2026-09 --from deliver"),
        DELIVER,
    ),
    "the manifest's signature is damaged": Loss(
        lambda home: flip(home / "out" / "manifest.json.sig"),
        ("verify",),
        4,
        ("differences from what was signed", "zhixiang run --month 2026-09 --from deliver"),
        DELIVER,
    ),
}

# A run each, half a minute: all of them in `make test-long`, one of each kind of mending here.
RUN_AGAIN = (
    [*LOSSES] if os.environ.get("ZHIXIANG_LONG_TESTS") else ["the ledger is lost", "the models are lost"]
)


def called(home: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and words of a command that starts no Spark, in this process: twenty homes, six commands."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("ZHIXIANG_HOME", str(home))
        patch.setattr("sys.argv", ["zhixiang", *arguments])
        code = run_app()
    return code, out.getvalue() + err.getvalue()


def ask(home: Path, *arguments: str) -> Any:
    code, said = called(home, *arguments, "--json")
    assert code == 0, said
    return json.loads(said)


def replays(home: Path) -> None:
    code, said = called(home, "bill", "replay", BILL)
    assert code == 0, said
    assert "the same to the last bit" in said


def mend(home: Path, untouched: Path, command: tuple[str, ...]) -> None:
    """Gives the command; a delivery is made here, without waiting for Spark, which it does not use."""
    if command == DELIVER:
        hand_over(home, MONTH)
    elif command[:1] == ("backup",):
        shutil.rmtree(home / command[1], ignore_errors=True)
        if (untouched / command[1]).is_dir():
            shutil.copytree(untouched / command[1], home / command[1])
    elif command:
        code, said = called(home, *(part.format(backup=home.parent / "backup") for part in command))
        assert code == 0, said


def harmed_and_told(home: Path, loss: Loss) -> None:
    loss.harm(home)
    code, said = called(home, *loss.asks)
    assert code == loss.exit_code or loss.asks == DOCTOR, (code, said)
    said = " ".join(said.split())
    assert [words for words in loss.words if words not in said] == [], said
    assert "please report" not in said.lower()


@pytest.mark.parametrize("kind", LOSSES)
def test_each_loss_has_its_words_and_its_command(home: Path, untouched: Path, kind: str) -> None:
    loss = LOSSES[kind]
    harmed_and_told(home, loss)
    if loss.replays:
        replays(home)
    mend(home, untouched, loss.command)
    replays(home)
    code, said = called(home, "verify")
    assert code == 0, said
    left = {part["name"] for part in ask(home, "status")["not_whole"] if part["state"] == "damaged"}
    assert left == set()


@pytest.mark.parametrize("kind", RUN_AGAIN)
def test_after_each_loss_the_next_run_changes_nothing_issued(home: Path, untouched: Path, kind: str) -> None:
    loss = LOSSES[kind]
    loss.harm(home)
    mend(home, untouched, loss.command)
    run = zhixiang(home, *RUN)
    assert run.returncode == 0, run.stderr
    told = json.loads((Path(__file__).parents[1] / "data" / "home_of_0_1.hashes.json").read_text("utf-8"))
    after = {row["table"]: row["sha256"] for row in ask(home, "table", "hash", "all")}
    # The file ledger names the folder from which a file was received.
    assert {name for name, digest in told.items() if after[name] != digest} <= {"bronze_files", *MADE_NEW}
    revisions = ask(home, "status")["revisions"]
    assert {name for name, found in revisions.items() if set(found) != {"1"}} <= MADE_NEW, revisions
    assert ask(home, "status")["is_whole"]
    replays(home)
    assert called(home, "verify")[0] == 0
