"""Late and corrected deliveries one after the other: only what they touch is computed, and everything is as if all had come at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.codes import CustomerClass
from pipelines.edits import Wish, approve, propose
from pipelines.facts import load_facts
from pipelines.ingest import ingest
from pipelines.ledger import Ledger
from pipelines.people import People
from pipelines.periods import BillingMonth
from pipelines.registry import Registry
from pipelines.runner import Runner
from pipelines.settings import Settings, packaged
from pipelines.store import Store
from pipelines.tables.base import Layer, Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldDayEnergy
from pipelines.tables.silver import SilverDayCurves, SilverRegisterEnergy
from tests import meter_town as town
from tests.step_runs import Silent
from zhixiang.chain import all_steps, declared_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

BEGAN = datetime(2026, 9, 12, 4, tzinfo=UTC)
STEPS = ("silver-registers", "silver-curves", "gold-day-energy", "gold-determinants", "gold-data-sufficiency")
ROWS = (SilverRegisterEnergy, SilverDayCurves, GoldDayEnergy, GoldBillingDeterminants)
TO_COME = date(2026, 9, 20)


@dataclass(frozen=True)
class Delivery:
    """What comes, on which day after the first, and how many meter points each step computes for it.

    computed  Registers, curves, energy of days, determinants: None where the step has nothing to do.
    months    How many months sufficiency is judged anew for.
    untouched A meter point whose rows stay, with the run that computed them.
    """

    files: Mapping[str, str]
    computed: tuple[int | None, int | None, int | None, int | None]
    months: int | None
    untouched: str = "MP-12"
    later_days: int = 0
    before: Callable[[Store, Path], None] | None = None


def without_power(point: str, day: date) -> list[float]:
    return [0.0] * 96 if (point, day) == ("MP-07", date(2026, 9, 8)) else town.powers(point, day)


def first_files() -> dict[str, str]:
    """The town's first files; MP-07 is dark for a day, and MP-11 sends a curve of a day to come."""
    files = town.beginning()
    rows = [tuple(line.split(",")[:2]) for line in files["curves.csv"].splitlines()[1:]]
    curves = town.curves([(point, date.fromisoformat(day)) for point, day in rows], without_power)
    return files | {"curves.csv": curves, "to_come.csv": town.curves([("MP-11", TO_COME)])}


def edit_one_interval(store: Store, keys: Path) -> None:
    people = People(store.settings.home)
    for name in ("li", "wang"):
        people.add(name, keys / f"{name}.pem")
    wish = Wish("MP-09", "active_forward", date(2026, 9, 2), 600, 615, None, [5.25], "the meter was tested")
    edit_id = propose(store, wish, people.signer(keys / "li.pem"), BEGAN)["edit_id"]
    approve(store, edit_id, people.signer(keys / "wang.pem"), BEGAN)


def deliveries() -> dict[str, Delivery]:
    """By what they bring; each on a day of its own order."""
    corrected = ("MP-02", date(2026, 9, 4))
    july = [("MP-10", day) for day in town.days(date(2026, 7, 30), date(2026, 7, 31))]
    repeated = [("MP-04", day) for day in town.days(date(2026, 9, 1), date(2026, 9, 2))]
    since = date(2026, 9, 3)
    return {
        "a late file": Delivery({"late.csv": town.curves([town.LATE])}, (None, 1, 1, 1), 1),
        "a corrected read": Delivery({"corrected.csv": town.reads([corrected], 0.5, "09:00:00")}, (1, 1, 1, 1), 1),
        "a new meter point": Delivery(
            {"points-2.csv": town.meter_points([town.NEW])},
            (1, 2, 2, 2),
            2,
        ),
        "another multiplier from a day on": Delivery({"points-3.csv": town.meter_points(["MP-03"], since, 20, "B")}, (1, 1, 1, 1), 2),
        "other terms of a customer": Delivery(
            {"terms.csv": town.customers(["C-06"], date(2026, 9, 1), CustomerClass.RESIDENTIAL)}, (None, 2, None, 2), None, "MP-10"
        ),
        "an outage that lasts": Delivery({"events.csv": town.event(1, "C-04", date(2026, 9, 8))}, (None, 2, 1, 1), 1),
        "an edit by hand": Delivery({}, (None, 1, 1, 1), 1, before=edit_one_interval),
        "a month before all others": Delivery({"july-curves.csv": town.curves(july), "july-reads.csv": town.reads(july)}, (1, 1, 1, 1), 3),
        "a file that only repeats": Delivery({"again.csv": town.curves(repeated)}, (None, 2, None, None), None),
        "a curve of the class whose profile fills a gap": Delivery({"profile.csv": town.curves([("MP-13", date(2026, 9, 10))])}, (None, 2, 2, 2), 1),
        "days that were to come": Delivery({"more.csv": town.curves([("MP-05", date(2026, 9, 11))])}, (None, 5, 2, 2), 1, later_days=8),
    }


