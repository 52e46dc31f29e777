"""Mapping files of senders: read, refused with their line, found by the name of a received file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from pipelines.errors import SettingsError
from pipelines.formats.mapping import LongMapping

MOST_BYTES = 1 << 18


def load_mapping(path: Path) -> LongMapping:
    """Reads and validates a mapping file; raises SettingsError with file, line, key and what is wrong."""
    try:
        text = _text_of(path)
        _refuse_aliases(text, path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.load(text, Loader=_TextLoader)  # noqa: S506 - a loader that builds texts, lists and mappings alone
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}:{line}: not readable as YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}:1: the file must be a mapping of keys.")
    _refuse_repeated(node, path)
    try:
        return LongMapping.model_validate(content)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in problem["loc"]) or "the mapping"
        line = _line_of(node, problem["loc"])
        known = {"extra_forbidden": "is not known here", "missing": "is missing"}
        told = known.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        raise SettingsError(
            f"{path}:{line}: {key} {told}.",
            "See docs/formats/mapping.md and docs/formats/mapping.schema.json.",
        ) from None


def _text_of(path: Path) -> str:
    described = "Name a mapping file as docs/formats/mapping.md describes it."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(
                f"{path} is larger than {MOST_BYTES:,} bytes, which no mapping is.", described
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist.", described) from None
    except IsADirectoryError:
        raise SettingsError(f"{path} is a folder, not a mapping file.", described) from None
    except UnicodeDecodeError:
        raise SettingsError(
            f"{path} is not UTF-8.",
            (
                "Save the mapping itself as UTF-8; how the data files are encoded is declared in it, as "
                "`encoding: gbk`."
            ),
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", described) from None


def _refuse_aliases(text: str, path: Path) -> None:
    """A mapping repeats nothing; aliases of aliases grow without end."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            line = token.start_mark.line + 1
            raise SettingsError(
                f"{path}:{line}: a mapping takes no anchors (&name) and no aliases (*name).",
                "Write the part out where it is needed.",
            )


def load_mappings(folder: Path) -> tuple[LongMapping, ...]:
    """Every mapping of a folder in the order of the file names; none where there is no folder."""
    found = tuple(load_mapping(path) for path in sorted(folder.glob("*.yaml"))) if folder.is_dir() else ()
    ids = [mapping.id for mapping in found]
    if len(set(ids)) < len(ids):
        raise SettingsError(f"{folder}: two mappings have one id ({', '.join(sorted(ids))}).")
    return found


def mapping_of(name: str, mappings: Sequence[LongMapping]) -> LongMapping | None:
    """The first mapping that is declared for files of that name."""
    return next((mapping for mapping in mappings if mapping.fits(name)), None)


class _TextLoader(yaml.SafeLoader):
    """Keys and values stay as written: a code 1, a yes and a 08:00 are texts."""


_TextLoader.yaml_implicit_resolvers = {}


def _line_of(node: yaml.Node | None, location: Sequence[str | int]) -> int:
    """Line of the deepest key on the way that the file has."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _refuse_repeated(node: yaml.Node | None, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise SettingsError(f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice.")
            seen.add(key.value)
            _refuse_repeated(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated(child, path)
