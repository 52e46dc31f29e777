"""The settings of a demo's home: the packaged ones but for what conf/demo/ says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.codes import Provenance
from pipelines.settings import OWN_CONF, Settings, load_settings, packaged
from products.efficiency_bill.settings import EfficiencyBillSettings
from zhixiang.conf_files import setting_files
from zhixiang.demo.conf import laid_over, settle_conf, write_demo_conf
from zhixiang.demo.inbox import MARKER


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


def test_a_fresh_demo_has_its_settings_anew(tmp_path: Path) -> None:
    settle_conf(tmp_path, fresh=False)
    (tmp_path / MARKER).write_text("{}", encoding="utf-8")
    path = tmp_path / OWN_CONF / "efficiency_bill.yaml"
    path.write_text("changed", encoding="utf-8")
    settle_conf(tmp_path, fresh=False)
    assert path.read_text(encoding="utf-8") == "changed"
    settle_conf(tmp_path, fresh=True)
    assert path.read_text(encoding="utf-8") != "changed"


def test_values_change_where_their_path_stands_and_comments_stay() -> None:
    text = "a: 1  # one\nb:\n  a: 2\n  c: [x]   # three\nc: 4\n"
    assert laid_over(text, {"b": {"c": ["y", "z"]}, "c": None}) == (
        "a: 1  # one\nb:\n  a: 2\n  c: [y, z]  # three\nc: null\n"
    )
    with pytest.raises(KeyError, match=r"b\.missing"):
        laid_over(text, {"b": {"missing": 1}})
