"""A small home that delivered (that of version 0.1, tests/data/README.md), and ways to alter what it
delivered.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.engine.ledger import Ledger
from pipelines.facts import load_facts
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from zhixiang.delivery import Delivered, deliver

BILL = "bills/2026-09/STEEL-0001"
MADE_NEW = {
    "gold_day_findings",
    "silver_estimation_errors",
    "gold_data_sufficiency",
    "transfer_fee_code_v1",
    "transfer_fee_code_evidence_v1",
}
"""What rules of later versions make anew under the settings of today: VEE-V40 finds steps of level, with a
warning a day, and a grey code tells its yuan (ruling R14).
"""


def delivered_home(home: Path) -> Path:
    """The home, after it delivered August, then September."""
    with tarfile.open(Path(__file__).parent / "data" / "home_of_0_1.tar.xz") as archive:
        archive.extractall(home, filter="data")
    hand_over(home, "2026-08")
    hand_over(home, "2026-09")
    return home


def hand_over(home: Path, *months: str) -> tuple[Delivered, list[str]]:
    """A delivery of these months, and what it told."""
    settings = Settings(packaged("conf"), home)
    told: list[str] = []
    found = deliver(
        Store(settings),
        Registry(settings),
        Ledger(home),
        load_facts(settings.facts_dir),
        [BillingMonth.parse(month) for month in months],
        f"run-{len(list(home.glob('out.aside/*')))}",
        lambda step, status, seconds, note: told.append(f"{status} {note}"),
    )
    return found, told


def rewrite(
    home: Path, table: type[Table], is_meant: Callable[[Any], bool], change: Callable[[Any], object]
) -> None:
    """Stored rows as somebody changed them in their table."""
    store = Store(Settings(packaged("conf"), home))
    rows = store.arrow(table).to_pylist()
    for row in filter(is_meant, rows):
        change(row)
    files = write_files(pa.Table.from_pylist(rows, table.arrow_schema()), table, store.path(table))
    commit_files(store, table, files, "test", 99 + store.versions([table])[table.name], overwrite=True)


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] != "ledger"
    }


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_bytes(json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1).encode())


def add(out: Path, name: str) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(b"<h1>pay here</h1>")
