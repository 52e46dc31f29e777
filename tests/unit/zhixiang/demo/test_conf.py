"""The settings of a demo's home: the packaged ones but for what conf/demo/ says."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.codes import Provenance
from pipelines.errors import UsageError
from pipelines.settings import OWN_CONF, Settings, load_settings, packaged
from products.efficiency_bill.settings import EfficiencyBillSettings
from zhixiang.cli.main import app
from zhixiang.conf_files import setting_files
from zhixiang.demo.conf import (
    WRITTEN,
    lacking_values,
    laid_over,
    require_demo_home,
    settle_conf,
    write_demo_conf,
)
from zhixiang.demo.inbox import FILLING, MARKER
from zhixiang.home.begin import begin_home


def test_it_differs_from_the_packaged_ones_in_what_the_overlay_says_alone(tmp_path: Path) -> None:
    write_demo_conf(tmp_path / "conf")
    demo, plain = Settings(tmp_path / "conf", tmp_path), Settings(packaged("conf"), tmp_path)
    for kind in setting_files():
        if kind is not EfficiencyBillSettings:
            assert demo.section(kind) == plain.section(kind)
    bill = demo.section(EfficiencyBillSettings)
    assert bill == plain.section(EfficiencyBillSettings).with_values(
        {"billed.left_out_provenances": [Provenance.SIMULATED], "reference_to": date(2026, 7, 31)}
    )
    assert not plain.section(EfficiencyBillSettings).billed.is_narrowed
    assert not (tmp_path / "conf" / "demo").exists()


def test_later_commands_on_the_home_read_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZHIXIANG_CONF", raising=False)
    settle_conf(tmp_path, fresh=False)
    assert load_settings(home=tmp_path).section(EfficiencyBillSettings).billed.is_narrowed


@pytest.mark.parametrize("fresh", [True, False])
def test_settings_of_a_home_that_no_demo_made_are_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / OWN_CONF).mkdir()
    (tmp_path / OWN_CONF / "efficiency_bill.yaml").write_text("own", encoding="utf-8")
    settle_conf(tmp_path, fresh=fresh)
    assert (tmp_path / OWN_CONF / "efficiency_bill.yaml").read_text(encoding="utf-8") == "own"
    bare = tmp_path / "bare"
    (bare / "tables").mkdir(parents=True)
    settle_conf(bare, fresh=fresh)
    assert not (bare / OWN_CONF).exists()


def demo_home(home: Path) -> Path:
    """The conf/ of a home in which a demo ran."""
    assert settle_conf(home, fresh=False) == []
    (home / MARKER).write_text("{}", encoding="utf-8")
    return home / OWN_CONF


def test_a_fresh_demo_renews_what_it_wrote_and_keeps_what_the_user_changed(tmp_path: Path) -> None:
    conf = demo_home(tmp_path)
    prices = conf / "facts" / "tariffs" / "energy_base_monthly.csv"
    own = {conf / "efficiency_bill.yaml": "changed", conf / "mine.yaml": "mine", prices: "month,own"}
    for path, text in own.items():
        path.write_text(text, encoding="utf-8")
    (conf / "vee.yaml").unlink()
    assert settle_conf(tmp_path, fresh=False) == []
    assert not (conf / "vee.yaml").exists()
    for _ in range(2):
        kept = settle_conf(tmp_path, fresh=True)
        assert kept == ["efficiency_bill.yaml", "facts/tariffs/energy_base_monthly.csv"]
        assert {path: path.read_text(encoding="utf-8") for path in own} == own
    assert (conf / "vee.yaml").read_bytes() == (packaged("conf") / "vee.yaml").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_files_as_an_earlier_version_of_the_demo_wrote_them_are_renewed_or_go(tmp_path: Path) -> None:
    conf = demo_home(tmp_path)
    noted = json.loads((tmp_path / WRITTEN).read_text(encoding="utf-8"))
    for name in ("vee.yaml", "gone.yaml", "gone_but_changed.yaml"):
        (conf / name).write_text("of before", encoding="utf-8")
        noted[name] = hashlib.sha256(b"of before").hexdigest()
    (conf / "gone_but_changed.yaml").write_text("changed", encoding="utf-8")
    outside = tmp_path / "outside.txt"
    outside.write_text("of before", encoding="utf-8")
    noted["../outside.txt"] = noted["gone.yaml"]
    (tmp_path / WRITTEN).write_text(json.dumps(noted), encoding="utf-8")
    assert settle_conf(tmp_path, fresh=True) == []
    assert (conf / "vee.yaml").read_bytes() == (packaged("conf") / "vee.yaml").read_bytes()
    assert not (conf / "gone.yaml").exists()
    assert (conf / "gone_but_changed.yaml").read_text(encoding="utf-8") == "changed"
    assert outside.exists()


@pytest.mark.parametrize("noted", [None, "", "[]", "{broken"])
def test_without_a_list_only_what_todays_demo_writes_is_its_own(tmp_path: Path, noted: str | None) -> None:
    conf = demo_home(tmp_path)
    (tmp_path / WRITTEN).unlink()
    if noted is not None:
        (tmp_path / WRITTEN).write_text(noted, encoding="utf-8")
    (conf / "vee.yaml").write_text("changed", encoding="utf-8")
    assert settle_conf(tmp_path, fresh=True) == ["vee.yaml"]
    assert (conf / "vee.yaml").read_text(encoding="utf-8") == "changed"


def test_a_setting_that_is_a_link_to_ones_own_file_is_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    conf = demo_home(home)
    own = tmp_path / "own.yaml"
    own.write_text("own", encoding="utf-8")
    (conf / "vee.yaml").unlink()
    (conf / "vee.yaml").symlink_to(own)
    assert settle_conf(home, fresh=True) == ["vee.yaml"]
    assert (conf / "vee.yaml").is_symlink()
    assert own.read_text(encoding="utf-8") == "own"


def test_values_change_where_their_path_stands_and_comments_stay() -> None:
    text = "a: 1  # one\nb:\n  a: 2\n  c: [x]   # three\nc: 4\n"
    assert laid_over(text, {"b": {"c": ["y", "z"]}, "c": None}) == (
        "a: 1  # one\nb:\n  a: 2\n  c: [y, z]  # three\nc: null\n"
    )
    with pytest.raises(KeyError, match=r"b\.missing"):
        laid_over(text, {"b": {"missing": 1}})


def everything(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", [["demo"], ["demo", "--fresh"]])
@pytest.mark.parametrize("examples", [True, False])
def test_a_home_of_init_is_no_place_for_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], examples: bool
) -> None:
    home = begin_home(tmp_path / "home", with_examples=examples).home
    before = everything(home)
    monkeypatch.setenv("ZHIXIANG_HOME", str(home))
    with pytest.raises(UsageError, match="no demo made") as raised:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert "ZHIXIANG_HOME" in raised.value.hint
    assert everything(home) == before


@pytest.mark.parametrize("held", ["inbox/mine.csv", "tables/x/part", "keys/k.pem", "conf/platform.yaml"])
def test_whatever_a_home_holds_that_no_demo_made_keeps_the_demo_out(tmp_path: Path, held: str) -> None:
    path = tmp_path / held
    path.parent.mkdir(parents=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="no demo made"):
        require_demo_home(tmp_path)


def test_an_empty_home_and_one_in_which_a_demo_began_are_its_own(tmp_path: Path) -> None:
    require_demo_home(tmp_path / "none")
    (tmp_path / "writer.lock").touch()
    require_demo_home(tmp_path)
    (tmp_path / "tables").mkdir()
    for name in (MARKER, WRITTEN, FILLING):
        (tmp_path / name).touch()
        require_demo_home(tmp_path)
        (tmp_path / name).unlink()


def test_settings_that_lack_the_values_of_the_demo_are_told(tmp_path: Path) -> None:
    write_demo_conf(tmp_path / "conf")
    assert lacking_values(Settings(tmp_path / "conf", tmp_path)) == []
    assert lacking_values(Settings(packaged("conf"), tmp_path)) == [
        "efficiency_bill.yaml: billed.left_out_provenances",
        "efficiency_bill.yaml: reference_to",
    ]
    (tmp_path / "conf" / "efficiency_bill.yaml").unlink()
    assert len(lacking_values(Settings(tmp_path / "conf", tmp_path))) == 2
