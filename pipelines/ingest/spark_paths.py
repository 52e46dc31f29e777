"""Paths as Spark takes and gives them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote


def as_pattern(folder: Path) -> str:
    """A folder as Spark takes it: a pattern, in which the folder's own brackets and stars are no
    wildcards.
    """
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", str(folder))


def path_told(path: str) -> str:
    """The path of a file as Spark's rows tell it, an address with escapes."""
    return unquote("/" + Path(path.removeprefix("file:")).as_posix().lstrip("/"))
