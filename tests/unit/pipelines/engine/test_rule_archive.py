"""Kept rules: found by the digest of their bytes, whatever shape a later version gives the settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.engine.rule_archive import FOLDER, keep_rules, kept_rules, rules_digest
from pipelines.errors import TamperedError
from pipelines.facts import load_facts
from pipelines.settings import Settings, packaged
from pipelines.vee import VeeSettings
from products.credit_index.settings import CreditIndexSettings
from products.efficiency_bill.settings import EfficiencyBillSettings

OLD = Path(__file__).resolve().parents[3] / "data" / "kept_rules"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which an earlier version kept the rules of a run, in the shape of its time."""
    conf = tmp_path / "conf"
    shutil.copytree(packaged("conf"), conf)
    for path in OLD.glob("*.yaml"):
        shutil.copy(path, conf / path.name)
    settings = Settings(conf, tmp_path / "home")
    keep_rules(settings, load_facts(settings.facts_dir))
    return tmp_path / "home"


def test_rules_of_the_old_shape_are_found_by_their_digest_and_say_what_held_then(home: Path) -> None:
    (digest,) = (path.name for path in (home / FOLDER).iterdir())
    settings, facts = kept_rules(home, digest)
    assert rules_digest(settings, facts) == digest
    today = Settings(packaged("conf"), home)
    for kind in (VeeSettings, CreditIndexSettings):
        assert settings.section(kind) == today.section(kind).with_values(kind.later)
    # Of this file what ships today was kept.
    assert settings.section(EfficiencyBillSettings) == today.section(EfficiencyBillSettings)
    # Reading wrote nothing: what is kept stands to the byte.
    assert (home / FOLDER / digest / "vee.yaml").read_bytes() == (OLD / "vee.yaml").read_bytes()


def test_kept_rules_that_were_changed_are_no_proof(home: Path) -> None:
    (folder,) = (home / FOLDER).iterdir()
    with (folder / "vee.yaml").open("a", encoding="utf-8") as handle:
        handle.write("# a remark\n")
    with pytest.raises(TamperedError):
        kept_rules(home, folder.name)
