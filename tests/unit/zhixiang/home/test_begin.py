"""A new home: whole or not at all, never over what is there, and its files are what ingestion reads."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.codes import CustomerClass, Provenance
from pipelines.errors import SettingsError, UsageError
from pipelines.facts import check_facts, check_prices
from pipelines.settings import load_settings, packaged
from products.provenance import provenances
from zhixiang.cli.main import app
from zhixiang.conf_files import setting_files
from zhixiang.home import begin
from zhixiang.home.begin import PAGES, begin_home
from zhixiang.home.known_before import KnownBefore
from zhixiang.home.take_in import rules_of, take_files


@pytest.fixture(autouse=True)
def _no_settings_of_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZHIXIANG_CONF", "ZHIXIANG_ENVIRONMENT", "ZHIXIANG_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_a_home_holds_settings_an_inbox_and_a_page(tmp_path: Path) -> None:
    made = begin_home(tmp_path / "deep" / "智享 home")
    assert sorted(path.name for path in made.home.iterdir()) == [
        "README.md",
        "conf",
        "docs",
        "inbox",
        "prices",
    ]
    assert sorted(made.files) == sorted(path.name for path in (made.home / "inbox").iterdir())
    settings = load_settings(home=made.home)
    assert settings.conf_dir == made.home / "conf"
    assert not [finding for finding in check_facts(settings.facts_dir) if finding.is_problem]
    text = (made.home / "README.md").read_text(encoding="utf-8")
    assert "zhixiang run --month 2026-09" in text
    assert all(f"`{name}`" in text for name in made.files)
    assert all((made.home / path.strip()).exists() for path in ("conf", "inbox", "prices/example_prices.csv"))


NAMED = re.compile(r"docs/[\w/-]+(?:\.\w+)*")


def test_a_home_holds_every_page_that_a_hint_or_its_readme_names(tmp_path: Path) -> None:
    """The pages ship with the program: an installed one has no other docs/."""
    home, root = begin_home(tmp_path / "home").home, packaged("conf").parent
    named = set(NAMED.findall((home / "README.md").read_text(encoding="utf-8")))
    for place in ("pipelines", "zhixiang"):
        for path in (root / place).rglob("*.py"):
            if path.name in ("generated_docs.py", "estimators.py"):  # what pages say, not what hints do
                continue
            quoted = re.findall(r'"(?:[^"\\\n]|\\.)*"', path.read_text(encoding="utf-8").replace('"""', ""))
            named |= {name for text in quoted for name in NAMED.findall(text)}
    assert {"docs/your-own-data.md", "docs/formats/mapping.md", "docs/tariff-case.md"} <= named
    assert sorted(name for name in named if not (home / name).exists()) == []
    told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = told["targets"]["wheel"]["force-include"]
    assert {f"docs/{name}": f"zhixiang/docs/{name}" for name in PAGES}.items() <= wheel.items()
    assert "docs" in told["targets"]["sdist"]["include"]


def test_every_example_file_is_read_whole_and_each_kind_is_there(tmp_path: Path) -> None:
    home = begin_home(tmp_path / "home").home
    settings = load_settings(home=home)
    files = sorted((home / "inbox").iterdir())
    told = take_files(files, tmp_path / "other", rules_of(settings), KnownBefore(), dry_run=True)
    understood = {each.understanding.table: each.understanding for each in told if each.understanding}
    assert set(understood) == {
        f"bronze_{kind}"
        for kind in (
            "customers",
            "meter_points",
            "load_curves",
            "register_reads",
            "supply_shares",
            "payments",
            "events",
            "transfer_declarations",
            "weather",
        )
    }
    for known in understood.values():
        assert (known.rejected, known.notes, known.records) == (0, (), known.rows)
        assert known.rows
    assert understood["bronze_register_reads"].last == "2026-09-30"
    check_prices(home / "prices" / "example_prices.csv", settings.facts_dir)
    assert sum(path.stat().st_size for path in files) < 400_000


def test_what_is_simulated_says_so_in_the_name_of_its_file_and_in_its_rows(tmp_path: Path) -> None:
    inbox = begin_home(tmp_path / "home").home / "inbox"
    for path in inbox.glob("*.csv"):
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        if "provenance" not in header:
            continue
        column = header.split(",").index("provenance")
        kinds = {kind for line in lines for kind in provenances(line.split(",")[column])}
        assert (Provenance.SIMULATED in kinds) == ("simulated" in path.name), path.name
        assert kinds
    customers = (inbox / "example_customers.csv").read_text(encoding="utf-8")
    assert "STEEL" not in customers
    assert "BDG-" not in customers
    assert CustomerClass.LARGE_INDUSTRY.value in customers


