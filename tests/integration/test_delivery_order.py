"""A month of daily files: delivered twice, renamed, in another order, two days forty days late; silver and
gold are as if all had come in order.
"""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.codes import IntervalStatus
from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.errors import UnknownNameError
from pipelines.facts import Facts, load_facts
from pipelines.identity.people import People
from pipelines.ingest.manual_edits import Wish, approve, propose
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.base import Layer
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverDayCurves
from products.efficiency_bill.tables import EfficiencyBillV1
from tests.correction_cases import funds_notice
from tests.step_runs import Silent
from zhixiang.chain import all_steps, declared_tables
from zhixiang.reports.correction_sheets import sheets_of_month
from zhixiang.reports.late_changes import issued_since, pending, runs_since, with_reasons

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

SEPTEMBER = "2026-09"
LATE_DAYS = ("2026-09-03", "2026-09-17")
LAST = datetime(2026, 11, 9, 4, tzinfo=UTC)
SEED = 20261109
STEEL = packaged("samples") / "steel"


def daily_files() -> dict[str, str]:
    """One file a day and kind: name -> text, made of the month's two files of the steel works."""
    found: dict[str, str] = {}
    for kind in ("E_MP_POWER_CURVE", "E_MP_DAY_READ"):
        header, *lines = (STEEL / f"{kind}_{SEPTEMBER}.csv").read_text(encoding="utf-8").splitlines()
        place = header.split(",").index("DATA_DATE")
        for day in sorted({line.split(",")[place] for line in lines}):
            rows = [line for line in lines if line.split(",")[place] == day]
            found[f"{kind}_{day}.csv"] = "\n".join([header, *rows]) + "\n"
    return found


def master_data(inbox: Path) -> None:
    inbox.mkdir(parents=True)
    for name in (
        "customers.csv",
        "meter_points.csv",
        *(f"E_MP_{kind}_2026-0{month}.csv" for kind in ("DAY_READ", "POWER_CURVE") for month in (7, 8)),
    ):
        shutil.copyfile(STEEL / name, inbox / name)
    shutil.copyfile(packaged("samples") / "buildings" / "weather.csv.gz", inbox / "weather.csv.gz")


def runner_of(store: Store, run: str, now: datetime, facts: Facts | None = None) -> Runner:
    facts = facts or load_facts(packaged("conf") / "facts")
    ledger, registry = Ledger(store.settings.home), Registry(store.settings)
    return Runner(
        store.settings,
        facts,
        store,
        registry,
        ledger,
        Silent(),
        ledger.begin(run, now),
        [BillingMonth.parse(SEPTEMBER)],
        now,
    )


def refine(store: Store, run: str, now: datetime) -> None:
    runner_of(store, run, now).run([step for step in all_steps() if step.stage in ("silver", "gold")])


def bill(store: Store, run: str, facts: Facts | None = None) -> str:
    runner = runner_of(store, run, LAST, facts)
    names = ("train-baseline", "efficiency-bill") if facts is None else ("efficiency-bill",)
    runner.run([step for step in all_steps() if step.name in names])
    return runner.run_id


def hashes(store: Store) -> dict[str, str]:
    tables = [
        table
        for table in declared_tables()
        if table.layer in (Layer.SILVER, Layer.GOLD) and store.version(table) is not None
    ]
    return {table.name: store.content_hash(table) for table in tables}


def edit_one_interval(store: Store, keys: Path) -> None:
    """Li proposes, Wang approves."""
    people = People(store.settings.home)
    for name in ("li", "wang"):
        people.add(name, keys / f"{name}.pem")
    wish = Wish(
        "MP-STEEL-0001",
        "active_forward",
        date(2026, 9, 10),
        600,
        615,
        None,
        [123.25],
        "the meter was tested, logbook 17",
    )
    edit_id = propose(store, wish, people.signer(keys / "li.pem"), LAST)["edit_id"]
    approve(store, edit_id, people.signer(keys / "wang.pem"), LAST)


