"""Every trouble of the field: right, or marked as open and still wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.field.cases import Case, read_cases
from tests.field.harness import INPUTS
from tests.field.judged import is_right, wrong_in
from tests.field.made import MADE
from tests.field.page import row_head
from tests.field.run_case import ROOT, run_case

CASES = read_cases()


@pytest.mark.parametrize("case", [case for case in CASES if case.run != "test"], ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path) -> None:
    got = run_case(case, tmp_path)
    if case.is_open:
        assert not is_right(case, got), f"case {case.name} is right: take `open` off, and `make field`"
    else:
        assert is_right(case, got), [wrong_in(alternative, got) for alternative in case.right]


@pytest.mark.parametrize("case", [case for case in CASES if case.run == "test"], ids=lambda case: case.name)
def test_a_case_that_is_tested_elsewhere_names_a_test(case: Case) -> None:
    path, _, name = case.test.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {name or 'test_'}", text, re.MULTILINE), case.test


def test_every_folder_of_inputs_is_a_case() -> None:
    folders = {path.name for path in INPUTS.iterdir()}
    assert folders <= {case.input for case in CASES if case.run != "test"} | {"72", "74", "87", "93", "76"}
    assert {case.input for case in CASES if case.run not in ("test", "made")} <= folders


def test_every_made_case_is_made() -> None:
    assert {case.name for case in CASES if case.run == "made"} == set(MADE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_tells_each_case_and_what_is_right(case: Case) -> None:
    assert row_head(case) in (ROOT / "docs" / "field.md").read_text(encoding="utf-8"), "run `make field`"


def test_the_page_names_what_is_open() -> None:
    page = (ROOT / "docs" / "field.md").read_text(encoding="utf-8")
    marked = {row.split(" | ")[0].removeprefix("| ") for row in page.splitlines() if "**not yet:**" in row}
    assert marked == {case.name for case in CASES if case.is_open}, "run `make field`"
