"""The MLflow store of a home, read as the SQLite file and the folders that it is: where it says its artifacts
lie, which versions it promoted, what it keeps of one. MLflow itself is not imported.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from pipelines.errors import DamagedPartError
from pipelines.models.model import TrainedModel

DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
PROMOTED = "promotion.reason"
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


@contextmanager
def _open(home: Path) -> Iterator[sqlite3.Connection]:
    path = home / DATABASE
    connection = sqlite3.connect(path, timeout=30)
    try:
        with connection:
            yield connection
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            raise
        raise DamagedPartError(
            "mlflow",
            f"The model registry {path} cannot be read ({error}).",
            (
                "`zhixiang repair mlflow --yes` puts it aside; models go on from their signed bundles, and "
                "the next one trained gets the next number."
            ),
        ) from error
    finally:
        connection.close()


def stands(home: Path) -> bool:
    """Whether the home has a store of its own; one without bytes was only begun."""
    path = home / DATABASE
    return path.is_file() and path.stat().st_size > 0


def place_told(home: Path) -> str | None:
    """The address of the home in which the store says its artifacts lie; None before the first experiment.

    Raises DamagedPartError where the store cannot be read.
    """
    with _open(home) as store:
        found = store.execute(
            "SELECT artifact_location FROM experiments WHERE artifact_location LIKE ?"
            " ORDER BY experiment_id DESC",
            (f"file://%/{ARTIFACTS}",),
        ).fetchone()
    return None if found is None else str(found[0]).removesuffix(f"/{ARTIFACTS}")


def settle(home: Path) -> str | None:
    """After a home was moved or copied: turns every address in its store to where the home is now, in one
    transaction; call it under the home's lock.

    Returns the folder that the home was in before; None where it has not moved.
    """
    here = home.absolute().as_uri()
    before = place_told(home) if stands(home) else None
    if before is None or before == here:
        return None
    old, new = unquote(urlsplit(before).path), str(home.absolute())
    with _open(home) as store:
        for table, column in _ADDRESSES:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?)"  # noqa: S608 - names of our own
                f" WHERE substr({column}, 1, ?) = ?",
                (here, len(before) + 1, len(before) + 1, before + "/"),
            )
        for digest, source in store.execute("SELECT dataset_uuid, dataset_source FROM datasets").fetchall():
            path = json.loads(source).get("path", "")
            if path.startswith(f"{old}/"):
                moved = json.dumps({**json.loads(source), "path": new + path.removeprefix(old)})
                store.execute(
                    "UPDATE datasets SET dataset_source = ? WHERE dataset_uuid = ?", (moved, digest)
                )
    return old


def champions(home: Path) -> dict[str, str]:
    """Registered name -> version that stands as champion."""
    with _open(home) as store:
        found = store.execute(
            "SELECT name, version FROM registered_model_aliases WHERE alias = 'champion' ORDER BY name"
        ).fetchall()
    return {str(name): str(version) for name, version in found}


def promoted_versions(home: Path, name: str) -> list[str]:
    """Versions of a model that were ever promoted, in order."""
    with _open(home) as store:
        found = store.execute(
            "SELECT DISTINCT version FROM model_version_tags WHERE name = ? AND key = ? ORDER BY version",
            (name, PROMOTED),
        ).fetchall()
    return [str(version) for (version,) in found]


def kept_model(home: Path, name: str, version: str) -> TrainedModel | None:
    """What the store keeps of a version, as its bundle was made from it; None where its files are gone."""
    with _open(home) as store:
        row = store.execute(
            "SELECT storage_location, run_id FROM model_versions WHERE name = ? AND version = ?",
            (name, int(version)),
        ).fetchone()
        metrics = store.execute(
            "SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ?", (row[1] if row else "",)
        ).fetchall()
    folder = Path(unquote(urlsplit(str(row[0])).path)) if row and row[0] else None
    if folder is None or not (folder / "MLmodel").is_file() or not (folder / "data" / name).is_dir():
        return None
    told: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    metadata: dict[str, Any] = dict(told.get("metadata") or {})
    inputs = metadata.pop("inputs", {})
    return TrainedModel(
        name=name,
        files={path.name: path.read_bytes() for path in sorted((folder / "data" / name).iterdir())},
        loader_module=str(told["flavors"]["python_function"]["loader_module"]),
        input_example={},
        output_example={},
        metrics={key: float("nan") if is_nan else float(value) for key, value, is_nan in metrics},
        params={},
        inputs=inputs,
        tags=metadata,
    )
