"""Prices are loaded into the home's own settings, never into what ships with the program."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.errors import FactFileError, SettingsError, UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import load_settings, packaged
from zhixiang.cli.main import app
from zhixiang.home.example_files import example_prices
from zhixiang.home.own_conf import with_meanings
from zhixiang.vee_files.run import VeeSettings

SEPTEMBER = BillingMonth(2026, 9)
PUBLISHED = """month,component,price_cny_per_kwh,document,published_on
2026-09,purchase,0.4000,price notice of September,2026-08-28
2026-09,line_loss,0.0200,price notice of September,2026-08-28
2026-09,system_operation,0.0670,price notice of September,2026-08-28
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ZHIXIANG_CONF", "ZHIXIANG_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    (tmp_path / "prices.csv").write_text(PUBLISHED, encoding="utf-8")
    return tmp_path / "home"


def shipped() -> dict[str, str]:
    root = packaged("conf")
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def load(home: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["facts", "load-prices", str(home.parent / "prices.csv"), *options])


def test_the_first_load_gives_the_home_its_own_settings_and_says_so(home: Path) -> None:
    before = shipped()
    answer = load(home)
    assert answer.exit_code == 0, answer.output
    assert str(home / "conf") in answer.output
    assert "settings of its own" in answer.output
    assert shipped() == before
    settings = load_settings()
    assert settings.conf_dir == home / "conf"
    price = load_facts(settings.facts_dir).energy_base.on(SEPTEMBER.first_day)
    assert str(price) == "0.4870"
    again = load(home, "--json")
    assert isinstance(again.exception, FactFileError)
    assert "overlaps" in str(again.exception)


def test_a_file_that_is_refused_makes_nothing(home: Path) -> None:
    (home.parent / "prices.csv").write_text("month,price\n2026-09,1\n")
    assert isinstance(load(home).exception, FactFileError)
    assert not home.exists()


def test_settings_that_a_user_names_are_written_where_they_are(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Path(shutil.copytree(packaged("conf"), tmp_path / "named"))
    monkeypatch.setenv("ZHIXIANG_CONF", str(named))
    told = json.loads(load(home, "--json").output)
    assert told["file"].startswith(str(named))
    assert told["settings_made"] is None
    assert not home.exists()


def test_the_packaged_settings_by_name_are_not_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shipped()
    assert load(home).exit_code == 0
    monkeypatch.setenv("ZHIXIANG_CONF", str(packaged("conf")))
    answer = load(home)
    assert isinstance(answer.exception, UsageError)
    assert "Unset ZHIXIANG_CONF" in answer.exception.hint
    assert shipped() == before


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZHIXIANG_CONF", raising=False)
    (tmp_path / "prices.csv").write_text(example_prices(), encoding="utf-8")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "file" / "home"))
    answer = load(tmp_path / "home")
    assert isinstance(answer.exception, SettingsError)
    assert "cannot be" in str(answer.exception)


def test_the_homes_own_settings_hold_before_the_packaged_ones_and_behind_a_named_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().conf_dir == packaged("conf")
    shutil.copytree(packaged("conf"), home / "conf")
    assert load_settings().conf_dir == home / "conf"
    named = Path(shutil.copytree(packaged("conf"), tmp_path / "named"))
    monkeypatch.setenv("ZHIXIANG_CONF", str(named))
    assert load_settings().conf_dir == named
    monkeypatch.delenv("ZHIXIANG_CONF")
    (home / "conf" / "platform.yaml").unlink()
    with pytest.raises(SettingsError, match=r"no platform\.yaml") as told:
        load_settings()
    assert str(packaged("conf")) in told.value.hint


def test_meanings_stand_at_keys_alone_and_change_no_value() -> None:
    text = "runs:\n  zero_hours: 24   # runs: of zeros\n# zero_hours: 3\n"
    meant = with_meanings(text, VeeSettings)
    assert meant.count("  # ") == 2
    assert [line for line in meant.splitlines() if not line.startswith("  # ")] == text.splitlines()
