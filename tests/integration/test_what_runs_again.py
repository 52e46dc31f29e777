"""What a later run does again: what a change reaches, and nothing else."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.engine.fingerprint import CodeDigests
from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts, load_prices
from pipelines.facts.monthly_prices import COLUMNS, COMPONENTS
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from tests.steel_home import conf_of_a_month, receive_steel
from tests.step_runs import Silent
from zhixiang.chain import all_steps

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
MONTHS = ("2026-07", "2026-08")
CODE = Path(__file__).resolve().parents[2]
WORDS = "products/efficiency_bill/advice/less_energy.py"


def run(store: Store, conf: Path, code: Path, *, silver_alone: bool = False) -> dict[str, str]:
    """A run of the chain's steps, as ``zhixiang run`` does them, by the code and settings of these folders:
    step -> status.
    """
    ledger = Ledger(store.settings.home)
    run_id = ledger.begin("run", NOW)
    months = [BillingMonth.parse(MONTHS[-1])]
    settings, facts = Settings(conf, store.settings.home), load_facts(conf / "facts")
    runner = Runner(
        settings,
        facts,
        store,
        Registry(settings),
        ledger,
        Silent(),
        run_id,
        months,
        NOW,
        CodeDigests(code),
    )
    first = ("silver",) if silver_alone else ("silver", "gold")
    runner.run([step for step in all_steps() if step.stage in first])
    if not silver_alone:
        runner.run([step for step in all_steps() if step.stage not in first])
    return {row["step"]: row["status"] for row in ledger.steps(run_id)}


def done(statuses: dict[str, str]) -> set[str]:
    assert set(statuses.values()) <= {"done", "unchanged", "no input"}
    return {name for name, status in statuses.items() if status == "done"}


def test_a_change_runs_what_it_reaches_and_nothing_else(spark: SparkSession, tmp_path: Path) -> None:
    store = Store(Settings(packaged("conf"), tmp_path / "home"), spark)
    inbox = tmp_path / "inbox"
    receive_steel(store, inbox, MONTHS, NOW)
    # July alone comes before the billed month.
    ordinary = conf_of_a_month(tmp_path / "ordinary")
    first = run(store, ordinary, CODE)
    assert done(first) >= {"silver-curves", "gold-determinants", "train-baseline", "efficiency-bill"}
    assert done(run(store, ordinary, CODE)) == set()

    code = tmp_path / "code"
    for package in ("pipelines", "products"):
        shutil.copytree(CODE / package, code / package, ignore=shutil.ignore_patterns("__pycache__"))
    assert done(run(store, ordinary, code)) == set(), "another folder is no other code"
    text = (code / WORDS).read_text(encoding="utf-8")
    (code / WORDS).write_text(text.replace("本月可少付约", "本月约可少付"), encoding="utf-8")
    assert (code / WORDS).read_text(encoding="utf-8") != text
    assert done(run(store, ordinary, code)) == {"efficiency-bill"}

    conf = Path(shutil.copytree(ordinary, tmp_path / "conf"))
    platform = (conf / "platform.yaml").read_text(encoding="utf-8")
    (conf / "platform.yaml").write_text(platform.replace("driver_memory: 3g", "driver_memory: 2g"))
    assert done(run(store, conf, code)) == set(), "the platform changes no result"
    for month in ("2026-09", "2026-10"):
        rows = [f"{month},{part},0.1,Notice 1,{month}-01" for part in COMPONENTS]
        prices = tmp_path / "prices.csv"
        prices.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
        load_prices(prices, conf / "facts")
        assert done(run(store, conf, code)) == set(), "the price of a later month"
    thresholds = (conf / "vee.yaml").read_text(encoding="utf-8")
    (conf / "vee.yaml").write_text(thresholds.replace(": 24\n", ": 25\n", 1), encoding="utf-8")
    again = run(store, conf, code, silver_alone=True)
    assert done(again) == {"silver-registers", "silver-curves", "silver-estimation-errors"}
    assert again["silver-master"] == again["silver-records"] == "unchanged"
