"""A number of a model that issued results name is never given twice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.models.registry import Registry
from pipelines.settings import Settings
from pipelines.storage import issued_numbers as module
from pipelines.storage.issued_numbers import issued_numbers
from pipelines.storage.store import Store
from products.credit_index.tables import CreditIndexV1
from products.efficiency_bill.tables import EfficiencyBillV1


def issued(monkeypatch: pytest.MonkeyPatch, rows: dict[str, list[tuple[str, str]]]) -> None:
    def arrow(_store: Store, table: type, columns: list[str]) -> pa.Table:
        found = rows.get(table.name, [])  # type: ignore[attr-defined]
        schema = pa.schema([(name, pa.string()) for name in columns])
        return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in found], schema)

    monkeypatch.setattr(Store, "arrow", arrow)
    monkeypatch.setattr(module, "all_tables", lambda: (EfficiencyBillV1, CreditIndexV1))


def test_the_highest_number_of_each_model_counts_and_no_model_is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(
        monkeypatch,
        {
            "efficiency_bill_v1": [("baseline", "9"), ("baseline", "10"), ("", "")],
            "credit_index_v1": [("credit_index", "2")],
        },
    )
    assert issued_numbers(settings) == {"baseline": 10, "credit_index": 2}


def test_a_home_without_results_names_none(tmp_path: Path, settings: Settings) -> None:
    assert issued_numbers(Settings(settings.conf_dir, tmp_path / "empty")) == {}


def test_bundles_and_store_both_lost_numbers_count_on_from_issued_results(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the first model trained anew was number 1 once more."""
    issued(monkeypatch, {"efficiency_bill_v1": [("baseline", "3")]})
    given: list[int] = []

    class Client:
        def search_model_versions(self, _filter: str) -> list[object]:
            return []

        def create_model_version(self, _name: str, _source: str, tags: object) -> None:
            given.append(len(given) + 1)

    Registry(settings, issued_numbers)._count_on(Client(), "baseline")  # type: ignore[arg-type]
    assert given == [1, 2, 3], "the next is number 4"
