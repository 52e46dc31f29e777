"""The step of the supplies, as a run carries it out but for the workers' processes: first whole, then what
one changed read reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from pipelines.engine.step import Inputs, PreviousRun, Step
from pipelines.engine.write_results import ResultWriter
from pipelines.errors import GateHaltedError
from pipelines.incremental import by_bucket, workers
from pipelines.incremental.customer_rows import SOURCES
from pipelines.settings import Settings
from pipelines.steps import gold
from pipelines.steps.gold import GOLD_STEPS
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.scan import points_in
from pipelines.storage.store import Store
from pipelines.storage.table_hash import content_hash
from pipelines.tables.base import CUSTOMER, Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.supplies import GoldBillingSupplies
from tests.supplies import FACTS, METER, SHOP, WORKS, World, curves, registers
from tests.unit.pipelines.incremental.test_customer_rows import CUSTOMERS, SUB, of_run, world

NOW = datetime(2026, 10, 1, tzinfo=UTC)
(STEP,) = [step for step in GOLD_STEPS if step.name == "gold-supplies"]


class _Here:
    """A frame of buckets whose tasks run in this process."""

    def __init__(self, buckets: Sequence[int]) -> None:
        self._buckets = list(buckets)

    def mapInArrow(self, run: Callable[[Iterator[pa.RecordBatch]], Any], _: str) -> _Here:
        self._run = run
        return self

    def collect(self) -> list[Any]:
        batches = [pa.RecordBatch.from_arrays([pa.array([each])], ["bucket"]) for each in self._buckets]
        return [
            SimpleNamespace(report=text)
            for batch in self._run(iter(batches))
            for text in batch.column(0).to_pylist()
        ]


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(workers, "task_frame", lambda _spark, given, _column: _Here(given))
    return Store(settings)


def put(store: Store, sources: Mapping[type[Table], pa.Table], run: str, number: int) -> None:
    for table, rows in sources.items():
        files = write_files(of_run(rows, run), table, store.path(table))
        commit_files(store, table, files, "source", number, overwrite=True)


def inputs(store: Store, run: str, previous: Mapping[type[Table], Sequence[str]] | None) -> Inputs:
    spark = SimpleNamespace(sparkContext=SimpleNamespace(defaultParallelism=2))
    return Inputs(
        frames=cast("Any", dict.fromkeys(SOURCES)),
        settings=store.settings,
        facts=FACTS,
        months=(),
        bundles={},
        versions={},
        run_id=run,
        session=lambda: cast("Any", spark),
        now=NOW,
        location=store.path,
        files=store.data_files,
        current=store.data_files,
        previous=None if previous is None else PreviousRun({}, NOW, lambda table: previous[table]),
    )


def run(
    store: Store, name: str, previous: Mapping[type[Table], Sequence[str]] | None = None, step: Step = STEP
) -> Any:
    return ResultWriter(store, name).write(step, step.apply(inputs(store, name, previous)))


def paths(store: Store) -> dict[type[Table], list[str]]:
    return {table: store.data_paths(table) for table in (*SOURCES, GoldBillingSupplies)}


def runs_of(store: Store) -> dict[str, str]:
    rows = store.arrow(GoldBillingSupplies, [CUSTOMER, "computed_run_id"])
    return dict(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def changed_to(store: Store, now: World, table: type[Table], number: int) -> None:
    """One source anew; rows that came out as they stood keep their run."""
    before = store.arrow(table).to_pylist()
    stood = {tuple(row[name] for name in table.key()): row for row in before}
    rows = of_run(now.sources[table], "second").to_pylist()
    for row in rows:
        old = stood.get(tuple(row[name] for name in table.key()), {})
        if {**old, "computed_run_id": None} == {**row, "computed_run_id": None}:
            row["computed_run_id"] = old["computed_run_id"]
    whole = pa.Table.from_pylist(rows, table.arrow_schema())
    files = write_files(whole, table, store.path(table))
    commit_files(store, table, files, "source", number, overwrite=True)


def test_the_whole_then_one_changed_read_then_nothing(store: Store) -> None:
    first = world()
    put(store, first.sources, "first", 1)
    made = run(store, "first")
    assert str(made.coverage) == "10 of 10 customers"
    assert store.content_hash(GoldBillingSupplies) == content_hash(first.supplies, GoldBillingSupplies)
    assert made.gates["gold_billing_supplies"]
    assert set(runs_of(store)) == set(CUSTOMERS)

    before, later = paths(store), world(**{"M-Z3": "4.00"})
    changed_to(store, later, GoldBillingDeterminants, 2)
    again = run(store, "second", before)
    assert str(again.coverage) == "1 of 10 customers"
    assert store.content_hash(GoldBillingSupplies) == content_hash(later.supplies, GoldBillingSupplies)
    assert runs_of(store) == dict.fromkeys(CUSTOMERS, "first") | {"Z3": "second"}

    version = store.version(GoldBillingSupplies)
    assert str(run(store, "third", paths(store)).coverage) == "0 of 10 customers"
    assert store.version(GoldBillingSupplies) == version, "what reads the table has nothing new to read"


def cut_world(tenant: Callable[[date], str]) -> World:
    """A works whose capacity changes on 11 September, with a tenant's sub-meter behind its meter, and eight
    shops.
    """
    shops = [SHOP | {"customer_id": name} for name in CUSTOMERS[1:]]
    meters = [METER | {"meter_point_id": f"M-{name}", "customer_id": name} for name in CUSTOMERS[2:]]
    return World(
        [WORKS, WORKS | {"valid_from_date": date(2026, 9, 11), "contract_capacity_kva": 500.0}, *shops],
        [METER, SUB, *meters],
        [
            *registers("100.00"),
            *registers(tenant, "N"),
            *(row for name in CUSTOMERS[2:] for row in registers("3.00", f"M-{name}")),
        ],
        curves(100 / 24),
    )


def test_a_sub_meters_energy_that_moves_within_the_month_reaches_whose_main_meter_counts_it(
    store: Store,
) -> None:
    """4 kWh of the tenant move across the 11th: its month and its row of determinants stay as they were."""
    first, later = cut_world(lambda _: "10.00"), cut_world(lambda day: {9: "6", 12: "14"}.get(day.day, "10"))
    assert first.determinants == later.determinants
    assert first.segments != later.segments
    put(store, first.sources, "first", 1)
    run(store, "first")
    before = paths(store)
    for table in (GoldBillingDeterminants, GoldBillingSegments):
        changed_to(store, later, table, 2)
    assert str(run(store, "second", before).coverage) == "2 of 10 customers"
    assert store.content_hash(GoldBillingSupplies) == content_hash(later.supplies, GoldBillingSupplies)
    assert runs_of(store) == dict.fromkeys(CUSTOMERS, "first") | {"C": "second"}


def test_computed_whole_again_files_stay_whose_rows_come_out_as_they_stand(store: Store) -> None:
    """As after another price or version of the code: there is no earlier run to go by."""
    first = world()
    put(store, first.sources, "first", 1)
    run(store, "first")
    version, stood = store.version(GoldBillingSupplies), set(store.data_files(GoldBillingSupplies))
    assert len(stood) == 2, "one file for each bucket of customers"
    assert str(run(store, "second").coverage) == "10 of 10 customers"
    assert store.version(GoldBillingSupplies) == version

    later = world(**{"M-Z3": "4.00"})
    changed_to(store, later, GoldBillingDeterminants, 2)
    run(store, "third")
    assert store.content_hash(GoldBillingSupplies) == content_hash(later.supplies, GoldBillingSupplies)
    assert runs_of(store) == dict.fromkeys(CUSTOMERS, "first") | {"Z3": "third"}
    files = [set(points_in([path], CUSTOMER)) for path in store.data_paths(GoldBillingSupplies)]
    assert sum("Z3" in held for held in files) == 1
    assert sum(map(len, files)) == len(CUSTOMERS)


def test_files_of_another_number_of_buckets_are_laid_out_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, world().sources, "first", 1)
    run(store, "first")
    stood = set(store.data_files(GoldBillingSupplies))
    monkeypatch.setattr(by_bucket, "bucket_count", lambda *_: 3)
    run(store, "second")
    now = set(store.data_files(GoldBillingSupplies))
    assert len(now) == 3
    assert not now & stood
    assert runs_of(store) == dict.fromkeys(CUSTOMERS, "first")


def test_a_row_that_breaks_its_declaration_halts_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world()
    put(store, first.sources, "first", 1)
    rows = first.supplies.to_pylist()
    rows[0]["segments"][0]["energy_kwh"] = -rows[0]["segments"][0]["energy_kwh"]
    broken = pa.Table.from_pylist(rows, first.supplies.schema)
    monkeypatch.setattr(by_bucket, "bucket_count", lambda *_: 1)

    def halted_by(name: str, previous: Mapping[type[Table], Sequence[str]] | None = None) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setattr(gold, "derive_supplies", lambda *_: broken.slice(0, 1))
            with pytest.raises(GateHaltedError) as halted:
                run(store, name, previous)
        return halted.value.failures

    told = halted_by("first")
    assert [line.rpartition(" ")[2] for line in told] == ["1"], "one bad row says 1"
    assert store.version(GoldBillingSupplies) is None

    run(store, "second")
    before, stands = paths(store), store.version(GoldBillingSupplies)
    changed_to(store, world(M="110.00"), GoldBillingDeterminants, 2)
    assert halted_by("third", before) == told, "of one customer alone"
    assert halted_by("fourth") == told, "of a bucket whose files stand"
    assert store.version(GoldBillingSupplies) == stands
