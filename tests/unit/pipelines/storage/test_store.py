"""Filtered reads of tables whose file statistics speak of some columns alone."""

from __future__ import annotations

import pyarrow as pa

from pipelines.settings import Settings
from pipelines.storage.data_files import WrittenFile, commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.sufficiency import GoldDataSufficiency


def _row(point: str, month: str, customer: str | None) -> dict[str, object]:
    return {
        "meter_point_id": point,
        "data_month": month,
        "customer_id": customer,
        "channel_code": "active_forward",
        "basis_code": "register",
        "interval_minutes": 1440,
        "expected_days": 30,
        "valid_days": 30,
        "estimated_ratio": 0.0,
        "estimated_interval_ratio": 0.0,
        "missing_ratio": 0.0,
        "longest_gap_hours": 0.0,
        "failed_info_checks": 0,
        "failed_warn_checks": 0,
        "failed_invalid_checks": 0,
        "is_sufficient": True,
        "insufficient_reasons": [],
        "computed_run_id": "r",
    }


def test_filters_on_any_column_of_files_that_workers_wrote(settings: Settings) -> None:
    store = Store(settings)
    rows = [
        _row("A", "2026-08", "C1"),
        _row("A", "2026-09", "C1"),
        _row("B", "2026-09", None),
        _row("D", "2026-09", "C2"),
    ]
    written: list[WrittenFile] = list(
        write_files(
            pa.Table.from_pylist(rows, GoldDataSufficiency.arrow_schema()),
            GoldDataSufficiency,
            store.path(GoldDataSufficiency),
        )
    )
    assert commit_files(store, GoldDataSufficiency, written, "test", 1, overwrite=True) == 0
    columns = ["meter_point_id", "data_month"]

    def found(*filters: tuple[str, str, object]) -> list[tuple[str, str]]:
        return sorted(
            tuple(row.values())
            for row in store.arrow(GoldDataSufficiency, columns, list(filters)).to_pylist()
        )

    assert found(("customer_id", "==", "C1")) == [("A", "2026-08"), ("A", "2026-09")]
    assert found(("data_month", "==", "2026-09"), ("customer_id", "in", ["C1", "C2"])) == [
        ("A", "2026-09"),
        ("D", "2026-09"),
    ]
    assert found(("data_month", "in", ["2026-08"])) == [("A", "2026-08")]
    assert found(("basis_code", "==", "curve")) == []
    assert store.arrow(GoldDataSufficiency, columns, [("customer_id", "==", "C1")]).column_names == columns
