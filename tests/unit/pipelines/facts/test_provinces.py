"""Prices, hours and ratios are one province's: a mixture is refused, and nothing of Zhejiang stands in."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import FactFileError, FactNotInForceError
from pipelines.facts import check_facts, load_facts
from pipelines.facts.fact_index import FILES, OF_A_PROVINCE
from pipelines.settings import packaged
from tests.unit.pipelines.facts.changed_files import refused

SHIPPED = packaged("conf") / "facts"
PRICES = sorted(OF_A_PROVINCE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "facts"))


def say(folder: Path, name: str, province: str | None) -> None:
    """The file says another province, or none."""
    path = folder / name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines.count("province: zhejiang\n") == 1
    new = "" if province is None else f"province: {province}\n"
    path.write_text("".join(line if line != "province: zhejiang\n" else new for line in lines), "utf-8")


def key_line(folder: Path, name: str) -> int:
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return 1 + next(place for place, line in enumerate(lines) if line.startswith("province:"))


def test_every_price_hour_and_ratio_file_that_ships_says_its_province() -> None:
    assert [*(name for name in sorted(FILES) if name.startswith("tariffs/")), "time_of_use.yaml"] == PRICES
    for name in PRICES:
        assert "\nprovince: zhejiang\n" in (SHIPPED / name).read_text(encoding="utf-8"), name


def test_conf_kept_before_the_key_is_of_zhejiang(folder: Path) -> None:
    for name in PRICES:
        say(folder, name, None)
    facts, shipped = load_facts(folder), load_facts(SHIPPED)
    assert facts.energy_base.on(date(2026, 9, 1)) == shipped.energy_base.on(date(2026, 9, 1))
    say(Path(shutil.copytree(SHIPPED, folder.parent / "half")), "tariffs/funds.yaml", None)
    load_facts(folder.parent / "half")


@pytest.mark.parametrize("left", PRICES)
def test_a_file_left_as_zhejiangs_is_refused_naming_both(folder: Path, left: str) -> None:
    for name in PRICES:
        if name != left:
            say(folder, name, "jiangsu")
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    first = next(name for name in FILES if name in OF_A_PROVINCE)
    assert left in raised.value.message
    if left == first:
        assert f"{left} is of zhejiang" in raised.value.message
    else:
        assert raised.value.path == left
        assert raised.value.message.count("this file is of zhejiang") == 1
        assert f"{first} is of jiangsu" in raised.value.message
    assert "docs/another-province.md" in raised.value.hint
    assert any(finding.is_problem and "jiangsu" in finding.message for finding in check_facts(folder))


def test_forgotten_hours_of_before_the_key_are_refused(folder: Path) -> None:
    for name in PRICES:
        say(folder, name, None if name == "time_of_use.yaml" else "jiangsu")
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert raised.value.path == "time_of_use.yaml"
    assert "of zhejiang (it has no key province)" in raised.value.message


def test_a_forgotten_file_of_hours_is_refused(folder: Path) -> None:
    for name in PRICES:
        say(folder, name, "jiangsu")
    (folder / "time_of_use.yaml").unlink()
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert raised.value.path == "time_of_use.yaml"


def test_what_another_province_does_not_state_is_in_force_on_no_day(folder: Path) -> None:
    for name in PRICES:
        say(folder, name, "jiangsu")
    (folder / "tariffs/catalogue.yaml").write_text("province: jiangsu\nfacts: []\n", encoding="utf-8")
    (folder / "tariffs/transmission.yaml").write_text("province: jiangsu\nfacts: []\n", encoding="utf-8")
    facts = load_facts(folder)
    assert not facts.catalogue.covers(date(2018, 4, 1))
    with pytest.raises(FactNotInForceError) as raised:
        facts.transmission.two_part_energy.on(date(2026, 9, 1))
    assert "no day" in raised.value.message
    assert [finding for finding in check_facts(folder) if finding.is_problem] == []


def test_zhejiang_itself_must_state_every_fact(folder: Path) -> None:
    (folder / "tariffs/funds.yaml").write_text("province: zhejiang\nfacts: []\n", encoding="utf-8")
    refused(folder, "tariffs/funds.yaml", None, "the fact 'funds' is missing")


def test_a_province_is_a_text_and_stands_in_price_files_alone(folder: Path) -> None:
    say(folder, "tariffs/funds.yaml", "32")
    line = key_line(folder, "tariffs/funds.yaml")
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert (raised.value.path, raised.value.line) == ("tariffs/funds.yaml", line)
    assert "province must be a text" in raised.value.message
    say(Path(shutil.copytree(SHIPPED, folder.parent / "other")), "tariffs/funds.yaml", "zhejiang")
    path = folder.parent / "other" / "basic_charge.yaml"
    path.write_text("province: zhejiang\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    refused(folder.parent / "other", "basic_charge.yaml", 1, "the key 'province' is not known here")