def test_tenants_declare_less_than_their_hall_used(tmp_path: Path) -> None:
    inbox = begin_home(tmp_path / "home").home / "inbox"
    lines = (inbox / "example_simulated_transfer_declarations.csv").read_text(encoding="utf-8").splitlines()
    declared = [line.split(",") for line in lines[1:] if ",2026-09," in line]
    registers = {
        line.split(",")[2]: Decimal(line.split(",")[4])
        for line in (inbox / "example_E_MP_DAY_READ.csv").read_text(encoding="utf-8").splitlines()
        if line.startswith("MP-EX-1003,")
    }
    used = registers["2026-09-30"] - registers["2026-08-31"]
    assert len(declared) >= 3
    assert used * Decimal("0.7") < sum(Decimal(row[5]) for row in declared) < used


def test_the_settings_are_those_that_ship_with_what_each_key_means(tmp_path: Path) -> None:
    import yaml

    home = begin_home(tmp_path / "home").home
    for kind in setting_files():
        own, shipped = ((place / kind.file).read_text("utf-8") for place in (home / "conf", packaged("conf")))
        assert yaml.safe_load(own) == yaml.safe_load(shipped)
        assert len(own.splitlines()) > len(shipped.splitlines())
        for name, field in kind.model_fields.items():
            described = (field.description or "").split(" ")[0]
            assert f"# {described}" in own or not field.description, name


@pytest.mark.parametrize("name", ["100% mine", "a[1]", "what?", "a#b"])
def test_a_path_that_no_home_can_have_is_refused_before_anything_is_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in its path"):
        begin_home(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not empty: it holds mine\.txt"):
        begin_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(SettingsError, match="is a file"):
        begin_home(tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    home = begin_home(tmp_path / "home").home
    with pytest.raises(UsageError) as told:
        begin_home(home)
    assert "It is a home already" in told.value.hint


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"file/home cannot be: .*file is a file"):
        begin_home(tmp_path / "file" / "home")
    with pytest.raises(UsageError, match="cannot be written"):
        begin_home(Path("/proc/zhixiang/home"))


def test_a_disk_that_fills_leaves_nothing_and_the_same_command_makes_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, samples: Path) -> list[Path]:
        (folder / "half.csv").write_text("half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(begin, "write_example_files", full)
        with pytest.raises(UsageError, match="No space left on device"):
            begin_home(tmp_path / "home")
    assert not list((tmp_path / "home").iterdir())
    # What a killed init leaves is no content of anybody's.
    (tmp_path / "home" / ".zhixiang-init-abc" / "conf").mkdir(parents=True)
    begin_home(tmp_path / "home")
    assert not list((tmp_path / "home").glob(".zhixiang*"))


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["init", str(tmp_path / "home")])
    assert answer.exit_code == 0, answer.output
    assert "run --month 2026-09" in answer.output
    assert f"ZHIXIANG_HOME={tmp_path / 'home'}" in answer.output
    bare = CliRunner().invoke(app, ["init", str(tmp_path / "bare"), "--no-examples", "--json"])
    assert bare.exit_code == 0
    assert not list((tmp_path / "bare" / "inbox").iterdir())
    assert not (tmp_path / "bare" / "prices").exists()
    assert "inbox add" in (tmp_path / "bare" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("stands", [True, False])
def test_a_new_home_is_closed_to_everybody_else(tmp_path: Path, stands: bool) -> None:
    place = tmp_path / "new" / "home"
    if stands:
        place.mkdir(parents=True)
        place.chmod(0o755)
    before = os.umask(0o022)
    try:
        begin_home(place, with_examples=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o750


def test_the_page_of_own_data_says_which_contract_needs_a_curve_and_what_the_inbox_list_knows(
    tmp_path: Path,
) -> None:
    page = (begin_home(tmp_path / "home").home / "docs" / "your-own-data.md").read_text(encoding="utf-8")
    assert "declarations are taken the same way and are not needed" not in page
    (told,) = [part for part in page.split("\n\n") if "`is_time_of_use`" in part]
    for words in ("96 points a day", "R1 to R4 do not split a bill", "`demand_basis_code`"):
        assert words in told
    rows = [line for line in page.splitlines() if line.startswith("|") and "refused a file" in line]
    by_add, by_run = rows
    assert "was not copied" in by_add
    assert "under another name" in by_run
