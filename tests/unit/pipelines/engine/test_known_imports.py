"""Imports remembered by text: never those of another text, and done without where they cannot be kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.engine.fingerprint import CodeDigests
from pipelines.engine.known_imports import KnownImports

PARSED: list[str] = []


def parse(name: str) -> Callable[[], list[str]]:
    def work() -> list[str]:
        PARSED.append(name)
        return [name]

    return work


@pytest.fixture(autouse=True)
def _none_parsed() -> None:
    PARSED.clear()


def test_a_text_is_parsed_once_and_another_text_or_package_again(tmp_path: Path) -> None:
    known = KnownImports(tmp_path / "cache" / "imports.json")
    assert known.of("1", "pipelines", parse("a")) == ["a"]
    known.keep()
    again = KnownImports(tmp_path / "cache" / "imports.json")
    assert again.of("1", "pipelines", parse("never")) == ["a"]
    assert again.of("2", "pipelines", parse("b")) == ["b"]
    assert again.of("1", "products", parse("c")) == ["c"]
    assert PARSED == ["a", "b", "c"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["imports.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pipelines 1": "a"}', '{"pipelines 1": [1]}', "\0"])
def test_a_file_that_says_nothing_sensible_is_done_without(tmp_path: Path, content: str) -> None:
    path = tmp_path / "imports.json"
    path.write_text(content)
    known = KnownImports(path)
    assert known.of("1", "pipelines", parse("a")) == ["a"]
    known.keep()
    assert KnownImports(path).of("1", "pipelines", parse("never")) == ["a"]


def test_a_folder_that_takes_nothing_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    known = KnownImports(tmp_path / "file" / "imports.json")
    assert known.of("1", "pipelines", parse("a")) == ["a"]
    known.keep()


def test_digests_are_those_without_memory_and_follow_what_appears_and_goes(tmp_path: Path) -> None:
    """What a text imports is remembered, not whether that exists."""
    root = tmp_path / "root"
    (root / "pipelines").mkdir(parents=True)
    (root / "pipelines" / "__init__.py").write_text("")
    (root / "pipelines" / "first.py").write_text("import pipelines.second\n")

    def digests() -> tuple[str, str]:
        kept = KnownImports(tmp_path / "imports.json")
        return (
            CodeDigests(root, kept).digest(["pipelines.first"]),
            CodeDigests(root).digest(["pipelines.first"]),
        )

    seen = []
    for step in range(4):
        second = root / "pipelines" / "second.py"
        if step == 1:
            second.write_text("VALUE = 1\n")
        elif step == 2:
            second.write_text("VALUE = 2\n")
        elif step == 3:
            second.unlink()
        with_memory, without = digests()
        assert with_memory == without
        assert digests() == (with_memory, without)
        seen.append(with_memory)
    assert seen[0] == seen[3]
    assert len(set(seen)) == 3
