"""docs/repair.md says what the program says, and names commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhixiang.chain import declared_tables
from zhixiang.home_state import ALL_OF_BRONZE
from zhixiang.repair import PARTS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "repair.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| lost or damaged")
]


@pytest.fixture(scope="module")
def words() -> str:
    """What the source holds in string literals, those that stand side by side joined."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("pipelines", "zhixiang")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_words_are_the_programs(row: list[str], words: str) -> None:
    assert len(row) == 4
    said = row[1].strip("`")
    assert said in words or re.sub(r"zhixiang repair \w+", "zhixiang repair {table.name}", said) in words


def test_every_part_that_can_be_repaired_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(r"zhixiang repair (\w+) --yes", PAGE))
    tables = {table.name for table in declared_tables()}
    assert {*PARTS, ALL_OF_BRONZE} <= named
    assert named <= {*PARTS, ALL_OF_BRONZE, *tables}


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file()
    for test in re.findall(r"`(tests/[^`]+)`", PAGE):
        assert (ROOT / test).is_file()
