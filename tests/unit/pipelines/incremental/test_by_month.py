"""Months that come out as they stand are not written, whoever asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from pipelines.incremental.affected import MONTHS, Affected
from pipelines.incremental.by_month import derive_by_month
from pipelines.storage.data_files import write_files
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.supplies import GoldBillingSupplies
from tests.unit.pipelines.incremental.test_customer_rows import of_run, world


@pytest.mark.parametrize("affected", [None, Affected(None, 1, MONTHS), Affected(frozenset({"2026-09"}), 1)])
def test_a_month_that_comes_out_as_it_stands_keeps_its_files(
    tmp_path: Path, affected: Affected | None
) -> None:
    first, later = world(), world(**{"M-Z3": "4.00"})
    root = str(tmp_path)
    source = write_files(
        of_run(first.sources[GoldBillingDeterminants], "first"), GoldBillingDeterminants, root
    )
    stood = write_files(of_run(first.supplies, "first"), GoldBillingSupplies, f"{root}/stood")
    files = [f"stood/{file.path}" for file in stood]
    inputs = SimpleNamespace(
        location=lambda _table: root,
        run_id="second",
        paths=lambda _table: [f"{root}/{file.path}" for file in source],
        current=lambda _table: files,
        current_paths=lambda _table: [f"{root}/{path}" for path in files],
    )

    def written(rows: pa.Table) -> Any:
        def derive(_month: str, _rows: Sequence[pa.Table]) -> pa.Table:
            return rows

        sources = {GoldBillingDeterminants: ("meter_point_id",)}
        return derive_by_month(cast("Any", inputs), sources, GoldBillingSupplies, derive, affected)[
            GoldBillingSupplies
        ]

    same, other = written(first.supplies), written(later.supplies)
    assert (same.files, same.kept) == ((), frozenset(files))
    assert [file.rows for file in other.files] == [later.supplies.num_rows]
    assert not other.kept
