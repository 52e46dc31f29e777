"""Run the tests that what changed can break: those whose own imports, near and far, hold a changed file.

    python scripts/changed_tests.py               what the branch and the working tree changed since main
    python scripts/changed_tests.py --base REV    what changed since another commit
    python scripts/changed_tests.py --slow        the slow ones too
    python scripts/changed_tests.py --list        names the test files and runs none

A changed file to which no import leads (conf/, samples/, a template) is named: which tests read it is not
known, and ``make test`` decides. Options that are not known here go to pytest.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# These decide for every test.
FOR_ALL = {"tests/conftest.py", "tests/marks.py", "pyproject.toml"}


def imports_of(path: str, sources: Mapping[str, str]) -> set[str]:
    """Files among the sources that a file imports, anywhere in it; packages on the way are imported too, and
    so is the conftest.py of a test's folders below tests/.
    """
    found: set[str] = set()
    for name in _names(path, ast.parse(sources[path])):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            stem = "/".join(parts[:length])
            found |= {f"{stem}.py", f"{stem}/__init__.py"}
    if path.startswith("tests/"):
        found |= {
            f"{folder}/conftest.py" for folder in map(str, Path(path).parents) if folder not in ".tests"
        }
    return found & sources.keys()


def _names(path: str, tree: ast.AST) -> Iterator[str]:
    """Dotted names that may be modules: of ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = Path(path).parts[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def affected_tests(changed: Iterable[str], sources: Mapping[str, str]) -> list[str]:
    """Test files, sorted, whose import closure holds a changed file; all of them where it decides for all."""
    tests = {path for path in sources if path.startswith("tests/") and Path(path).name.startswith("test_")}
    waiting = list(changed)
    if FOR_ALL.intersection(waiting):
        return sorted(tests)
    importers: dict[str, set[str]] = {}
    for path in sources:
        for imported in imports_of(path, sources):
            importers.setdefault(imported, set()).add(path)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += importers.get(path, ())
    return sorted(tests & seen)


def _git(*arguments: str) -> list[str]:
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()


def main() -> int:
    """Exit code of pytest, or 0 where nothing is to be run."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--base", default="main", help="the commit before the change (main)")
    options.add_argument("--slow", action="store_true", help="the slow tests too")
    options.add_argument("--list", action="store_true", help="name the test files and run none")
    given, others = options.parse_known_args()
    (base,) = _git("merge-base", given.base, "HEAD")
    changed = {*_git("diff", "--name-only", base), *_git("ls-files", "--others", "--exclude-standard")}
    paths = [path for path in _git("ls-files", "-co", "--exclude-standard") if path.endswith(".py")]
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in paths if (ROOT / path).is_file()}
    tests = affected_tests(changed, sources)
    for path in sorted(changed - sources.keys() - FOR_ALL):
        sys.stderr.write(f"{path}: no import leads to it; `make test` decides\n")
    sys.stderr.write(f"{len(changed)} files changed, {len(tests)} test files to run\n")
    if given.list or not tests:
        sys.stdout.writelines(f"{path}\n" for path in tests)
        return 0
    workers = ["-n", "2", "--dist", "loadfile"] if len(tests) > 1 else []
    speed = [] if given.slow else ["-m", "not slow"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *workers, *speed, *others, *tests], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
