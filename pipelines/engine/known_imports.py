"""What each source text imports, remembered between runs by the text's hash: parsing all of them costs more
than a run in which nothing changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


class KnownImports:
    """Module names by the text that names them. Names are of the text alone: whether such a module exists is
    looked up each time.

    path  File that keeps them; none: nothing is kept. One that cannot be read or written is done without.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._is_new = False
        self._names: dict[str, list[str]] = {}
        if path is not None:
            with suppress(OSError, ValueError):
                kept = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(kept, dict) and all(map(_is_names, kept.values())):
                    self._names = kept

    def of(self, digest: str, package: str, parse: Callable[[], Iterable[str]]) -> list[str]:
        """The names in a text: those remembered, else those that parsing finds.

        digest   SHA-256 of the text. [hex]
        package  What relative imports of the text begin from.
        """
        key = f"{package} {digest}"
        if key not in self._names:
            self._names[key] = sorted(set(parse()))
            self._is_new = True
        return self._names[key]

    def keep(self) -> None:
        """Writes down what was parsed since."""
        if self._path is None or not self._is_new:
            return
        self._is_new = False
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_name(f"{self._path.name}.{id(self)}.partial")
            partial.write_text(json.dumps(self._names), encoding="utf-8")
            partial.replace(self._path)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