def test_any_order_of_delivery_gives_the_same_silver_and_gold(spark: SparkSession, tmp_path: Path) -> None:
    files = daily_files()
    assert len(files) == 60
    in_order = Store(Settings(packaged("conf"), tmp_path / "in order {a}"), spark)
    inbox = in_order.settings.home / "inbox"
    master_data(inbox)
    for name, text in files.items():
        (inbox / name).write_text(text, encoding="utf-8")
    assert ingest(in_order, inbox, "all", LAST).accepted == 7 + 60
    refine(in_order, "all", LAST)

    rng = random.Random(SEED)  # an order, not a secret
    store = Store(Settings(packaged("conf"), tmp_path / "任意 顺序"), spark)
    inbox = store.settings.home / "inbox"
    master_data(inbox)
    late = [name for name in files if any(day in name for day in LATE_DAYS)]
    punctual = [name for name in files if name not in late]
    rng.shuffle(punctual)
    deliveries = [punctual[start::3] for start in range(3)] + [late]
    duplicates = accepted = 0
    for number, names in enumerate(deliveries):
        now = LAST - timedelta(days=40) if number < 3 else LAST
        again = rng.sample([name for earlier in deliveries[: number + 1] for name in earlier], 4)
        for place, name in enumerate([*names, *again]):
            (inbox / f"delivery {number} 第{place}个.csv").write_text(files[name], encoding="utf-8")
        summary = ingest(store, inbox, f"run-{number}", now)
        accepted, duplicates = accepted + summary.accepted, duplicates + summary.duplicates
        if number == 2:
            refine(store, f"run-{number}", now)
    assert (accepted, duplicates) == (7 + 60, 16)
    assert store.row_count(BronzeFiles) == 83
    before = hashes(store)
    refine(store, "last", LAST)

    found, expected = hashes(store), hashes(in_order)
    assert found == expected
    changed = {name for name in expected if before[name] != expected[name]}
    assert {SilverDayCurves.name, GoldBillingDeterminants.name} <= changed, "what came late made a difference"

    rows = {
        tuple(row[name] for name in SilverDayCurves.key()): row
        for row in store.arrow(SilverDayCurves).to_pylist()
    }
    gold = {row["billing_month"]: row for row in store.arrow(GoldBillingDeterminants).to_pylist()}
    issued = bill(store, "bills")
    edit_one_interval(store, tmp_path)
    refine(store, "edited", LAST)
    edited = {
        tuple(row[name] for name in SilverDayCurves.key()): row
        for row in store.arrow(SilverDayCurves).to_pylist()
    }
    differing = [key for key in rows if rows[key] != edited[key]]
    assert differing == [("MP-STEEL-0001", "active_forward", date(2026, 9, 10))], (
        "what was not affected keeps its row and the run that computed it"
    )
    settled = {row["billing_month"]: row for row in store.arrow(GoldBillingDeterminants).to_pylist()}
    assert [month for month in gold if gold[month] != settled[month]] == [SEPTEMBER]
    row = edited[differing[0]]
    assert (row["final_kwh_or_kvarh"][40], row["interval_status_codes"][40]) == (
        123.25,
        IntervalStatus.EDITED,
    )
    assert row["measured_kwh_or_kvarh"] == rows[differing[0]]["measured_kwh_or_kvarh"]

    # The edit moves energy between periods of the day; the register still settles the month.
    ledger, version = Ledger(store.settings.home), store.version(EfficiencyBillV1)
    (told,) = with_reasons(
        store, issued, runs_since(ledger, issued), pending(store, runner_of(store, "preview", LAST))
    )
    assert (told["subject"], told["month"], told["state"], told["new_revision"]) == (
        "STEEL-0001",
        SEPTEMBER,
        "would change",
        2,
    )
    assert told["energy_kwh_difference"] == 0
    assert told["total_cny_difference"] == told["new_total_cny"] - told["old_total_cny"] != 0
    assert re.fullmatch(r"edit [0-9a-f]{16} \(2026-09-10\)", told["reason"])
    assert store.version(EfficiencyBillV1) == version, "asking changes nothing"
    bill(store, "corrected")
    (done,) = issued_since(store, runs_since(ledger, issued))
    assert {**done, "state": ""} == {
        name: value for name, value in {**told, "state": ""}.items() if name != "reason"
    }

    # A notice on funds comes after the issue: the bills stay to the byte, the difference is a revision and a
    # sheet of its own.
    before = {row["revision"]: row for row in store.arrow(EfficiencyBillV1).to_pylist()}
    cheaper = funds_notice(
        load_facts(packaged("conf") / "facts"), "0.02", "notice on funds", date(2026, 11, 20)
    )
    late = bill(store, "notice", dataclasses.replace(cheaper, digest="with the notice"))
    after = {row["revision"]: row for row in store.arrow(EfficiencyBillV1).to_pylist()}
    assert (sorted(before), sorted(after)) == ([1, 2], [1, 2, 3])
    assert {revision: after[revision] for revision in before} == before
    edit, notice = sheets_of_month(store, SEPTEMBER)
    assert (edit.is_by_prices, notice.is_by_prices) == (False, True)
    assert edit.total_cny == before[2]["total_cny"] - before[1]["total_cny"]
    assert notice.total_cny == after[3]["total_cny"] - after[2]["total_cny"] < 0
    assert {row["component_code"] for row in notice.rows} == {"funds"}
    (told,) = issued_since(store, [late])
    assert (told["notices"], told["total_cny_difference"]) == (["notice on funds"], notice.total_cny)
    again = dataclasses.replace(cheaper, digest="with the notice, read once more")
    assert pending(store, runner_of(store, "preview again", LAST, again)) == [], (
        "the same edit and the same notice make no further revision"
    )
    with pytest.raises(UnknownNameError, match="no run"):
        runs_since(ledger, "no run")
