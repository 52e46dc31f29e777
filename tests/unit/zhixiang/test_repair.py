"""What repairing bronze may not do: delete rows that nothing can bring back, or let a second loss of the file
ledger pass as the beginning anew of the first; and a lost delivery is told as lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.errors import DamagedPartError
from pipelines.ingest.read_files import IngestSummary, commit_batch, known_hashes, read_one, reading_of
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeCustomers, BronzeFiles, BronzeMeterPoints
from zhixiang.chain import declared_tables
from zhixiang.home_state import ALL_OF_BRONZE, examine_home, make_ready, table_states
from zhixiang.repair import Repairer

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FILES = BronzeFiles.name


def receive(settings: Settings) -> None:
    """What a run's ingest does, without the discovery by Spark."""
    store, inbox = Store(settings), settings.home / "inbox"
    known = known_hashes(store)
    reading = reading_of(store, inbox, frozenset(known), "run-1", NOW)
    reports = [read_one(str(path), reading) for path in sorted(inbox.iterdir())]
    batch = len(list((settings.home / "tables").glob("*")))
    commit_batch(store, reports, known, f"ingest:{batch}", batch, reading, IngestSummary())


@pytest.fixture
def home(settings: Settings) -> Settings:
    inbox = settings.home / "inbox"
    inbox.mkdir(parents=True)
    for name in ("customers.csv", "meter_points.csv"):
        shutil.copy(packaged("samples") / "steel" / name, inbox)
    receive(settings)
    return settings


def repairer(home: Settings) -> Repairer:
    return Repairer(home, home.home / "inbox", NOW)


def ready(home: Settings) -> None:
    """What a run does before it reads the inbox."""
    make_ready(home, Ledger(home.home), declared_tables(), lambda *_: None, runs_before=True)


def tables(home: Settings) -> set[str]:
    return {path.name for path in (home.home / "tables").iterdir()}


def lose(home: Settings, name: str) -> None:
    shutil.rmtree(home.home / "tables" / name)


def cut_log(home: Settings, name: str) -> None:
    (path,) = (home.home / "tables" / name / "_delta_log").glob("*.json")
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("harm", [lose, cut_log])
def test_bronze_is_not_put_aside_while_the_inbox_lacks_a_file_of_its_rows(
    home: Settings, harm: Callable[[Settings, str], None]
) -> None:
    harm(home, FILES)
    harm(home, BronzeMeterPoints.name)
    inbox = home.home / "inbox"
    content = (inbox / "customers.csv").read_bytes()
    (inbox / "customers.csv").write_bytes(content + b"\n")
    before = tables(home), Store(home).content_hash(BronzeCustomers)
    for ask in (repairer(home).plan, repairer(home).repair):
        with pytest.raises(DamagedPartError, match=r"1 files .* not in .*customers\.csv") as caught:
            ask(ALL_OF_BRONZE)
        assert "restore" in caught.value.hint
    assert (tables(home), Store(home).content_hash(BronzeCustomers)) == before
    (inbox / "customers.csv").write_bytes(content)
    assert repairer(home).repair(ALL_OF_BRONZE).done


def test_bronze_is_put_aside_not_deleted(home: Settings) -> None:
    rows = Store(home).content_hash(BronzeCustomers)
    lose(home, FILES)
    cut_log(home, BronzeMeterPoints.name)
    notes = repairer(home).repair(ALL_OF_BRONZE).notes
    aside = [Path(note.split(";")[0].removeprefix("what was there is ")) for note in notes]
    assert {path.name.partition(".before-")[0] for path in aside} >= {
        BronzeCustomers.name,
        BronzeMeterPoints.name,
    }
    assert all(path.is_dir() for path in aside)
    ready(home)
    receive(home)
    ready(home)
    assert Store(home).content_hash(BronzeCustomers) == rows
    shutil.rmtree(home.home / "tables" / BronzeCustomers.name)
    (kept,) = (path for path in aside if path.name.startswith(BronzeCustomers.name))
    kept.rename(home.home / "tables" / BronzeCustomers.name)
    assert Store(home).content_hash(BronzeCustomers) == rows


@pytest.mark.parametrize("first", [FILES, ALL_OF_BRONZE])
def test_a_second_loss_of_the_file_ledger_is_noticed_like_the_first(home: Settings, first: str) -> None:
    lose(home, FILES)
    with pytest.raises(DamagedPartError, match=FILES):
        ready(home)
    repairer(home).repair(first)
    ready(home)
    if first == ALL_OF_BRONZE:
        receive(home)
    ready(home)
    lose(home, FILES)
    with pytest.raises(DamagedPartError, match=FILES):
        ready(home)
    repairer(home).repair(FILES)
    ready(home)
    states = table_states(Store(home), Ledger(home.home), declared_tables())
    assert not [state for state in states if state.fault]


def test_file_ledger_alone_is_lost_though_tables_put_aside_lie_there(home: Settings) -> None:
    """What lies aside is no table: of file ledger and all rows lost, neither makes the other again."""
    (home.home / "tables" / "bronze_events.before-20260101T000000Z").mkdir()
    for name in (FILES, BronzeCustomers.name, BronzeMeterPoints.name):
        lose(home, name)
    Ledger(home.home).note_standing({FILES: 0})
    with pytest.raises(DamagedPartError) as caught:
        ready(home)
    assert "zhixiang repair bronze --yes" in caught.value.hint


def test_a_deleted_delivery_is_lost_not_never_made(home: Settings) -> None:
    def delivery() -> tuple[str, str]:
        (part,) = (part for part in examine_home(home, declared_tables()) if part.name == "delivery")
        return part.state, part.remedy

    assert delivery() == ("whole", "")
    kept = home.home / "delivered" / "manifest.json"
    kept.parent.mkdir()
    kept.write_text("{}", encoding="utf-8")
    state, remedy = delivery()
    assert state == "lost"
    assert "zhixiang run --month YYYY-MM --from deliver" in remedy
