"""Settings: frozen, complete, closed; one clear line for each mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.errors import SettingsError
from pipelines.formats import FormatSettings
from pipelines.settings import (
    OWN_CONF,
    Settings,
    SettingsFile,
    described_keys,
    in_todays_shape,
    load_settings,
    packaged,
)
from pipelines.vee import VeeSettings
from products.credit_index.settings import CreditIndexSettings
from products.efficiency_bill.settings import EfficiencyBillSettings
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
        for name, field in described_keys(kind)
        if not field.description
    ]
    assert silent == []


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
        _load_all(conf, tmp_path / "home")


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


KEPT = Path(__file__).resolve().parents[2] / "data" / "kept_rules"
"""Conf as the first version wrote it beside issued results."""


def test_an_operators_key_of_an_earlier_version_is_refused_and_told_where_it_is_now(
    conf: Path, tmp_path: Path
) -> None:
    _change(conf / "vee.yaml", {"spike_isolation_ratio": 3.0})
    with pytest.raises(
        SettingsError, match=r"spike_isolation_ratio is now spikes\.isolation_ratio"
    ) as caught:
        Settings(conf, tmp_path).section(VeeSettings)
    assert caught.value.exit_code == 2
    shutil.copy(KEPT / "vee.yaml", conf / "vee.yaml")
    with pytest.raises(SettingsError) as caught:
        Settings(conf, tmp_path).section(VeeSettings)
    for old, new in VeeSettings.moved.items():
        assert f"{old} is now {new}" in str(caught.value)


@pytest.mark.parametrize("kind", [VeeSettings, CreditIndexSettings])
def test_conf_kept_by_the_first_version_says_what_todays_says_and_what_held_before_later_keys(
    kind: type[VeeSettings] | type[CreditIndexSettings], conf: Path, tmp_path: Path
) -> None:
    shutil.copy(KEPT / kind.file, conf / kind.file)
    kept, today = Settings(conf, tmp_path, is_kept=True), Settings(packaged("conf"), tmp_path)
    assert kept.section(kind) == today.section(kind).with_values(kind.later)


@pytest.mark.parametrize("kind", [VeeSettings, CreditIndexSettings])
def test_keys_moved_and_added_are_keys_of_today_and_no_others(
    kind: type[VeeSettings] | type[CreditIndexSettings],
) -> None:
    known = [name for name, _ in described_keys(kind)]
    then = yaml.safe_load((KEPT / kind.file).read_text(encoding="utf-8"))
    assert set(kind.moved) <= set(then)
    assert len(set(kind.moved.values())) == len(kind.moved)
    assert {*kind.moved.values(), *kind.later} <= set(known)
    assert not set(kind.moved) & {name.split(".")[0] for name in known}


def test_kept_conf_of_today_is_read_as_it_stands() -> None:
    today = yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
    today["back_test"]["places"] = 7
    assert in_todays_shape(VeeSettings, today) == today


def test_values_are_replaced_by_dotted_key_and_judged_as_in_the_file() -> None:
    vee = load_settings(packaged("conf")).section(VeeSettings)
    other = vee.with_values({"spikes.window_slots": 11, "gaps.limit_days": 2.0})
    assert (other.spikes.window_slots, other.value_of("gaps.limit_days")) == (11, 2.0)
    assert other.with_values({"spikes.window_slots": 9, "gaps.limit_days": 31}) == vee
    with pytest.raises(ValueError, match="greater than or equal to 3"):
        vee.with_values({"spikes.window_slots": 2})
    with pytest.raises(AttributeError):
        vee.with_values({"spikes.unheard_of": 2})


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


@pytest.mark.parametrize(
    ("kind", "constants"),
    [
        (
            VeeSettings,
            {
                "registers.look_ahead_reads": 5,
                "published_errors.short_gap_hours": 2.0,
                "level_step.least_days": 1_000_000_000,
                "level_step.least_days_far": 1_000_000_000,
            },
        ),
        (CreditIndexSettings, {"compared_months": 3}),
        (
            EfficiencyBillSettings,
            {
                "baseline.block_days": 28,
                "baseline.least_days": 10,
                "baseline.least_weather_ratio": 0.8,
                "demand_months": 3,
            },
        ),
        (
            FormatSettings,
            {
                "least_odd_steps": 8,
                "counter_least_rises": 1_000_000_000,
                "counter_least_days": 3,
                "counter_ratio": 500.0,
                "signed_ratio": 1.0,
            },
        ),
    ],
)
def test_conf_kept_before_a_constant_was_a_key_reads_the_constant(
    kind: type[SettingsFile], constants: dict[str, float], conf: Path, tmp_path: Path
) -> None:
    content = yaml.safe_load((conf / kind.file).read_text(encoding="utf-8"))
    for key in constants:
        *groups, last = key.split(".")
        inside = content
        for group in groups:
            inside = inside[group]
        del inside[last]
    (conf / kind.file).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(SettingsError, match="is missing"):
        Settings(conf, tmp_path / "home").section(kind)
    kept = Settings(conf, tmp_path, is_kept=True).section(kind)
    assert {key: kept.value_of(key) for key in constants} == constants


@pytest.mark.parametrize("kind", [kind for kind in setting_files() if kind.later])
def test_a_homes_conf_copied_before_keys_came_still_loads_and_means_what_it_meant(
    kind: type[SettingsFile], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    conf = Path(shutil.copytree(packaged("conf"), home / OWN_CONF))
    content = yaml.safe_load((conf / kind.file).read_text(encoding="utf-8"))
    for key in kind.later:
        *groups, last = key.split(".")
        inside = content
        for group in groups:
            inside = inside[group]
        del inside[last]
    # A group of later keys alone was not there at all.
    content = {key: value for key, value in content.items() if value != {}}
    (conf / kind.file).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    section = load_settings(home=home).section(kind)
    told = section.model_dump(mode="json")
    for key, constant in kind.later.items():
        found = told
        for part in key.split("."):
            found = found[part]
        assert found == constant, key
    kept = Settings(conf, home, is_kept=True).section(kind)
    assert kept == section, "a replay reads the same"


def test_a_key_that_was_always_there_is_missed_in_a_homes_conf_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    conf = Path(shutil.copytree(packaged("conf"), home / OWN_CONF))
    for name in ("registers", "runs"):
        before = (conf / "vee.yaml").read_text(encoding="utf-8")
        _change(conf / "vee.yaml", drop=name)
        with pytest.raises(SettingsError, match=f"'{name}' is missing"):
            load_settings(home=home).section(VeeSettings)
        (conf / "vee.yaml").write_text(before, encoding="utf-8")


def test_no_test_reads_a_home_of_ones_own() -> None:
    """A conf/ in ~/.local/share/zhixiang or one that the shell names would decide results of tests."""
    settings = load_settings()
    assert settings.conf_dir == packaged("conf")
    assert not (settings.home / "conf").exists()
    assert not settings.home.is_relative_to(Path.home() / ".local")
