"""A model is logged, promoted under an alias, and read back only if every byte is what was signed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipelines.errors import TamperedError, UnknownNameError
from pipelines.models import mlflow_store
from pipelines.models.model import TrainedModel
from pipelines.models.registry import Registry
from pipelines.settings import Settings, packaged

PLOT = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(home: Path) -> Registry:
    made = Registry(Settings(packaged("conf"), home))
    version = made.log(_model(1.0), "run-1")
    made.promote(_model(1.0), version, "the first")
    return made


def _model(slope: float) -> TrainedModel:
    return TrainedModel(
        name="test_line",
        files={"line.json": json.dumps({"slope": slope}).encode()},
        loader_module="tests.integration.served_line",
        input_example={"x": [1.0, 2.0]},
        output_example={"y": [slope, 2 * slope]},
        metrics={"test_error": 0.5},
        params={"slope": slope},
        plots={"line.png": PLOT},
        inputs={"gold_day_energy": 3},
        tags={"provenance": "simulated"},
    )


def test_mlflow_shows_alias_signature_metrics_plots_and_data_versions(registry: Registry) -> None:
    client = registry._client()
    version = client.get_model_version_by_alias("test_line", "champion")
    assert str(version.version) == "1"
    run = client.get_run(version.run_id)
    assert run.data.metrics == {"test_error": 0.5}
    assert [(found.dataset.name) for found in run.inputs.dataset_inputs] == ["gold_day_energy@v3"]
    assert [artifact.path for artifact in client.list_artifacts(version.run_id, "plots")] == [
        "plots/line.png"
    ]
    import mlflow

    info = mlflow.models.get_model_info("models:/test_line@champion")
    assert info.signature.inputs.input_names() == ["x"]
    assert info.signature.outputs.input_names() == ["y"]


def test_the_champion_is_read_back_as_signed(registry: Registry) -> None:
    bundle = registry.champion("test_line")
    assert (bundle.version, json.loads(bundle.files["line.json"])) == ("1", {"slope": 1.0})
    (known,) = [model for model in registry.known() if model["name"] == "test_line"]
    assert known["metrics"] == {"test_error": 0.5}


def test_before_the_first_promotion_there_is_no_model(settings: Settings) -> None:
    with pytest.raises(UnknownNameError, match="test_line"):
        Registry(settings).champion("test_line")


@pytest.mark.parametrize("file", ["line.json", "manifest.json", "manifest.sig"])
def test_one_flipped_bit_anywhere_is_refused_before_parsing(
    registry: Registry, home: Path, file: str
) -> None:
    path = home / "models" / "test_line" / "1" / file
    whole = path.read_bytes()
    try:
        for place in range(0, len(whole), max(1, len(whole) // 7)):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            path.write_bytes(bytes(damaged))
            with pytest.raises(TamperedError):
                registry.champion("test_line")
    finally:
        path.write_bytes(whole)
    assert registry.champion("test_line").version == "1"


def test_promotion_and_the_way_back(registry: Registry) -> None:
    version = registry.log(_model(2.0), "run-2")
    assert registry.champion("test_line").version == "1", "logging alone promotes nothing"
    registry.promote(_model(2.0), version, "better on the same rows")
    assert json.loads(registry.champion("test_line").files["line.json"]) == {"slope": 2.0}
    registry.roll_back("test_line", "1")
    assert json.loads(registry.champion("test_line").files["line.json"]) == {"slope": 1.0}
    assert registry._client().get_model_version_by_alias("test_line", "champion").version in (1, "1")


@pytest.fixture
def copied(registry: Registry, tmp_path: Path) -> Registry:
    """The same registry in another folder, the one it was made in out of reach."""
    shutil.copytree(registry.settings.home, tmp_path / "copy")
    return Registry(Settings(packaged("conf"), tmp_path / "copy"))


def test_lost_bundles_come_back_byte_for_byte_under_their_numbers(copied: Registry) -> None:
    before = {path: path.read_bytes() for path in copied.folder.rglob("*") if path.is_file()}
    shutil.rmtree(copied.folder)
    assert copied.lost() == ["test_line"]
    assert copied.restore("test_line") == copied.champion("test_line").version
    assert {path: path.read_bytes() for path in copied.folder.rglob("*") if path.is_file()} == before
    assert copied.lost() == []


@pytest.mark.parametrize("is_told_by", ["champion.json", "a signed manifest"])
def test_what_is_not_what_was_signed_is_not_signed_again(copied: Registry, is_told_by: str) -> None:
    mlflow_store.settle(copied.settings.home)
    champion = copied.champion("test_line")
    told = {champion.version: champion.digest}
    if is_told_by == "champion.json":
        for folder in copied.folder.glob("test_line/[0-9]*"):
            shutil.rmtree(folder)
    else:
        shutil.rmtree(copied.folder)
    (stored,) = [
        path
        for path in copied.settings.home.glob("mlartifacts/**/data/test_line/line.json")
        if path.read_bytes() == champion.files["line.json"]
    ]
    stored.write_bytes(b'{"slope": 9.0}')
    with pytest.raises(TamperedError, match="not what was signed"):
        copied.restore("test_line", {} if is_told_by == "champion.json" else told)
    assert list(copied.folder.glob("test_line/*/manifest.json")) == []
    stored.write_bytes(champion.files["line.json"])
    assert copied.restore("test_line", told) == champion.version
    assert copied.champion("test_line").digest == champion.digest


def test_after_a_lost_store_numbers_count_on_from_the_bundles(copied: Registry) -> None:
    taken = int(copied.versions("test_line")[-1])
    champion = copied.champion("test_line")
    (copied.settings.home / "mlflow.db").unlink()
    shutil.rmtree(copied.settings.home / "mlartifacts")
    assert copied.champion("test_line") == champion
    assert copied.log(_model(3.0), "run-3") == str(taken + 1), "a number that results name stays what it was"
    alias = copied._client().get_model_version_by_alias("test_line", "champion")
    assert str(alias.version) == champion.version


def test_a_copied_home_writes_and_reads_its_own_artifacts(copied: Registry, home: Path) -> None:
    import mlflow

    before = sorted(home.rglob("*"))
    copied.log(_model(4.0), "run-4")
    assert sorted(home.rglob("*")) == before, "nothing is written where the home was copied from"
    place = home.rename(home.with_name("gone"))
    try:
        served = mlflow.pyfunc.load_model("models:/test_line@champion")
        assert served.predict({"x": [2.0]}) is not None
    finally:
        place.rename(home)
