"""docs/repair.md says what the program says, and names commands that there are."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from pipelines.storage.own_storage import storage_error
from tests.integration.test_each_part_lost import LOSSES
from zhixiang.chain import declared_tables
from zhixiang.home_state import ALL_OF_BRONZE
from zhixiang.repair import PARTS
from zhixiang.rules_state import RulesState

_FULL = storage_error(OSError(errno.ENOSPC, "No space left on device"), Path("home"))
assert _FULL is not None
ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "repair.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| lost or damaged")
]


PRINTED = [words for loss in LOSSES.values() for words in loss.words]
"""What ``test_each_part_lost.py`` finds on the screen after a loss."""

PRINTED_OTHERWISE = [
    RulesState(0, ("present",), (), "present").remedy(),
    _FULL.hint,
    "the folder cannot be read now",
]
"""Of losses that are not made there: rules of the present conf/; a full disk and a closed folder
(``test_own_storage_fails.py``).
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_words_are_those_that_are_printed(row: list[str]) -> None:
    assert len(row) == 4
    said = row[1].strip("`")
    assert not set(said) & set("{}"), "what stands in the source, not on the screen"
    assert any(said in words for words in (*PRINTED, *PRINTED_OTHERWISE)), said


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
