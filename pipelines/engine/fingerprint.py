"""What the result of a step depends on, as one digest: the code that computes it, the settings and facts that
it declares, the versions that it reads. What a step cannot reach does not make it run again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import RLock
from types import FunctionType, MethodType

from pipelines.engine.declared_inputs import DeclaredSettings
from pipelines.engine.known_imports import KnownImports
from pipelines.engine.step import Step, TrainStep
from pipelines.facts import Facts
from pipelines.facts.facts import part_digest
from pipelines.models.model import ModelBundle
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, cache_folder

FIRST_PARTY = ("pipelines", "products")
WRITING = "pipelines.engine.write_results"
"""What every step's frames pass through on their way into a table."""
_MODULE_NAME = re.compile(rf"({'|'.join(FIRST_PARTY)})(\.\w+)+")


@dataclass(frozen=True)
class _Source:
    """One module as it stands: digest of its text, the modules it imports, the folder of its package."""

    digest: bytes
    imports: frozenset[str]
    folder: Path | None


class CodeDigests:
    """Digests of code by what can run: a module and all that it imports, here or there in its text.

    Sources are parsed, never imported, each once. An import within a function counts, one for type checkers
    alone does not, and a module that a string names counts as imported (models name their loader so). So do
    the files that lie beside a module and are no Python, such as templates.

    root     Folder that holds the first-party packages; none: the one that this module was loaded from.
    imports  What texts are known to import; none: all are parsed.
    """

    def __init__(self, root: Path | None = None, imports: KnownImports | None = None) -> None:
        self._root = root or Path(__file__).resolve().parent.parent.parent
        self._imports = KnownImports() if imports is None else imports
        self._sources: dict[str, _Source | None] = {}
        self._data: dict[Path, bytes] = {}
        self._lock = RLock()

    def digest(self, modules: Iterable[str]) -> str:
        """SHA-256 over the modules, all that they reach, and the data files beside those. [hex]"""
        with self._lock:
            reached = self._reached(modules)
            digest = hashlib.sha256()
            for name, source in sorted(reached.items()):
                digest.update(name.encode() + b"\0" + source.digest)
            for folder in sorted({source.folder for source in reached.values() if source.folder}):
                digest.update(self._data_digest(folder))
            self._imports.keep()
        return digest.hexdigest()

    def reached(self, modules: Iterable[str]) -> frozenset[str]:
        """Names of the modules and of all that they import, with the packages around them."""
        with self._lock:
            return frozenset(self._reached(modules))

    def _reached(self, modules: Iterable[str]) -> dict[str, _Source]:
        found: dict[str, _Source] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in found or (source := self._source(name)) is None:
                continue
            found[name] = source
            waiting += [*source.imports, *_packages_around(name)]
        return found

    def _source(self, name: str) -> _Source | None:
        """None where no module has that name."""
        if name not in self._sources:
            path = self._path(name)
            self._sources[name] = None if path is None else self._read(name, path)
        return self._sources[name]

    def _path(self, name: str) -> Path | None:
        if not _is_first_party(name):
            # The step of somebody else: its own module and what that imports of ours.
            file = getattr(sys.modules.get(name), "__file__", None) or ""
            return Path(file) if file.endswith(".py") else None
        stem = self._root.joinpath(*name.split("."))
        choices = (stem / "__init__.py", stem.with_suffix(".py"))
        return next((path for path in choices if path.is_file()), None)

    def _read(self, name: str, path: Path) -> _Source:
        text = path.read_bytes()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        digest = hashlib.sha256(text)
        named = self._imports.of(
            digest.hexdigest(),
            package,
            lambda: filter(_is_first_party, _named_modules(ast.parse(text), package)),
        )
        imports = frozenset(found for found in named if self._path(found) is not None)
        folder = path.parent if _is_first_party(name) else None
        return _Source(digest.digest(), imports, folder)

    def _data_digest(self, folder: Path) -> bytes:
        if folder not in self._data:
            digest = hashlib.sha256()
            for path in sorted(_data_files(folder)):
                digest.update(path.relative_to(self._root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            self._data[folder] = digest.digest()
        return self._data[folder]


@cache
def own_code() -> CodeDigests:
    """The code that this process runs, read once."""
    # Another way of parsing finds other names, so each has a file of its own.
    parser = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return CodeDigests(imports=KnownImports(cache_folder() / f"imports-{parser}.json"))


def code_modules(step: Step | TrainStep) -> frozenset[str]:
    """The modules whose code, with all that it imports, makes the step's result: its functions, tables and
    settings, the facts where it uses them, and the writing of results.
    """
    functions = (step.train, step.challenge, step.of_months) if isinstance(step, TrainStep) else (step.apply,)
    functions = (*functions, step.is_reached, getattr(step, "facts_read", None))
    tables = [*step.reads, *(step.writes if isinstance(step, Step) else ())]
    found = {module for function in functions for module in modules_behind(function)}
    found |= {table.__module__ for table in tables} | {kind.__module__ for kind in step.settings}
    found |= {Facts.__module__} if step.facts else set()
    return frozenset(found | ({WRITING} if isinstance(step, Step) else set()))


def modules_behind(work: object) -> frozenset[str]:
    """Modules of a function and of what it holds: the functions and objects that a closure, a partial or a
    method brings along.
    """
    found: set[str] = set()
    seen: dict[int, object] = {}
    waiting: list[object] = [work]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, FunctionType) or _is_first_party(_module_of(part)):
            found.add(_module_of(part))
        waiting += _held_by(part)
    return frozenset(found)


def fingerprint(
    step: Step | TrainStep,
    read: Mapping[str, int],
    bundles: Mapping[str, ModelBundle],
    months: Sequence[str],
    settings: Settings,
    facts: Facts,
    code: CodeDigests,
) -> str:
    """SHA-256 over all that the result of a step depends on. [hex]

    read    Delta version of each table read; empty for all but the versions.
    months  Months asked for; they count for steps that depend on them.
    """
    parts = {
        "step": step.name,
        "read": dict(read),
        "writes": {table.name: mode.value for table, mode in step.writes.items()}
        if isinstance(step, Step)
        else step.model,
        "models": {name: bundle.digest for name, bundle in bundles.items()},
        "months": _of_months(step, months, settings),
        "settings": {kind.file: settings.section_digest(kind) for kind in step.settings},
        "facts": _of_facts(step, facts, months),
        "code": code.digest(code_modules(step)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _of_months(step: Step | TrainStep, months: Sequence[str], settings: Settings) -> list[str]:
    """What of the months asked for the result depends on."""
    if isinstance(step, Step):
        return list(months) if step.by_month else []
    if step.of_months is None:
        return []
    asked = [BillingMonth.parse(month) for month in months]
    return [step.of_months(DeclaredSettings(settings, step), asked)]


def _of_facts(step: Step | TrainStep, facts: Facts, months: Sequence[str]) -> str:
    """What of the facts the result depends on."""
    if isinstance(step, Step) and step.facts_read is not None:
        return step.facts_read(facts, months)
    return facts.digest if step.facts is True else part_digest(facts, step.facts or ())


def _is_first_party(name: str) -> bool:
    return name.partition(".")[0] in FIRST_PARTY


def _packages_around(name: str) -> Iterator[str]:
    """Importing a module runs the ``__init__`` of each package around it."""
    while "." in name:
        name = name.rpartition(".")[0]
        if _is_first_party(name):
            yield name


def _named_modules(tree: ast.Module, package: str) -> Iterator[str]:
    """What a module's text may import, by full name; among them names that are no modules."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*outer, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and _MODULE_NAME.fullmatch(str(node.value)):
            yield str(node.value)
        waiting += ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _data_files(folder: Path) -> Iterator[Path]:
    """Files of a package's folder that are no Python, and of folders in it that are no packages."""
    for path in folder.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_file():
            if path.suffix not in (".py", ".pyc"):
                yield path
        elif not (path / "__init__.py").is_file():
            yield from _data_files(path)


def _module_of(part: object) -> str:
    named = part if isinstance(part, FunctionType | type) else type(part)
    return named.__module__


def _held_by(part: object) -> list[object]:
    if isinstance(part, partial):
        return [part.func, *part.args, *part.keywords.values()]
    if isinstance(part, MethodType):
        return [part.__func__, part.__self__]
    if isinstance(part, FunctionType):
        wrapped = getattr(part, "__wrapped__", None)
        return [wrapped, *(part.__defaults__ or ()), *(part.__kwdefaults__ or {}).values(), *_cells(part)]
    if isinstance(part, list | tuple | set | frozenset):
        return [*part]
    if isinstance(part, dict):
        return [*part.keys(), *part.values()]
    if not isinstance(part, type) and _is_first_party(_module_of(part)):
        return [*getattr(part, "__dict__", {}).values()]
    return []


def _cells(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet: a function that names itself
            continue
