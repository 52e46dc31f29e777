"""YAML whose mappings and lists remember their lines, with exact decimals instead of floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import FactFileError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_NODES = 100_000
MOST_DEPTH = 50
"""No file of this project nests deeper than ten; composing thousands of levels ends the process."""
_INTEGER = re.compile(r"[-+]?\d+")
_DECIMAL = re.compile(r"[-+]?\d+\.\d+")


class MarkedMap(dict[str, Any]):
    """A mapping that knows its file, its own line and the line of each value."""

    def __init__(self, path: str, line: int) -> None:
        super().__init__()
        self.path, self.line = path, line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """Line of a key's value; of the mapping where the key is absent."""
        return self.lines.get(key, self.line)

    def error(self, key: str, message: str, hint: str = "") -> FactFileError:
        """The error that points at a key."""
        return FactFileError(self.path, self.line_of(key), message, hint)

    def line_at(self, way: Iterable[str | int]) -> int:
        """Line of the innermost part on a way of keys and places that the file has."""
        line: int = self.line
        at: Any = self
        for part in way:
            if isinstance(at, MarkedMap) and part in at:
                line, at = at.line_of(str(part)), at[str(part)]
            elif isinstance(at, MarkedList) and isinstance(part, int) and part < len(at):
                line, at = at.lines[part], at[part]
            else:
                break
        return line


class MarkedList(list[Any]):
    """A list that knows the line of each element."""

    def __init__(self, path: str, line: int) -> None:
        super().__init__()
        self.path, self.line = path, line
        self.lines: list[int] = []


def read_marked_yaml(
    path: Path, shown_as: str, where_missing: str = "Restore it from the packaged conf/facts."
) -> MarkedMap:
    """One file as marked mappings, lists, Decimals, dates, booleans and texts.

    shown_as       How errors name the file.
    where_missing  What to do where there is no such file.
    Raises FactFileError for anything that is not a mapping, for a key that stands twice and for what is
    nested too deep.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_depth(text, shown_as)
        node = yaml.compose(text, Loader=_LOADER)
    except FileNotFoundError:
        raise FactFileError(shown_as, None, "the file does not exist", where_missing) from None
    except IsADirectoryError:
        raise FactFileError(shown_as, None, "is a folder, not a file", where_missing) from None
    except PermissionError:
        raise FactFileError(shown_as, None, "the file may not be read", "Look at its permissions.") from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].count(b"\n")
        raise FactFileError(shown_as, before + 1, "the file is not UTF-8", "Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise FactFileError(shown_as, line, f"not readable as YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise FactFileError(shown_as, None, f"not readable as YAML: {' '.join(str(error).split())}") from None
    built = _Builder(shown_as).build(node) if node is not None else None
    if not isinstance(built, MarkedMap):
        raise FactFileError(shown_as, 1, "the file must be a mapping of keys")
    return built


def _refuse_depth(text: str, shown_as: str) -> None:
    """Refuses what no composer should be given; the events of a file come one by one, however deep it is."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise FactFileError(
                shown_as, line, f"the file is nested more than {MOST_DEPTH} levels deep", "Nest it less deep."
            )


class _Builder:
    """Turns nodes into marked values; an alias is built where it stands, so that what grows without end is
    refused.
    """

    def __init__(self, path: str) -> None:
        self._path, self._built = path, 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        """The value of a node."""
        line = node.start_mark.line + 1
        self._built += 1
        if self._built > MOST_NODES:
            raise FactFileError(
                self._path,
                line,
                f"the file unfolds to more than {MOST_NODES:,} values",
                "Write fewer aliases (*name) of large parts.",
            )
        if id(node) in self._open:
            raise FactFileError(
                self._path,
                line,
                "an alias (*name) stands inside the part that it names",
                "Write the part out.",
            )
        if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            self._open.add(id(node))
            try:
                return (
                    self._mapping(node, line)
                    if isinstance(node, yaml.MappingNode)
                    else self._listing(node, line)
                )
            finally:
                self._open.discard(id(node))
        return _scalar(node, self._path, line)

    def _mapping(self, node: yaml.MappingNode, line: int) -> MarkedMap:
        mapping = MarkedMap(self._path, line)
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in mapping:
                raise FactFileError(self._path, key_node.start_mark.line + 1, f"the key {key!r} stands twice")
            mapping.lines[key] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node)
        return mapping

    def _listing(self, node: yaml.SequenceNode, line: int) -> MarkedList:
        listing = MarkedList(self._path, line)
        for child in node.value:
            listing.lines.append(child.start_mark.line + 1)
            listing.append(self.build(child))
        return listing


def _scalar(node: yaml.Node, path: str, line: int) -> Any:
    text = str(node.value)
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind in {"int", "float"}:
        if _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
            return Decimal(text)
        raise FactFileError(path, line, f"write the number {text!r} in plain decimals")
    if kind == "timestamp":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise FactFileError(path, line, f"{text!r} is not a day YYYY-MM-DD") from None
    return text
