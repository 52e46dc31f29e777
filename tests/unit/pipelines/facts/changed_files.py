"""A copy of the committed facts in which a test changes a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import FactFileError
from pipelines.facts import check_facts, load_facts
from pipelines.settings import packaged

FOLDER = packaged("conf") / "facts"


def refused(folder: Path, name: str, line: int | None, words: str) -> None:
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert (raised.value.path, raised.value.line) == (name, line)
    assert words in raised.value.message
    problems = [finding for finding in check_facts(folder) if finding.is_problem]
    assert [(finding.file, finding.line) for finding in problems] == [(name, line)]
    assert words in problems[0].message
