"""Late and corrected deliveries one after the other: only what they affect is computed, and everything is as
if all had come at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.codes import CustomerClass, IntervalStatus
from pipelines.engine import write_results
from pipelines.engine.ledger import Ledger, StepRecord
from pipelines.engine.runner import Runner
from pipelines.engine.step import Step, WriteMode
from pipelines.facts import load_facts
from pipelines.identity.people import People
from pipelines.ingest.manual_edits import Wish, approve, propose
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.steps import silver as stages
from pipelines.storage.store import Store
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
STATUS = "interval_status_codes"
STEPS = ("silver-registers", "silver-curves", "gold-day-energy", "gold-determinants", "gold-data-sufficiency")
ROWS = (SilverRegisterEnergy, SilverDayCurves, GoldDayEnergy, GoldBillingDeterminants)
BEFORE_COMMIT, BEFORE_ACCOUNTS, BEFORE_LEDGER = (
    "before the commit",
    "between rows and accounts",
    "before the ledger",
)
COMPARED_EACH = 6
DELIVERED = None if os.environ.get("ZHIXIANG_LONG_TESTS") else COMPARED_EACH
"""`make test-long` goes through all; the first, with two kills and one comparison with all at once, are
enough for every day.
"""
OWN = WriteMode.COMMIT_FILES
TO_COME, DARK = date(2026, 9, 20), ("MP-07", date(2026, 9, 8))


@dataclass(frozen=True)
class Delivery:
    """What comes, and how much of it each step computes.

    affected        The meter points whose rows may change.
    computed       How many meter points of how many: registers, curves, energy of days, determinants; None
                   where the step has nothing to do.
    months         For how many months sufficiency is judged anew.
    later_days     On which day it comes, counted from the first.
    killed         How a run is killed before the one that is looked at.
    rows_per_task  From now on, for curves.
    """

    files: Mapping[str, str]
    affected: set[str]
    computed: tuple[int | None, int | None, int | None, int | None]
    months: int | None
    later_days: int = 0
    before: Callable[[Store, Path], None] | None = None
    killed: str | None = None
    rows_per_task: int | None = None


def without_power(point: str, day: date) -> list[float]:
    return [0.0] * 96 if (point, day) == DARK else town.powers(point, day)


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
    corrected, since = [("MP-02", date(2026, 9, 4))], date(2026, 9, 3)
    july = [("MP-10", day) for day in town.days(date(2026, 7, 30), date(2026, 7, 31))]
    repeated = [("MP-04", day) for day in town.days(date(2026, 9, 1), date(2026, 9, 2))]
    nobody = town.curves([("MP-04", date(2026, 9, 1))]).replace("MP-04", "MP-99")
    residential = town.customers(["C-06"], date(2026, 9, 1), CustomerClass.RESIDENTIAL)
    return {
        "a late file": Delivery(
            {"late.csv": town.curves([town.LATE])}, {"MP-01"}, (None, 1, 1, 1), 1, killed=BEFORE_COMMIT
        ),
        # The registers stand already when the run after the killed one begins, but no success is known that
        # wrote them.
        "a corrected read": Delivery(
            {"corrected.csv": town.reads(corrected, 0.5, "09:00:00")},
            {"MP-02"},
            (24, 1, 1, 1),
            1,
            killed=BEFORE_ACCOUNTS,
        ),
        # Its class's profile changes with it.
        "a new meter point": Delivery(
            {"points-2.csv": town.meter_points([town.NEW])}, {town.NEW, town.EMPTY[0]}, (1, 2, 2, 2), 2
        ),
        "a multiplier from a day on": Delivery(
            {"points-3.csv": town.meter_points(["MP-03"], since, 20, "B")}, {"MP-03"}, (1, 1, 1, 1), 2
        ),
        # Meter points are settled in one step with customers; they come out as they stand, so registers and
        # months have nothing to do.
        # From here on there are twice as many buckets; the customer's two meter points still lie in one.
        "other terms of a customer": Delivery(
            {"terms.csv": residential}, {"MP-11", "MP-12"}, (None, 2, 2, 2), None, rows_per_task=130
        ),
        # Only one of the customer's two meter points was dark.
        "an outage that lasts": Delivery(
            {"events.csv": town.event(1, "C-04", DARK[1])}, {"MP-07"}, (None, 2, 1, 1), 1
        ),
        "an edit by hand": Delivery({}, {"MP-09"}, (None, 1, 1, 1), 1, before=edit_one_interval),
        "a month before all others": Delivery(
            {"july-curves.csv": town.curves(july), "july-reads.csv": town.reads(july)},
            {"MP-10"},
            (1, 1, 1, 1),
            2,
        ),
        # That a day came twice is noted on it.
        "a file that only repeats": Delivery(
            {"again.csv": town.curves(repeated)}, {"MP-04"}, (None, 1, 1, 1), 1
        ),
        "a day of the class whose profile fills a gap": Delivery(
            {"profile.csv": town.curves([("MP-13", date(2026, 9, 10))])},
            {"MP-13", town.EMPTY[0]},
            (None, 2, 2, 2),
            1,
        ),
        # The outage of two meter points lasts on, which changes none of their days. One of them and MP-05 lie
        # in one file of the two buckets
        # that there were, and in two of the four of now: curves are computed whole and laid out anew, and
        # rows that come out as they stood stay.
        "days that were to come": Delivery(
            {"more.csv": town.curves([("MP-05", date(2026, 9, 11))])},
            {"MP-05", "MP-11"},
            (None, 24, 2, 2),
            1,
            later_days=8,
        ),
        "what no known meter point sent": Delivery(
            {"nobody.csv": nobody}, set(), (None, 1, None, None), None, later_days=8, killed=BEFORE_LEDGER
        ),
    }


def refine(
    store: Store,
    command: str,
    now: datetime,
    names: Sequence[str] = ("silver-master", "silver-records", *STEPS),
) -> dict[str, str | None]:
    """Runs steps of silver and gold and tells how much each step computed; nothing for a step that had
    nothing to do.
    """
    facts, ledger = load_facts(packaged("conf") / "facts"), Ledger(store.settings.home)
    run_id = ledger.begin(command, now)
    runner = Runner(
        store.settings,
        facts,
        store,
        Registry(store.settings),
        ledger,
        Silent(),
        run_id,
        [BillingMonth.parse("2026-09")],
        now,
    )
    runner.run([step for step in all_steps() if step.name in names])
    return {step["step"]: step["computed"] for step in ledger.steps(run_id)}


def hashes(store: Store) -> dict[str, str]:
    tables = [
        table
        for table in declared_tables()
        if table.layer in (Layer.SILVER, Layer.GOLD) and store.version(table) is not None
    ]
    return {table.name: store.content_hash(table) for table in tables}


def rows_of(store: Store, table: type[Table]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """All rows with their run, by key."""
    return {tuple(row[name] for name in table.key()): row for row in store.arrow(table).to_pylist()}


def differing(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[str]:
    """Meter points with rows that came, went, changed, or bear another run."""
    return {key[0] for key in {*before, *after} if before.get(key) != after.get(key)}


def at_once(store: Store, spark: SparkSession, home: Path) -> Store:
    """Another home with all that the store received and all but what the steps that are looked at compute."""
    fresh = Store(Settings(packaged("conf"), home), spark)
    computed = {
        table.name
        for step in all_steps()
        if isinstance(step, Step) and step.by_affected
        for table, mode in step.writes.items()
        if mode is OWN
    }
    for path in Path(store.settings.tables_location).iterdir():
        if path.name not in computed:
            shutil.copytree(path, Path(fresh.settings.tables_location) / path.name)
    if (store.settings.home / "keys").is_dir():
        shutil.copytree(store.settings.home / "keys", home / "keys")
    return fresh


def deliver(store: Store, run: str, files: Mapping[str, str], now: datetime) -> None:
    inbox = store.settings.home / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (inbox / name).write_text(text, encoding="utf-8")
    assert ingest(store, inbox, run, now).accepted == len(files)


def run_killed(store: Store, how: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends before it has committed anything, before it has written its accounts, or before the
    ledger knows of the curves.
    """
    real = Ledger.record

    def die(*arguments: object, **named: object) -> None:
        raise RuntimeError("killed")

    def unrecorded(self: Ledger, run_id: str, record: StepRecord) -> None:
        if (record.step, record.status) == ("silver-curves", "done"):
            raise RuntimeError("killed")
        real(self, run_id, record)

    before = hashes(store)
    with monkeypatch.context() as patch:
        if how == BEFORE_COMMIT:
            patch.setattr("deltalake.DeltaTable.create_write_transaction", die)
        elif how == BEFORE_ACCOUNTS:
            patch.setattr(write_results, "replace_rows", die)
        else:
            patch.setattr(Ledger, "record", unrecorded)
        with pytest.raises(RuntimeError, match="killed"):
            refine(store, f"killed {how}", now)
    assert (hashes(store) == before) is (how == BEFORE_COMMIT)


