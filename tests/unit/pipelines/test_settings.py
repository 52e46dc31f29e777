"""Settings: frozen, complete, closed; one clear line for each mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.errors import SettingsError
from pipelines.settings import Settings, load_settings, packaged
from zhixiang.conf_files import setting_files


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    target = tmp_path / "conf"
    shutil.copytree(packaged("conf"), target)
    return target


def _change(path: Path, change: dict[str, object] | None = None, drop: str | None = None) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if drop:
        del content[drop]
    content.update(change or {})
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def test_the_packaged_defaults_are_complete(conf: Path, tmp_path: Path) -> None:
    settings = Settings(conf, tmp_path)
    assert settings.platform.spark.master.startswith("local")
    for kind in setting_files():
        assert settings.section(kind) is settings.section(kind)


def test_every_setting_says_what_it_means() -> None:
    silent = [
        f"{kind.file}: {name}"
        for kind in setting_files()
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert not [name for name in silent if "Settings" not in name and name.split(": ")[1] not in _groups()]


def _groups() -> set[str]:
    """Keys whose value is a described group of its own."""
    return {
        name
        for kind in setting_files()
        for name, field in kind.model_fields.items()
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
    }


@pytest.mark.parametrize(
    "file",
    [
        "platform.yaml",
        "vee.yaml",
        "credit_index.yaml",
        "efficiency_bill.yaml",
        "transfer_fee_code.yaml",
        "formats.yaml",
    ],
)
def test_an_unknown_key_is_refused_by_name(conf: Path, tmp_path: Path, file: str) -> None:
    _change(conf / file, {"surprise": 1})
    with pytest.raises(SettingsError, match="'surprise' is not known") as caught:
        _load_all(conf, tmp_path)
    assert file in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "file",
    [
        "platform.yaml",
        "vee.yaml",
        "credit_index.yaml",
        "efficiency_bill.yaml",
        "transfer_fee_code.yaml",
        "formats.yaml",
    ],
)
def test_a_missing_key_is_named(conf: Path, tmp_path: Path, file: str) -> None:
    first = next(iter(yaml.safe_load((conf / file).read_text(encoding="utf-8"))))
    _change(conf / file, drop=first)
    with pytest.raises(SettingsError, match=f"'{first}' is missing"):
        _load_all(conf, tmp_path)


def test_a_typing_error_gets_the_nearest_key(conf: Path, tmp_path: Path) -> None:
    text = (conf / "platform.yaml").read_text(encoding="utf-8").replace("driver_memory:", "driver_memry:")
    (conf / "platform.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        _ = Settings(conf, tmp_path).platform
    assert "spark.driver_mem" in str(caught.value)


def test_an_environment_overlays_and_a_variable_overlays_that(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (conf / "environments").mkdir(exist_ok=True)
    (conf / "environments" / "cluster.yaml").write_text(
        "tables_location: s3://bucket/tables\nspark:\n  master: yarn\n", encoding="utf-8"
    )
    settings = Settings(conf, tmp_path, "cluster")
    assert (settings.platform.spark.master, settings.platform.tables_location) == (
        "yarn",
        "s3://bucket/tables",
    )
    assert settings.platform.spark.driver_memory == Settings(conf, tmp_path).platform.spark.driver_memory
    monkeypatch.setenv("ZHIXIANG__SPARK__MASTER", "local[7]")
    assert Settings(conf, tmp_path, "cluster").platform.spark.master == "local[7]"


def test_no_conf_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no platform\.yaml"):
        load_settings(tmp_path, tmp_path)


def test_broken_yaml_is_one_clear_line(conf: Path, tmp_path: Path) -> None:
    (conf / "vee.yaml").write_text("a: [1,\nb", encoding="utf-8")
    with pytest.raises(SettingsError, match="not readable YAML"):
        _load_all(conf, tmp_path)


def test_the_digest_follows_thresholds_but_not_the_platform(conf: Path, tmp_path: Path) -> None:
    before = Settings(conf, tmp_path).digest
    _change(conf / "platform.yaml", {"tables_location": "elsewhere"})
    assert Settings(conf, tmp_path).digest == before
    (conf / "vee.yaml").write_text(
        (conf / "vee.yaml").read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8"
    )
    assert Settings(conf, tmp_path).digest != before


def _load_all(conf: Path, home: Path) -> None:
    settings = Settings(conf, home)
    _ = settings.platform
    for kind in setting_files():
        settings.section(kind)
