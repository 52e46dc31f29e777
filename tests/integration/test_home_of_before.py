"""A home and a model registry that version 0.1 wrote (tests/data/README.md) are read, explained, replayed and
run on.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.engine.rule_archive import kept_rules
from pipelines.models.registry import Registry
from pipelines.settings import OWN_CONF, Settings, packaged
from pipelines.storage.store import Store
from products.efficiency_bill.product import EFFICIENCY_BILL
from tests.command_line import zhixiang
from tests.delivered_home import MADE_NEW
from zhixiang.demo.conf import write_demo_conf
from zhixiang.reports.explain import explain
from zhixiang.reports.issued import issued
from zhixiang.reports.traces import traces_of

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parents[1] / "data"
MONTHS = ("2026-08", "2026-09")
NOT_CONTENT = ("bronze_files",)
"""Tables whose rows name the folder from which a file was received."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home as version 0.1 left it, at another place, with settings of today that bill whom it billed."""
    folder = tmp_path_factory.mktemp("before") / "home"
    with tarfile.open(DATA / "home_of_0_1.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    write_demo_conf(folder / OWN_CONF)
    return folder


def answer(home: Path, *arguments: str) -> Any:
    found = zhixiang(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def hashes(home: Path) -> dict[str, str]:
    return {
        row["table"]: row["sha256"]
        for row in answer(home, "table", "hash", "all")
        if row["table"] not in NOT_CONTENT
    }


def told_before() -> dict[str, str]:
    """The hashes that version 0.1 itself told of its tables."""
    told = json.loads((DATA / "home_of_0_1.hashes.json").read_text(encoding="utf-8"))
    return {name: digest for name, digest in told.items() if name not in NOT_CONTENT}


def test_every_table_reads_as_it_was_written(home: Path) -> None:
    found, before = hashes(home), told_before()
    assert {name: found[name] for name in before} == before


@pytest.mark.parametrize("month", MONTHS)
def test_every_bill_replays_to_the_last_bit(home: Path, month: str) -> None:
    told = answer(home, "bill", "replay", "--month", month)
    assert (told["bills"], told["differences"]) == (1, [])


def test_bills_replay_whatever_is_made_of_received_records(home: Path, tmp_path: Path) -> None:
    """Precedence was once a day's and is an interval's now, without a setting for what it was: a replay asks
    neither what was received nor what was refined of it.
    """
    bare = tmp_path / "home"
    shutil.copytree(home, bare, ignore=shutil.ignore_patterns("bronze_*", "silver_*", "gold_*"))
    assert not list((bare / "tables").glob("silver_*"))
    for month in MONTHS:
        told = answer(bare, "bill", "replay", "--month", month)
        assert (told["bills"], told["differences"]) == (1, [])


@pytest.mark.parametrize("month", MONTHS)
def test_every_line_is_explained_back_to_its_file(home: Path, month: str) -> None:
    store = Store(Settings(packaged("conf"), home))
    _, facts = kept_rules(home, next((home / "rules").iterdir()).name)
    bill = issued(store, EFFICIENCY_BILL.result, EFFICIENCY_BILL.evidence, "STEEL-0001", month)
    traces = traces_of(store, [bill["result"]])
    for line in bill["efficiency_bill_lines_v1"]:
        way = explain(traces, facts, bill, line["line_number"])
        assert way["line"] == line
        assert way["fact"] or way["named_facts"], line
        assert f"E_MP_DAY_READ_{month}.csv" in {
            row["source_file"].rsplit("/", 1)[-1] for row in way["received"]
        }


def test_every_registered_model_is_served(home: Path) -> None:
    import mlflow

    settings = Settings(packaged("conf"), home)
    registry = Registry(settings)
    assert answer(home, "repair", "mlflow", "--yes")["done"], (
        "the registry is turned to where the home is now"
    )
    mlflow.set_tracking_uri(registry.tracking_uri)
    known = {model["name"] for model in registry.known()}
    assert len(known) == 3
    for name in known:
        bundle = registry.champion(name)
        served = mlflow.pyfunc.load_model(f"models:/{name}@champion")
        example = pd.DataFrame(served.input_example) if served.input_example is not None else None
        assert bundle.files, name
        if example is not None:
            assert len(served.predict(example)) == len(example)


def test_the_next_run_finds_every_result_as_it_was_issued(home: Path) -> None:
    found = zhixiang(home, "run", "--month", "2026-09")
    assert found.returncode == 0, found.stderr
    after, before = hashes(home), told_before()
    assert {name for name in before if after[name] != before[name]} == MADE_NEW
    store = Store(Settings(packaged("conf"), home))
    codes = store.arrow(_table("transfer_fee_code_v1")).to_pylist()
    assert {
        (row["tenant_id"], row["colour_code"], row["grey_reason_code"])
        for row in codes
        if row["revision"] > 1
    } == {("SIM-TENANT-A-011", "grey", "implausible_price")}
    found_since = Counter(row["check_id"] for row in store.arrow(_table("gold_day_findings")).to_pylist())
    assert found_since["VEE-V40"] > 0
    assert set(store.arrow(_table("efficiency_bill_v1"), ["revision"]).column(0).to_pylist()) == {1}


def _table(name: str) -> Any:
    from zhixiang.chain import declared_table

    return declared_table(name)
