"""A moved home's MLflow store is turned to where the home is, and to nowhere else."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pipelines.errors import DamagedPartError
from pipelines.models.mlflow_store import place_told, settle, stands

OLD = "/srv/old 智享"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The tables that say where artifacts lie, of a home that was in OLD, beside one that was not."""
    old = Path(OLD).as_uri()
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.executescript(
            """CREATE TABLE experiments (experiment_id INTEGER, artifact_location TEXT);
            CREATE TABLE runs (artifact_uri TEXT); CREATE TABLE logged_models (artifact_location TEXT);
            CREATE TABLE model_versions (storage_location TEXT, source TEXT);
            CREATE TABLE datasets (dataset_uuid TEXT, dataset_source TEXT);"""
        )
        store.executemany(
            "INSERT INTO experiments VALUES (?, ?)", [(0, "/elsewhere/mlruns/0"), (1, f"{old}/mlartifacts")]
        )
        store.executemany(
            "INSERT INTO runs VALUES (?)", [(f"{old}/mlartifacts/a/artifacts",), (f"{old}-2/mlartifacts/b",)]
        )
        store.execute("INSERT INTO logged_models VALUES (?)", (f"{old}/mlartifacts/models/m-1",))
        store.execute(
            "INSERT INTO model_versions VALUES (?, ?)", (f"{old}/mlartifacts/models/m-1", "models:/m-1")
        )
        store.executemany(
            "INSERT INTO datasets VALUES (?, ?)",
            [
                ("d1", json.dumps({"path": f"{OLD}/tables/silver_weather"})),
                ("d2", json.dumps({"path": "/data/x"})),
            ],
        )
    return tmp_path


def _all(home: Path, query: str) -> list[str]:
    with sqlite3.connect(home / "mlflow.db") as store:
        return [str(row[0]) for row in store.execute(query)]


def test_every_address_in_the_home_is_turned_and_no_other(home: Path) -> None:
    assert settle(home) == OLD
    here = home.as_uri()
    assert _all(home, "SELECT artifact_location FROM experiments") == [
        "/elsewhere/mlruns/0",
        f"{here}/mlartifacts",
    ]
    assert _all(home, "SELECT artifact_uri FROM runs") == [
        f"{here}/mlartifacts/a/artifacts",
        f"{Path(OLD).as_uri()}-2/mlartifacts/b",
    ]
    assert _all(home, "SELECT storage_location FROM model_versions") == [f"{here}/mlartifacts/models/m-1"]
    assert _all(home, "SELECT source FROM model_versions") == ["models:/m-1"]
    sources = [json.loads(text)["path"] for text in _all(home, "SELECT dataset_source FROM datasets")]
    assert sources == [f"{home}/tables/silver_weather", "/data/x"]


def test_a_home_that_has_not_moved_is_left_alone(home: Path) -> None:
    settle(home)
    before = (home / "mlflow.db").read_bytes()
    assert settle(home) is None
    assert (home / "mlflow.db").read_bytes() == before


def test_a_home_without_a_store_has_nothing_to_turn(tmp_path: Path) -> None:
    assert settle(tmp_path) is None
    assert not stands(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 90, b"SQLite format 3\0"]
)
def test_a_damaged_store_is_named_with_its_command(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(DamagedPartError, match=r"mlflow\.db cannot be read") as caught:
        place_told(tmp_path)
    assert "zhixiang repair mlflow --yes" in caught.value.hint
