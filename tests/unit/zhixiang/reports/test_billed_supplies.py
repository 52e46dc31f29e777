"""A bill is explained by the supply that its run read, as long as that version is there and is of the table
that the run read.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.engine.ledger import Ledger, ReuseKey, StepRecord
from pipelines.errors import DamagedPartError
from pipelines.periods import utc_now
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverSupplyShares
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supplies import derive_supplies
from tests.supplies import FACTS, SEPTEMBER
from tests.unit.pipelines.incremental.test_customer_rows import CUSTOMERS, of_run, world
from zhixiang.reports.billed_supplies import billed_supplies

Agree = Callable[[str], None]


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


@pytest.fixture
def agree(store: Store) -> Agree:
    """Agrees on a share, and makes the supplies by it."""
    sources = world().sources
    number = 0

    def put(table: type[Table], rows: pa.Table) -> None:
        files = write_files(of_run(rows, f"r{number}"), table, store.path(table))
        commit_files(store, table, files, "source", number, overwrite=True)

    for table, rows in sources.items():
        put(table, rows)

    def agreed(ratio: str) -> None:
        nonlocal number
        number += 1
        rows = sources[SilverSupplyShares].to_pylist()
        rows[0]["share_ratio"] = Decimal(ratio)
        shares = pa.Table.from_pylist(rows, sources[SilverSupplyShares].schema)
        put(SilverSupplyShares, shares)
        now = sources | {SilverSupplyShares: shares}
        put(GoldBillingSupplies, derive_supplies(CUSTOMERS, *now.values(), FACTS))

    return agreed


def issued(store: Store, *, makes_supplies: bool = True) -> str:
    """A run that issues bills by the supplies as they stand.

    makes_supplies  Whether its step of the supplies had anything to do; if not, the ledger notes no id.
    """
    ledger, table = Ledger(store.settings.home), store.delta(GoldBillingSupplies)
    assert table is not None
    name, now = GoldBillingSupplies.name, utc_now()
    run_id = ledger.begin("run", now)
    key = ReuseKey("", now, {name: str(table.metadata().id)}) if makes_supplies else None
    made = StepRecord("gold-supplies", "done", 0.0, "", {}, {name: table.version()}, {}, {}, key)
    billed = StepRecord("efficiency-bill", "done", 0.0, "", {name: table.version()}, {}, {}, {})
    for record in (made, billed):
        ledger.record(run_id, record)
    ledger.end(run_id, now, 0)
    return run_id


def ratio(store: Store, run_id: str) -> Decimal | None:
    """The share by which the bill of a run is explained."""
    (meters,) = billed_supplies(store, SEPTEMBER, ["C"], {"C": run_id}).values()
    (found,) = {each["share_ratio"] for each in meters if each["share_id"] == "S"}
    return found


def test_a_superseded_bill_is_explained_by_the_supply_that_its_run_read(store: Store, agree: Agree) -> None:
    """The share is agreed otherwise later: the first bill keeps its 20 %, the second shows 30 %."""
    runs = []
    for share in ("0.2", "0.3"):
        agree(share)
        runs.append(issued(store))
    assert [ratio(store, run_id) for run_id in runs] == [Decimal("0.2"), Decimal("0.3")]
    assert ratio(store, "20200101T000000Z-aaaaaa") == Decimal("0.3"), "a run that nobody knows: as it is now"
    both = billed_supplies(store, SEPTEMBER, ["C", "T"], {"C": runs[0]})
    assert set(both) == {"C", "T"}


def test_a_version_whose_files_are_cleared_away_leaves_the_supply_as_it_is_now(
    store: Store, agree: Agree
) -> None:
    agree("0.2")
    run_id, old = issued(store), store.data_paths(GoldBillingSupplies)
    agree("0.3")
    for path in old:
        Path(path).unlink()
    assert ratio(store, run_id) == Decimal("0.3")


def test_a_table_that_lacks_a_file_itself_is_damaged(store: Store, agree: Agree) -> None:
    agree("0.2")
    run_id = issued(store)
    for path in store.data_paths(GoldBillingSupplies):
        Path(path).unlink()
    with pytest.raises(DamagedPartError) as refused:
        ratio(store, run_id)
    assert refused.value.part == GoldBillingSupplies.name


@pytest.mark.parametrize("makes_supplies", [False, True])
def test_a_version_of_the_table_before_it_was_made_anew_explains_nothing(
    store: Store, agree: Agree, makes_supplies: bool
) -> None:
    agree("0.2")
    first = issued(store)
    agree("0.3")
    run_id = issued(store, makes_supplies=makes_supplies)
    assert (store.version(GoldBillingSupplies), ratio(store, run_id)) == (1, Decimal("0.3"))
    shutil.rmtree(store.path(GoldBillingSupplies))
    assert ratio(store, run_id) == Decimal("0.3"), "there is no table: as it is now"
    for share in ("0.4", "0.5", "0.6"):
        agree(share)
        later = issued(store)
    assert store.version(GoldBillingSupplies) == 2
    assert ratio(store, run_id) == Decimal("0.6"), "version 1 tells 50 %, which was never billed by it"
    assert [ratio(store, each) for each in (first, later)] == [Decimal("0.6"), Decimal("0.6")]


def test_a_ledger_that_notes_no_table_leaves_the_supply_as_it_is_now(store: Store, agree: Agree) -> None:
    agree("0.2")
    run_id = issued(store, makes_supplies=False)
    agree("0.3")
    assert ratio(store, run_id) == Decimal("0.3")
