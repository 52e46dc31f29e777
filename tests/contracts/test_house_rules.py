"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import csv
import re
import subprocess
from pathlib import Path

import pytest

from zhixiang.chain import all_stages, all_steps, declared_tables
from zhixiang.generated_docs import generated_pages

ROOT = Path(__file__).resolve().parents[2]
_HOSTS = r"py" r"pi\.org|python" r"hosted|maven\.(apache|org)|repo1\.ma" r"ven|np" r"mjs\.org|deb\.deb" r"ian"


def _tracked() -> list[Path]:
    answer = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in answer.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in _tracked()
        if path.suffix == ".py" and (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_no_file_is_a_dumping_ground() -> None:
    named = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if re.fullmatch(r"(utils?|helpers?|common|misc)", path.stem)
    ]
    assert named == []


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    pattern = re.compile(_HOSTS + r"|(^|[^A-Za-z0-9_.])/(work|farm)/")
    found = []
    for path in _tracked():
        if path.suffix in {".parquet", ".gz", ".png", ".zip"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize("page", sorted(generated_pages()))
def test_generated_pages_are_as_generated(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8") == generated_pages()[page], "run `make docs`"


def test_every_column_stands_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    missing = sorted(
        {
            field.name
            for table in declared_tables()
            for field in table.fields()
            if f"`{field.name}`" not in glossary
        }
    )
    assert missing == []


def test_names_of_tables_carry_their_layer() -> None:
    for table in declared_tables():
        assert table.name.startswith(table.layer.value) or (
            table.layer.value == "product" and table.name.endswith("_v1")
        ), table.name


def test_the_steps_are_wired_without_gaps() -> None:
    """What a step reads was received or written by a step of an earlier or the same stage; no two steps own
    one table.
    """
    owners: dict[str, str] = {}
    for step in all_steps():
        assert step.stage in all_stages()
        for table in step.reads:
            assert table.layer.value == "bronze" or table.name in owners, (
                f"{step.name} reads {table.name} before it is written"
            )
        for table, mode in getattr(step, "writes", {}).items():
            assert mode.value == "replace_own" or table.name not in owners, f"{table.name} has two owners"
            owners[table.name] = step.name


def test_no_folder_has_more_than_20_modules() -> None:
    """Test folders are as full as the sources that they mirror need."""
    folders: dict[str, int] = {}
    for path in _tracked():
        name = path.relative_to(ROOT).parent.as_posix()
        if path.suffix == ".py" and path.stem != "__init__" and not name.startswith("tests"):
            folders[name] = folders.get(name, 0) + 1
    assert {name: count for name, count in folders.items() if count > 20} == {}


def test_few_lines_escape_the_formatter() -> None:
    escaped = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _tracked()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# fmt: (skip|off)", line) and "re.search" not in line
    ]
    assert len(escaped) < 20, escaped


def test_no_module_imports_a_private_name_of_another() -> None:
    """What a test needs of a module is public, or the test asks for something else; MLflow sets one name."""
    found = []
    for path in _tracked():
        if path.suffix != ".py" or path.relative_to(ROOT).parts[0] not in (
            "pipelines",
            "products",
            "zhixiang",
            "tests",
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found += [
                    f"{path.relative_to(ROOT)}: {alias.name}"
                    for alias in node.names
                    if re.match(r"_[a-zA-Z]", alias.name) and alias.name != "_load_pyfunc"
                ]
    assert found == []


def test_releases_are_told_with_day_and_commit() -> None:
    """Every released version of the changelog but the newest, whose commit the next one tells."""
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", log, re.MULTILINE)
    with (ROOT / "docs" / "releases.csv").open(encoding="utf-8", newline="") as handle:
        told = [(row["version"], row["day"], row["commit"]) for row in csv.DictReader(handle)]
    assert {(version, day) for version, day, _ in told} >= set(released[1:])
    assert {(version, day) for version, day, _ in told} <= set(released)
    assert all(re.fullmatch(r"[0-9a-f]{7,40}", commit) for _, _, commit in told)


def test_folders_of_unit_tests_mirror_the_source() -> None:
    """Tests of a folder that was moved or renamed move with it."""
    unit = ROOT / "tests" / "unit"
    folders = {
        folder
        for path in _tracked()
        if path.suffix == ".py" and path.is_relative_to(unit)
        for folder in path.relative_to(unit).parents
        if folder.parts and folder.parts[0] in ("pipelines", "products", "zhixiang")
    }
    assert folders
    assert sorted(str(folder) for folder in folders if not (ROOT / folder).is_dir()) == []