def refine(store: Store, command: str, now: datetime) -> dict[str, str | None]:
    """Runs silver and gold and tells how much each step computed; nothing for a step that had nothing to do."""
    facts, ledger = load_facts(packaged("conf") / "facts"), Ledger(store.settings.home)
    run_id = ledger.begin(command, now)
    runner = Runner(store.settings, facts, store, Registry(store.settings), ledger, Silent(), run_id, [BillingMonth.parse("2026-09")], now)
    runner.run([step for step in all_steps() if step.stage in ("silver", "gold") and step.name != "silver-estimation-errors"])
    return {step["step"]: step["computed"] for step in ledger.steps(run_id)}


def hashes(store: Store) -> dict[str, str]:
    tables = [table for table in declared_tables() if table.layer in (Layer.SILVER, Layer.GOLD) and store.version(table) is not None]
    return {table.name: store.content_hash(table) for table in tables}


def rows_of(store: Store, table: type[Table], point: str) -> list[dict[str, Any]]:
    rows = store.arrow(table, filters=[("meter_point_id", "==", point)]).to_pylist()
    return sorted(rows, key=lambda row: [str(row[name]) for name in table.key()])


def at_once(store: Store, spark: SparkSession, home: Path) -> Store:
    """Another home with all that the store received, and nothing computed."""
    fresh = Store(Settings(packaged("conf"), home), spark)
    for path in Path(store.settings.tables_location).glob("bronze_*"):
        shutil.copytree(path, Path(fresh.settings.tables_location) / path.name)
    shutil.copytree(store.settings.home / "people", home / "people", dirs_exist_ok=True) if (store.settings.home / "people").exists() else None
    return fresh


def begin(spark: SparkSession, home: Path) -> Store:
    store = Store(Settings(packaged("conf"), home), spark)
    deliver(store, "first", first_files(), BEGAN)
    told = refine(store, "first", BEGAN)
    assert {name: told[name] for name in STEPS[:4]} == {
        "silver-registers": "24 of 24 meter points",
        "silver-curves": "24 of 24 meter points",
        "gold-day-energy": "23 of 23 meter points",
        "gold-determinants": "23 of 23 meter points",
    }
    return store


def deliver(store: Store, run: str, files: Mapping[str, str], now: datetime) -> None:
    inbox = store.settings.home / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (inbox / name).write_text(text, encoding="utf-8")
    assert ingest(store, inbox, run, now).accepted == len(files)


def test_each_delivery_computes_what_it_touches_and_leaves_what_would_have_come_out_at_once(spark: SparkSession, tmp_path: Path) -> None:
    store = begin(spark, tmp_path / "one by one")
    wrong = []
    for number, (name, delivery) in enumerate(deliveries().items()):
        now = BEGAN + timedelta(minutes=number + 1, days=delivery.later_days)
        deliver(store, name, delivery.files, now)
        if delivery.before is not None:
            delivery.before(store, tmp_path)
        before = {table: rows_of(store, table, delivery.untouched) for table in ROWS}
        told = refine(store, name, now)
        after = {table: rows_of(store, table, delivery.untouched) for table in ROWS}
        fresh = at_once(store, spark, tmp_path / f"at once {number}")
        refine(fresh, "at once", now)
        if before != after:
            wrong.append((name, "what was not touched changed"))
        found, expected = hashes(store), hashes(fresh)
        if found != expected:
            wrong.append((name, [table for table in expected if found.get(table) != expected[table]]))
        print(name, {step: told.get(step) for step in STEPS})
        shutil.rmtree(fresh.settings.home)
    assert not wrong