def test_each_delivery_computes_what_it_affects_and_leaves_what_would_have_come_out_at_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(Settings(packaged("conf"), tmp_path / "one by one"), spark)
    deliver(store, "first", first_files(), BEGAN)
    told = refine(store, "first", BEGAN)
    # Until its meter point is known, what NEW sends is held back and no row of it stands in silver.
    assert [told[step] for step in STEPS] == [
        *["24 of 24 meter points"] * 2,
        *["23 of 23 meter points"] * 2,
        "2 of 2 months",
    ]
    assert set(rows_of(store, SilverDayCurves)[town.EMPTY[0], "active_forward", town.EMPTY[1]][STATUS]) == {
        IntervalStatus.ESTIMATED_CLASS_PROFILE
    }
    for number, (name, delivery) in enumerate(islice(deliveries().items(), DELIVERED)):
        now = BEGAN + timedelta(minutes=number + 1, days=delivery.later_days)
        deliver(store, name, delivery.files, now)
        if delivery.before is not None:
            delivery.before(store, tmp_path)
        if delivery.rows_per_task is not None:
            monkeypatch.setattr(stages, "CURVE_ROWS_PER_TASK", delivery.rows_per_task)
        before = {table: rows_of(store, table) for table in ROWS}
        if delivery.killed is not None:
            run_killed(store, delivery.killed, now, monkeypatch)
        told = refine(store, name, now)
        for table in ROWS:
            assert differing(before[table], rows_of(store, table)) <= delivery.affected, (name, table.name)
        settled = 23 if number < 2 else 24
        known = (24, 25 if delivery.killed == BEFORE_LEDGER else 24, settled, settled)
        points = [
            None if count is None else f"{count} of {most} meter points"
            for count, most in zip(delivery.computed, known, strict=True)
        ]
        months = None if delivery.months is None else f"{delivery.months} of {2 if number < 7 else 3} months"
        assert [told.get(step) for step in STEPS] == [*points, months], name
        if number % COMPARED_EACH == COMPARED_EACH - 1:
            fresh = at_once(store, spark, tmp_path / f"at once {number}")
            refine(fresh, "at once", now, STEPS)
            assert hashes(store) == hashes(fresh), name
            shutil.rmtree(fresh.settings.home)
