"""The numbers of models that issued results name: they outlive bundles and registry, and none of them may
come to mean another model.
"""

from __future__ import annotations

from pipelines.errors import DamagedPartError
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import Layer, all_tables

_COLUMNS = ("model_name", "model_version")


def issued_numbers(settings: Settings) -> dict[str, int]:
    """Model -> highest number that a result of the home names; a table that cannot be read tells none."""
    store, found = Store(settings), dict[str, int]()
    for table in all_tables():
        if table.layer is not Layer.PRODUCT or not set(_COLUMNS) <= set(table.columns()):
            continue
        try:
            rows = store.arrow(table, list(_COLUMNS)).group_by(list(_COLUMNS)).aggregate([])
        except DamagedPartError:
            continue
        for row in rows.to_pylist():
            name, number = row["model_name"], row["model_version"]
            if name and str(number).isdecimal():
                found[name] = max(found.get(name, 0), int(number))
    return found
