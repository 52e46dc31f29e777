"""A table whose log is not whole is named, with what it means and what to do, and never read in part."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.errors import DamagedPartError
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.storage.table_state import raise_for_files, state_of
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeEvents, BronzeFiles
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverPayments
from products.efficiency_bill.tables import EfficiencyBillV1

COMMITS = 3
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def _row(table: type[Table]) -> pa.Table:
    """One row that holds something in every column."""
    kinds = {pa.types.is_string: "x", pa.types.is_integer: 1, pa.types.is_decimal: Decimal(1)}

    def value(kind: pa.DataType) -> object:
        known = [value for is_of, value in kinds.items() if is_of(kind)]
        return known[0] if known else date(2026, 9, 1) if pa.types.is_date(kind) else NOW

    row = {field.name: value(field.type) for field in table.arrow_schema()}
    return pa.Table.from_pylist([row], table.arrow_schema())


@pytest.fixture
def store(settings: Settings) -> Store:
    """A table of three commits of one row each."""
    store = Store(settings)
    for number in range(COMMITS):
        files = write_files(_row(BronzeEvents), BronzeEvents, store.path(BronzeEvents))
        commit_files(store, BronzeEvents, files, "test", number, overwrite=False)
    return Store(settings)


def _log(store: Store) -> list[Path]:
    return sorted(Path(store.path(BronzeEvents), "_delta_log").glob("*.json"))


def test_a_whole_table_has_no_fault(store: Store) -> None:
    state = state_of(store, BronzeEvents, COMMITS - 1, files=True)
    assert (state.version, state.rows, state.fault) == (COMMITS - 1, COMMITS, "")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda log: log[0].unlink(), "commit 0 of its log is missing"),
        (lambda log: log[1].unlink(), "commit 1 of its log is missing"),
        (lambda log: log[2].write_bytes(b""), "commit 2 of its log is empty"),
        (lambda log: log[1].write_bytes(log[1].read_bytes()[:-40]), "its log cannot be read"),
    ],
)
def test_a_harmed_log_is_named_and_not_read_in_part(
    store: Store, harm: Callable[[list[Path]], object], said: str
) -> None:
    harm(_log(store))
    for ask in (store.version, store.row_count, store.arrow):
        with pytest.raises(DamagedPartError, match=said) as caught:
            ask(BronzeEvents)
        assert "bronze_events" in caught.value.message
        assert "`zhixiang repair bronze_events --yes`" in caught.value.hint
    state = state_of(store, BronzeEvents)
    assert said in state.fault, "told, not raised"


def test_a_lost_last_commit_shows_by_what_the_run_ledger_knows(store: Store) -> None:
    _log(store)[-1].unlink()
    assert state_of(store, BronzeEvents, COMMITS - 2).fault == ""
    assert "commits are lost" in state_of(store, BronzeEvents, COMMITS - 1).fault


def test_a_lost_folder_shows_by_what_the_run_ledger_knows(settings: Settings) -> None:
    assert state_of(Store(settings), BronzeEvents).fault == ""
    assert "is lost" in state_of(Store(settings), BronzeEvents, 0).fault


def test_a_lost_data_file_is_named_where_it_is_read_and_where_it_is_looked_for(store: Store) -> None:
    (gone, *_) = store.data_files(BronzeEvents)
    Path(store.path(BronzeEvents), gone).unlink()
    assert state_of(store, BronzeEvents).fault == "", "the log alone does not tell"
    assert gone in state_of(store, BronzeEvents, files=True).fault
    with pytest.raises(DamagedPartError, match="bronze_events is damaged: a data file cannot be read"):
        store.arrow(BronzeEvents)


def test_a_cut_data_file_is_named_with_its_table(store: Store) -> None:
    """Before, a cut file was as whole as any, until a step failed on it without a word of what to do."""
    (cut, *_) = store.data_files(BronzeEvents)
    path = Path(store.path(BronzeEvents), cut)
    path.write_bytes(path.read_bytes()[:-1])
    fault = state_of(store, BronzeEvents, files=True).fault
    assert "another size than written" in fault
    assert path.name in fault
    with pytest.raises(DamagedPartError, match="another size") as found:
        raise_for_files(store, [BronzeEvents], RuntimeError("Spark's"))
    assert "`zhixiang repair bronze_events --yes`" in found.value.hint


def test_an_earlier_version_that_is_not_there_is_no_damage(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)version") as caught:
        store.delta(BronzeEvents, 17)
    assert not isinstance(caught.value, DamagedPartError)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (SilverPayments, "deletes it; the next `zhixiang run` computes it anew"),
        (GoldDayEnergy, "deletes it; the next `zhixiang run` computes it anew"),
        (BronzeEvents, "reads the files again"),
        (BronzeFiles, "from the inbox and those tables"),
        (BronzeManualEdits, "from a backup"),
        (EfficiencyBillV1, "from a backup"),
    ],
)
def test_each_kind_of_table_has_its_own_remedy(settings: Settings, table: type[Table], words: str) -> None:
    assert words in state_of(Store(settings), table, 4).remedy
