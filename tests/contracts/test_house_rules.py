"""Rules of the house that no linter knows."""

from __future__ import annotations

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
